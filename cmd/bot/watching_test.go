package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
)

// series are the names that can be asked for, each with its labels.
type series map[string][]string

// seriesOf are what registry tells of a shop that has run.
func seriesOf(t *testing.T, registry *prometheus.Registry) series {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	known := series{}
	for _, f := range families {
		labels := []string{"instance", "job"} // which Prometheus adds
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName())
			}
		}
		known[f.GetName()] = labels
		if f.GetMetric()[0].GetHistogram() != nil {
			known[f.GetName()+"_bucket"], known[f.GetName()+"_sum"], known[f.GetName()+"_count"] = append(labels, "le"), labels, labels
		}
	}
	return known
}

// The parts of PromQL that the shipped expressions are made of.
var (
	promRange    = regexp.MustCompile(`\[(\d+[smhd]|\$__rate_interval)\]`)
	promGrouping = regexp.MustCompile(`\b(?:by|without)\s*\(([^()]*)\)`)
	promSelector = regexp.MustCompile(`([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^{}]*)\}`)
	promMatcher  = regexp.MustCompile(`^\s*([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*$`)
	promNumber   = regexp.MustCompile(`\b\d+(\.\d+)?(e\d+)?\b`)
	promName     = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	promFunction = regexp.MustCompile(`\b(sum|min|max|count|rate|increase|histogram_quantile|absent)\s*\(`)
)

// check says what is wrong with an expression: a name or a label that the shop doesn't have, or a form
// that isn't known here.
func (known series) check(expr string) []string {
	var wrong []string
	rest := promRange.ReplaceAllString(expr, "")
	var labels []string
	for _, g := range promGrouping.FindAllStringSubmatch(rest, -1) {
		for l := range strings.SplitSeq(g[1], ",") {
			labels = append(labels, strings.TrimSpace(l))
		}
	}
	rest = promGrouping.ReplaceAllString(rest, "")
	for _, s := range promSelector.FindAllStringSubmatch(rest, -1) {
		for m := range strings.SplitSeq(s[2], ",") {
			switch parts := promMatcher.FindStringSubmatch(m); {
			case parts == nil:
				wrong = append(wrong, fmt.Sprintf("matcher %q", m))
			case !slices.Contains(known[s[1]], parts[1]):
				wrong = append(wrong, fmt.Sprintf("%s has no label %s", s[1], parts[1]))
			}
		}
	}
	rest = promSelector.ReplaceAllString(rest, "$1")
	rest = promFunction.ReplaceAllString(rest, "(")
	rest = promNumber.ReplaceAllString(rest, "")
	var names []string
	for _, name := range promName.FindAllString(rest, -1) {
		if _, ok := known[name]; !ok {
			wrong = append(wrong, "no series "+name)
			continue
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		wrong = append(wrong, "no series at all")
	}
	for _, l := range labels {
		if !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(known[n], l) }) {
			wrong = append(wrong, fmt.Sprintf("none of %v has the label %s", names, l))
		}
	}
	if odd := strings.Trim(promName.ReplaceAllString(rest, ""), "()/+*<>=, \n\t."); odd != "" {
		wrong = append(wrong, fmt.Sprintf("%q isn't known here", odd))
	}
	if strings.Count(expr, "(") != strings.Count(expr, ")") {
		wrong = append(wrong, "parentheses")
	}
	return wrong
}

func TestExpressionsAreChecked(t *testing.T) {
	t.Parallel()
	known := series{"a_total": {"x"}, "b_seconds_bucket": {"le", "y"}, "c": nil}
	for expr, want := range map[string]bool{
		`sum by (x) (rate(a_total{x="1"}[5m])) / sum(rate(a_total[5m])) > 0.5`:                      true,
		`histogram_quantile(0.9, sum by (le) (rate(b_seconds_bucket{y=~"a|b"}[$__rate_interval])))`: true,
		`absent(c)`:                       true,
		`max(d) > 1`:                      false,
		`max(a_total{z="1"})`:             false,
		`sum by (le) (rate(a_total[5m]))`: false,
		`sum(rate(a_total[5 minutes]))`:   false,
		`sum(c`:                           false,
		`sum(c) ; 1`:                      false,
		`1 > 0`:                           false,
	} {
		if wrong := known.check(expr); (len(wrong) == 0) != want {
			t.Errorf("%s: %v", expr, wrong)
		}
	}
}

// checkDeploy holds the shipped dashboard and alert rules against what the shop tells, and against the
// runbook.
func checkDeploy(t *testing.T, registry *prometheus.Registry) {
	known := seriesOf(t, registry)
	t.Run("alerts", func(t *testing.T) { checkAlerts(t, known) })
	t.Run("dashboard", func(t *testing.T) { checkDashboard(t, known) })
	t.Run("documented", func(t *testing.T) {
		runbook := read(t, "../../docs/operations.md")
		for name := range known {
			base := name
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") && !strings.Contains(runbook, "`"+base+"`") && !strings.Contains(runbook, "`"+name+"`") {
				t.Errorf("%s is not in docs/operations.md", name)
			}
		}
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var anchorless = regexp.MustCompile(`[^a-z0-9 _-]`)

// anchors are the headings of a page, as addresses name them.
func anchors(page string) []string {
	var found []string
	for line := range strings.Lines(page) {
		if title := strings.TrimLeft(line, "#"); title != line {
			found = append(found, strings.ReplaceAll(anchorless.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-"))
		}
	}
	return found
}

func checkAlerts(t *testing.T, known series) {
	var file struct {
		Groups []struct {
			Name  string `yaml:"name"`
			Rules []struct {
				Alert       string            `yaml:"alert"`
				Expr        string            `yaml:"expr"`
				For         string            `yaml:"for"`
				Labels      map[string]string `yaml:"labels"`
				Annotations map[string]string `yaml:"annotations"`
			} `yaml:"rules"`
		} `yaml:"groups"`
	}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "../../deploy/alerts.yml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	headings := anchors(read(t, "../../docs/operations.md"))
	seen := map[string]bool{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			for _, wrong := range known.check(rule.Expr) {
				t.Errorf("%s: %s", rule.Alert, wrong)
			}
			if seen[rule.Alert] || rule.Alert == "" {
				t.Errorf("%q stands twice, or has no name", rule.Alert)
			}
			seen[rule.Alert] = true
			if _, err := time.ParseDuration(rule.For); rule.For != "" && err != nil {
				t.Errorf("%s: for %s", rule.Alert, rule.For)
			}
			if s := rule.Labels["severity"]; s != "page" && s != "ticket" {
				t.Errorf("%s: severity %q", rule.Alert, s)
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s says too little", rule.Alert)
			}
			page, anchor, _ := strings.Cut(rule.Annotations["runbook_url"], "#")
			if page != "docs/operations.md" || !slices.Contains(headings, anchor) {
				t.Errorf("%s: no such place: %s", rule.Alert, rule.Annotations["runbook_url"])
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d rules", len(seen))
	}
}

func checkDashboard(t *testing.T, known series) {
	type source struct{ Type, UID string }
	type grid struct{ X, Y, W, H int }
	var board struct {
		SchemaVersion int
		Templating    struct {
			List []struct{ Name, Type, Query string }
		}
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     grid
			Datasource  source
			FieldConfig struct{ Defaults struct{ Unit string } }
			Targets     []struct {
				RefID, Expr string
				Datasource  source
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, "../../deploy/grafana-dashboard.json")), &board); err != nil {
		t.Fatal(err)
	}
	if board.SchemaVersion < 36 || len(board.Templating.List) != 1 || board.Templating.List[0].Type != "datasource" || board.Templating.List[0].Name != "datasource" {
		t.Errorf("schema %d, variables %+v", board.SchemaVersion, board.Templating.List)
	}
	want := source{"prometheus", "${datasource}"}
	var rows []string
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%s: id %d, at %+v", p.Title, p.ID, p.GridPos)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != "" {
					t.Fatalf("%s covers %s", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if p.FieldConfig.Defaults.Unit == "" || p.Datasource != want || len(p.Targets) == 0 {
			t.Errorf("%s: unit %q, %d queries of %v", p.Title, p.FieldConfig.Defaults.Unit, len(p.Targets), p.Datasource)
		}
		for _, target := range p.Targets {
			for _, wrong := range known.check(target.Expr) {
				t.Errorf("%s, %s: %s", p.Title, target.RefID, wrong)
			}
			if target.Datasource != want {
				t.Errorf("%s, %s: %v", p.Title, target.RefID, target.Datasource)
			}
		}
	}
	if !slices.Equal(rows, []string{"Customers", "Money", "Providers, Stripe, Telegram", "Watching eSIMs", "Machines"}) {
		t.Errorf("rows: %v", rows)
	}
}
