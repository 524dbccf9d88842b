package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// papers are the texts by which the shop is built, configured and deployed. They must say the same
// as the program.
type papers struct {
	docker, ignore, fly, example string
	main, module, gate, make     string
	page, scaling, readme        string // what people read
}

func readPapers(t *testing.T) papers {
	t.Helper()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	return papers{
		docker: read("Dockerfile"), ignore: read(".dockerignore"), fly: read("fly.toml"), example: read(".env.example"),
		main: read("cmd/bot/main.go"), module: read("go.mod"), gate: read(".ci/run"), make: read("Makefile"),
		page: read("docs/deploy-fly.md"), scaling: read("docs/scaling.md"), readme: read("README.md"),
	}
}

// drifts are the places where two of them say different things, a line each.
type drifts []string

func (d *drifts) add(format string, args ...any) { *d = append(*d, fmt.Sprintf(format, args...)) }

// unless notes a drift if ok doesn't hold.
func (d *drifts) unless(ok bool, format string, args ...any) {
	if !ok {
		d.add(format, args...)
	}
}

func (p papers) drifts() drifts {
	var d drifts
	p.checkExample(&d)
	p.checkFly(&d)
	p.checkImage(&d)
	p.checkDocs(&d)
	return d
}

// isSecret says whether a variable must be kept from files and shown to nobody.
func isSecret(variable string) bool {
	return variable == "REDIS_URL" || regexp.MustCompile(`(TOKEN|KEY|SECRET)$`).MatchString(variable)
}

// subcommands are the words that the program understands.
func subcommands() []string {
	parser, err := kong.New(&cli{})
	if err != nil {
		panic(err) // every test that starts the program fails too
	}
	var names []string
	for _, node := range parser.Model.Children {
		names = append(names, node.Name)
	}
	return names
}

// usually is what the program does where nothing is set but what must be.
func usually(set map[string]string) (*Config, error) {
	vars := minimal()
	maps.Copy(vars, set)
	return environmentFrom(vars).Config()
}

// port is the port of an address such as ":8080".
func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// checkExample: .env.example names every variable and no other, with the default where there is one,
// and a shop that is configured as it stands would start.
func (p papers) checkExample(d *drifts) {
	active, all := map[string]string{}, map[string]string{}
	line := regexp.MustCompile(`^(#?)([A-Z][A-Z0-9_]+)=(.*)$`)
	for text := range strings.Lines(p.example) {
		m := line.FindStringSubmatch(strings.TrimSpace(text))
		if m == nil {
			continue
		}
		if _, twice := all[m[2]]; twice {
			d.add(".env.example: %s stands there twice", m[2])
		}
		all[m[2]] = m[3]
		if m[1] == "" {
			active[m[2]] = m[3]
		}
	}
	if _, err := environmentFrom(active).Config(); err != nil {
		d.add(".env.example is refused: %v", err)
	}
	typ := reflect.TypeFor[Environment]()
	for i := range typ.NumField() {
		name, def := typ.Field(i).Tag.Get("env"), typ.Field(i).Tag.Get("default")
		value, ok := all[name]
		d.unless(ok, ".env.example: %s is missing", name)
		if _, set := active[name]; ok && !set && def != "" {
			d.unless(value == def, ".env.example: %s is %q, the default is %q", name, value, def)
		}
		delete(all, name)
	}
	for name := range all {
		d.add(".env.example: nothing reads %s", name)
	}
}

// flyConfig is fly.toml with every key that we use. https://fly.io/docs/reference/configuration/
type flyConfig struct {
	App           string         `toml:"app"`
	PrimaryRegion string         `toml:"primary_region"`
	KillSignal    string         `toml:"kill_signal"`
	KillTimeout   int            `toml:"kill_timeout"`
	Build         map[string]any `toml:"build"`
	Deploy        struct {
		ReleaseCommand string `toml:"release_command"`
		Strategy       string `toml:"strategy"`
		MaxUnavailable int    `toml:"max_unavailable"`
	} `toml:"deploy"`
	Env         map[string]string `toml:"env"`
	HTTPService struct {
		InternalPort int    `toml:"internal_port"`
		ForceHTTPS   bool   `toml:"force_https"`
		AutoStop     string `toml:"auto_stop_machines"`
		AutoStart    bool   `toml:"auto_start_machines"`
		MinRunning   int    `toml:"min_machines_running"`
		Concurrency  struct {
			Type      string `toml:"type"`
			SoftLimit int    `toml:"soft_limit"`
		} `toml:"concurrency"`
		Checks []struct {
			Method   string `toml:"method"`
			Path     string `toml:"path"`
			Interval string `toml:"interval"`
			Timeout  string `toml:"timeout"`
			Grace    string `toml:"grace_period"`
		} `toml:"checks"`
	} `toml:"http_service"`
	Metrics struct {
		Port int    `toml:"port"`
		Path string `toml:"path"`
	} `toml:"metrics"`
	Restart []struct {
		Policy string `toml:"policy"`
	} `toml:"restart"`
	VM []struct {
		Size   string `toml:"size"`
		Memory string `toml:"memory"`
	} `toml:"vm"`
}

// checkFly: fly.toml sends requests where the program listens, asks for routes that it has, runs
// subcommands that it knows, lets it end in peace, and holds no secret.
func (p papers) checkFly(d *drifts) {
	var fly flyConfig
	known, err := toml.Decode(p.fly, &fly)
	if err != nil {
		d.add("fly.toml: %v", err)
		return
	}
	for _, key := range known.Undecoded() {
		d.add("fly.toml: the test doesn't know %s", key)
	}
	for name := range fly.Env {
		d.unless(slices.Contains(variables(), name), "fly.toml: nothing reads %s", name)
		d.unless(!isSecret(name), "fly.toml: %s is a secret", name)
	}
	c, err := usually(fly.Env)
	if err != nil {
		d.add("fly.toml: [env] is refused: %v", err)
		return
	}
	service := fly.HTTPService
	d.unless(port(c.ListenAddr) == fmt.Sprint(service.InternalPort), "fly.toml: requests go to %d, the program listens on %s", service.InternalPort, c.ListenAddr)
	d.unless(port(c.MetricsAddr) == fmt.Sprint(fly.Metrics.Port), "fly.toml: metrics are read at %d, they are on %s", fly.Metrics.Port, c.MetricsAddr)
	d.unless(fly.Metrics.Path == "/metrics", "fly.toml: metrics are read at %s", fly.Metrics.Path)
	d.unless(service.ForceHTTPS, "fly.toml: TLS is not forced")
	d.unless(fly.Deploy.ReleaseCommand == "setup" && slices.Contains(subcommands(), fly.Deploy.ReleaseCommand), "fly.toml: release_command is %q", fly.Deploy.ReleaseCommand)
	d.unless(fly.Deploy.Strategy == "rolling" && fly.Deploy.MaxUnavailable == 1, "fly.toml: deploys are %s, %d at once", fly.Deploy.Strategy, fly.Deploy.MaxUnavailable)
	d.unless(fly.KillSignal == "SIGTERM", "fly.toml: kill_signal is %s", fly.KillSignal)
	wait := time.Duration(fly.KillTimeout) * time.Second
	d.unless(wait >= drainTimeout+5*time.Second, "fly.toml: kill_timeout is %s, the program may take %s", wait, drainTimeout)
	d.unless(service.AutoStop == "off" && service.AutoStart && service.MinRunning >= 2, "fly.toml: machines may sleep, or are fewer than two")
	d.unless(service.Concurrency.Type == "requests", "fly.toml: concurrency counts %s", service.Concurrency.Type)
	d.unless(len(fly.Restart) == 1 && fly.Restart[0].Policy == "always", "fly.toml: a machine that failed stays down")
	d.unless(len(fly.VM) == 1 && fly.VM[0].Memory == "256mb", "fly.toml: memory is not 256mb")
	if len(service.Checks) != 1 || service.Checks[0].Path != "/readyz" || service.Checks[0].Method != http.MethodGet {
		d.add("fly.toml: health is not checked by GET /readyz")
		return
	}
	for _, text := range []string{service.Checks[0].Interval, service.Checks[0].Timeout, service.Checks[0].Grace} {
		_, err := time.ParseDuration(text)
		d.unless(err == nil, "fly.toml: %q is no duration", text)
	}
}

// buildCommand is how the static binary is made, wherever it is made.
const buildCommand = `CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o `

// checkImage: the image holds what the program needs and runs what it understands, as nobody special.
func (p papers) checkImage(d *drifts) {
	has := func(pattern string) bool { return regexp.MustCompile(`(?m)` + pattern).MatchString(p.docker) }
	for name, text := range map[string]string{"Dockerfile": p.docker, "Makefile": p.make, ".ci/run": p.gate} {
		d.unless(strings.Contains(text, buildCommand), "%s doesn't build by %s", name, buildCommand)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(p.module)
	d.unless(version != nil && has(`^FROM golang:`+regexp.QuoteMeta(version[1])+`[-.]`), "Dockerfile: not the Go of go.mod")
	_, last, _ := strings.Cut(p.docker, "\nFROM scratch\n")
	d.unless(last != "" && !strings.Contains(last, "\nFROM "), "Dockerfile: the image is not made from scratch")
	d.unless(has(`^COPY --from=build /etc/ssl/certs/ca-certificates\.crt /etc/ssl/certs/$`), "Dockerfile: no CA certificates")
	d.unless(strings.Contains(p.main, `_ "time/tzdata"`), "cmd/bot/main.go: no time zones")
	d.unless(has(`^USER [1-9]\d*$`) && has(`^COPY --from=build /passwd /etc/passwd$`), "Dockerfile: USER must be a number that /etc/passwd knows, not root")

	d.unless(slices.Equal(jsonLine(p.docker, "ENTRYPOINT"), []string{"/bot"}), "Dockerfile: ENTRYPOINT is not /bot")
	d.unless(slices.Equal(jsonLine(p.docker, "CMD"), []string{"serve"}) && slices.Contains(subcommands(), "serve"), "Dockerfile: CMD is not serve")
	c, err := usually(nil)
	if err != nil {
		d.add("the defaults are refused: %v", err)
		return
	}
	ports := port(c.ListenAddr) + " " + port(c.MetricsAddr)
	d.unless(has(`^EXPOSE `+ports+`$`), "Dockerfile: EXPOSE is not %s", ports)
	for _, name := range []string{".env", ".env.*", ".git"} {
		d.unless(slices.Contains(strings.Split(p.ignore, "\n"), name), ".dockerignore: %s goes to the builder", name)
	}
}

// jsonLine reads the list behind an instruction of a Dockerfile; nil where there is none.
func jsonLine(docker, instruction string) []string {
	m := regexp.MustCompile(`(?m)^` + instruction + ` (\[.*\])$`).FindStringSubmatch(docker)
	var words []string
	if m == nil || json.Unmarshal([]byte(m[1]), &words) != nil {
		return nil
	}
	return words
}

// checkDocs: the pages name no variable that isn't there, and the way to Fly.io leaves out none that
// must be set, nor how to change a secret.
func (p papers) checkDocs(d *drifts) {
	variable := regexp.MustCompile(`\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b`)
	for name, text := range map[string]string{"docs/deploy-fly.md": p.page, "docs/scaling.md": p.scaling, "README.md": p.readme} {
		for _, word := range variable.FindAllString(text, -1) {
			// The Redis that the page sets up has a password of its own.
			d.unless(slices.Contains(variables(), word) || strings.Contains(p.make, word) || word == "REDIS_PASSWORD", "%s: nothing reads %s", name, word)
		}
	}
	for _, block := range regexp.MustCompile("(?s)\n```toml\n(.*?)\n```").FindAllStringSubmatch(p.page, -1) {
		var anything map[string]any
		_, err := toml.Decode(block[1], &anything)
		d.unless(err == nil, "docs/deploy-fly.md: %v in what is to be copied", err)
	}
	d.unless(strings.Contains(p.page, "--appendonly yes") && strings.Contains(p.page, "--maxmemory-policy noeviction"), "docs/deploy-fly.md: its Redis would lose orders")
	_, rotation, found := strings.Cut(p.page, "\n## Changing a secret\n")
	rotation, _, _ = strings.Cut(rotation, "\n## ")
	d.unless(found, "docs/deploy-fly.md: nothing on changing secrets")
	for _, name := range variables() {
		if isSecret(name) {
			d.unless(strings.Contains(rotation, "`"+name+"`"), "docs/deploy-fly.md: how is %s changed?", name)
		}
	}
	for _, name := range append(slices.Collect(maps.Keys(minimal())), "CLOUDESIM_API_TOKEN", "PUBLIC_URL", "DATA_KEY", "ADMIN_IDS") {
		d.unless(strings.Contains(p.page, name+"="), "docs/deploy-fly.md: %s is not set", name)
	}
}

// What the files say, the program does.
func TestDeployment(t *testing.T) {
	t.Parallel()
	for _, drift := range readPapers(t).drifts() {
		t.Error(drift)
	}
}

// Each drift that somebody might bring about is found.
func TestDeploymentDrifts(t *testing.T) {
	t.Parallel()
	docker := func(p *papers) *string { return &p.docker }
	ignore := func(p *papers) *string { return &p.ignore }
	fly := func(p *papers) *string { return &p.fly }
	example := func(p *papers) *string { return &p.example }
	page := func(p *papers) *string { return &p.page }
	for name, plant := range map[string]struct {
		in       func(*papers) *string
		old, new string
		want     string
	}{
		"variable missing":        {example, "#BALANCE_ALERT=20", "", "BALANCE_ALERT is missing"},
		"variable unknown":        {example, "#BALANCE_ALERT=20", "#BALANCE_ALERT=20\n#BALANCE_ALARM=20", "nothing reads BALANCE_ALARM"},
		"variable twice":          {example, "#BALANCE_ALERT=20", "#BALANCE_ALERT=20\n#BALANCE_ALERT=20", "BALANCE_ALERT stands there twice"},
		"default wrong":           {example, "#CATALOG_REFRESH=6h", "#CATALOG_REFRESH=7h", `CATALOG_REFRESH is "7h", the default is "6h"`},
		"example refused":         {example, "ADMIN_IDS=1000", "ADMIN_IDS=@admin", "is refused"},
		"fly variable unknown":    {fly, `LOG_FORMAT = "json"`, `LOG_FORM = "json"`, "nothing reads LOG_FORM"},
		"fly value invalid":       {fly, `LOG_FORMAT = "json"`, `LOG_FORMAT = "yaml"`, "[env] is refused"},
		"fly secret":              {fly, `LOG_FORMAT = "json"`, `STRIPE_SECRET_KEY = "sk_test_x"`, "STRIPE_SECRET_KEY is a secret"},
		"fly address of Redis":    {fly, `LOG_FORMAT = "json"`, `REDIS_URL = "redis://r:6379"`, "REDIS_URL is a secret"},
		"port":                    {fly, "internal_port = 8080", "internal_port = 8081", "requests go to 8081"},
		"port listened on":        {fly, `LISTEN_ADDR = ":8080"`, `LISTEN_ADDR = ":80"`, "listens on :80"},
		"metrics port":            {fly, "port = 9091", "port = 9090", "metrics are read at 9090"},
		"metrics off":             {fly, `METRICS_ADDR = ":9091"`, `METRICS_ADDR = "off"`, "metrics are read at 9091"},
		"health":                  {fly, `"/readyz"`, `"/"`, "GET /readyz"},
		"health interval":         {fly, `interval = "15s"`, `interval = "often"`, `"often" is no duration`},
		"release command":         {fly, `release_command = "setup"`, `release_command = "set-up"`, "release_command"},
		"release with the binary": {fly, `release_command = "setup"`, `release_command = "/bot setup"`, "release_command"},
		"all at once":             {fly, `strategy = "rolling"`, `strategy = "immediate"`, "deploys are immediate"},
		"killed too soon":         {fly, "kill_timeout = 40", "kill_timeout = 5", "kill_timeout is 5s"},
		"machines sleep":          {fly, `auto_stop_machines = "off"`, `auto_stop_machines = "stop"`, "machines may sleep"},
		"no TLS":                  {fly, "force_https = true", "force_https = false", "TLS"},
		"stays down":              {fly, `policy = "always"`, `policy = "on-failure"`, "stays down"},
		"key misspelt":            {fly, "min_machines_running", "min_machine_running", "doesn't know http_service.min_machine_running"},
		"command changed":         {docker, `CMD ["serve"]`, `CMD ["server"]`, "CMD"},
		"command through a shell": {docker, `CMD ["serve"]`, `CMD serve`, "CMD"},
		"entry changed":           {docker, `ENTRYPOINT ["/bot"]`, `ENTRYPOINT ["/bot", "serve"]`, "ENTRYPOINT"},
		"exposed":                 {docker, "EXPOSE 8080 9091", "EXPOSE 8080", "EXPOSE"},
		"root":                    {docker, "USER 65532", "USER 0", "USER"},
		"not static":              {docker, "CGO_ENABLED=0 ", "", "doesn't build by"},
		"no certificates":         {docker, "COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/", "", "CA certificates"},
		"not empty":               {docker, "FROM scratch", "FROM debian", "from scratch"},
		"old Go":                  {docker, "FROM golang:1.26-", "FROM golang:1.25-", "Go of go.mod"},
		"secrets to the builder":  {ignore, ".env\n", "", ".env goes to the builder"},
		"page names a ghost":      {page, "`DATA_KEY`", "`DATA_KEYS_AT_REST`", "nothing reads DATA_KEYS_AT_REST"},
		"page leaves one out":     {page, "PUBLIC_URL=", "", "PUBLIC_URL is not set"},
		"page's Redis forgets":    {page, "--appendonly yes", "", "would lose orders"},
		"page's file malformed":   {page, "[[restart]]", "[[restart", "in what is to be copied"},
		"page can't rotate":       {page, "\n## Changing a secret\n", "\n## Secrets\n", "how is MOBILEXY_API_KEY changed?"},
		"no time zones":           {func(p *papers) *string { return &p.main }, `_ "time/tzdata"`, `_ "time"`, "no time zones"},
		"gate builds otherwise":   {func(p *papers) *string { return &p.gate }, "-trimpath ", "", ".ci/run doesn't build"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := readPapers(t)
			text := plant.in(&p)
			if !strings.Contains(*text, plant.old) {
				t.Fatalf("%q is not there to be changed", plant.old)
			}
			*text = strings.ReplaceAll(*text, plant.old, plant.new)
			found := p.drifts()
			if !strings.Contains(strings.Join(found, "\n"), plant.want) {
				t.Errorf("not found: %s\nbut: %q", plant.want, found)
			}
		})
	}
}
