package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A report is all that a run came to.
type report struct {
	plan
	contestants []contestant
	sheets      map[string][]*sheet  // by contestant, a round each
	started     map[string][]float64 // ms, of every start
	others      *others              // nil: not measured
}

// progress tells what the last turn came to, and where a contestant did other work than the shop.
func (r *report) progress(out io.Writer, round int, c contestant) {
	sheets := r.sheets[c.id]
	s := sheets[len(sheets)-1]
	fmt.Fprintf(out, "round %d  %-32s %6.0f taps/s %5.0f µs CPU  p50 %5.2f p99 %6.2f ms  half %5.2f/%6.2f  slow %5.0f/s %6.1f MiB  start %4.0f ms  others %2.0f %%  failed %.0f %s\n",
		round+1, c.name, s.rate, s.cpu, s.p50, s.p99, s.half50, s.half99, s.slowRate, mib(s.memory), s.start, 100*s.disturbed, s.failed, s.failure)
	if shop := r.sheets[theShop]; round == 0 && len(shop) > 0 {
		if n, what := unlike(shop[0].screens, s.screens); n > 0 {
			fmt.Fprintf(out, "%s draws %d of %d screens in another way than the shop:\n%s\n", c.name, n, len(s.screens), what)
		}
	}
}

// markdown writes the report as docs/performance.md has it.
func (r *report) markdown(ctx context.Context) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s. %d rounds of %s for each thing, %d taps under way at once, %d with the slow Telegram.\n\n",
		machine(ctx), r.rounds, r.each, r.inFlight, r.slowInFlight)
	if d := r.disturbed(); d > quiet {
		fmt.Fprintf(&b, "**Other programs took %.0f %% of the processors meanwhile: these figures say little.**\n\n", 100*d)
	}
	r.taps(&b)
	r.targets(&b)
	if r.others != nil {
		r.rest(&b)
	}
	return b.String()
}

// quiet is how much of the processors other programs may take for the figures to mean something.
const quiet = 0.05

// disturbed is which part of the processors other programs took in the median turn.
func (r *report) disturbed() float64 {
	var values []float64
	for _, sheets := range r.sheets {
		for _, s := range sheets {
			values = append(values, s.disturbed)
		}
	}
	return median(values)
}

// middle is the median of what get takes from each of a contestant's sheets.
func (r *report) middle(id string, get func(*sheet) float64) float64 {
	var values []float64
	for _, s := range r.sheets[id] {
		values = append(values, get(s))
	}
	return median(values)
}

// ratio is the median of the rounds' own ratios: what the machine did otherwise in a round fell on
// both.
func (r *report) ratio(a, b string, get func(*sheet) float64) (float64, bool) {
	var values []float64
	for i, s := range r.sheets[a] {
		if i < len(r.sheets[b]) && get(r.sheets[b][i]) > 0 {
			values = append(values, get(s)/get(r.sheets[b][i]))
		}
	}
	return median(values), len(values) > 0
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// A row is one figure of all contestants.
type row struct {
	name string
	cell func(id string) string
}

func (r *report) taps(b *strings.Builder) {
	one := func(format string, get func(*sheet) float64) func(string) string {
		return func(id string) string {
			if v := r.middle(id, get); v > 0 {
				return fmt.Sprintf(format, v)
			}
			return "–"
		}
	}
	two := func(get, and func(*sheet) float64) func(string) string {
		return func(id string) string { return fmt.Sprintf("%.1f / %.1f", r.middle(id, get), r.middle(id, and)) }
	}
	rows := []row{
		{"**taps a second**", one("**%.0f**", func(s *sheet) float64 { return s.rate })},
		{"… p50 / p99, ms", two(func(s *sheet) float64 { return s.p50 }, func(s *sheet) float64 { return s.p99 })},
		{"processor time of the bot a tap, µs", one("%.0f", func(s *sheet) float64 { return s.cpu })},
		{"… of Redis, µs", one("%.0f", func(s *sheet) float64 { return s.redisCPU })},
		{"at half of its own rate, p50 / p99, ms", two(func(s *sheet) float64 { return s.half50 }, func(s *sheet) float64 { return s.half99 })},
		{fmt.Sprintf("taps a second, Telegram takes %s", r.slow), one("%.0f", func(s *sheet) float64 { return s.slowRate })},
		{"… p50 / p99, ms", two(func(s *sheet) float64 { return s.slow50 }, func(s *sheet) float64 { return s.slow99 })},
		{"one tap alone, ms", one("%.2f", func(s *sheet) float64 { return s.lone50 })},
		{"round trips to Redis a tap", one("%.1f", func(s *sheet) float64 { return s.trips })},
		{"commands of Redis", one("%.1f", func(s *sheet) float64 { return s.commands })},
		{"bytes to and from Redis", one("%.0f", func(s *sheet) float64 { return s.redisBytes })},
		{"calls to Telegram a tap", one("%.1f", func(s *sheet) float64 { return s.calls })},
		{"bytes sent to Telegram", one("%.0f", func(s *sheet) float64 { return s.callBytes })},
		{"allocations a tap", one("%.0f", func(s *sheet) float64 { return s.objects })},
		{"bytes allocated a tap", one("%.0f", func(s *sheet) float64 { return s.bytes })},
		{"memory with 10,000 sessions, MiB", one("%.1f", func(s *sheet) float64 { return mib(s.memory) })},
		{"… after the turn, MiB", one("%.1f", func(s *sheet) float64 { return mib(s.memoryEnd) })},
		{"start to first tap answered, ms", func(id string) string { return fmt.Sprintf("%.0f", median(r.started[id])) }},
	}
	b.WriteString("| one tap |")
	for _, c := range r.contestants {
		b.WriteString(" " + c.name + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(r.contestants)) + "\n")
	for _, row := range rows {
		b.WriteString("| " + row.name + " |")
		for _, c := range r.contestants {
			b.WriteString(" " + row.cell(c.id) + " |")
		}
		b.WriteByte('\n')
	}
	for _, c := range r.contestants {
		if n := r.failures(c.id); n > 0 {
			fmt.Fprintf(b, "\n%.0f taps of %s failed: %s\n", n, c.name, r.sheets[c.id][0].failure)
		}
		if n := r.unlike(c.id); n > 0 {
			fmt.Fprintf(b, "\n%d screens of %s differ from the shop's.\n", n, c.name)
		}
	}
	b.WriteByte('\n')
}

func (r *report) failures(id string) float64 {
	n := 0.0
	for _, s := range r.sheets[id] {
		n += s.failed
	}
	return n
}

func (r *report) unlike(id string) int {
	shop, own := r.sheets[theShop], r.sheets[id]
	if len(shop) == 0 || len(own) == 0 {
		return 0
	}
	n, _ := unlike(shop[0].screens, own[0].screens)
	return n
}

func (r *report) targets(b *strings.Builder) {
	b.WriteString("| target | measured | |\n| --- | ---: | --- |\n")
	line := func(target, measured string, met bool) {
		verdict := "**missed**"
		if met {
			verdict = "met"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", target, measured, verdict)
	}
	against := func(target, peer string, get func(*sheet) float64, met func(float64) bool) {
		if v, ok := r.ratio(theShop, peer, get); ok {
			line(target, fmt.Sprintf("%.2f", v), met(v))
		}
	}
	least := func(n float64) func(float64) bool { return func(v float64) bool { return v >= n } }
	most := func(n float64) func(float64) bool { return func(v float64) bool { return v <= n } }
	rate := func(s *sheet) float64 { return s.rate }
	memory := func(s *sheet) float64 { return s.memory }
	against("taps a second ÷ telegraf's: 2", theGraf, rate, least(2))
	against("taps a second ÷ grammY's: 2.5", theGrammY, rate, least(2.5))
	against("taps a second ÷ by hand: 0.8", theLimit, rate, least(0.8))
	against("processor time ÷ telegraf's: at most 0.5", theGraf, func(s *sheet) float64 { return s.cpu }, most(0.5))
	if len(r.sheets[theShop]) > 0 {
		spread := r.middle(theShop, func(s *sheet) float64 { return s.half99 / max(s.half50, 0.001) })
		// One who doesn't keep up waits evenly, too.
		queued := r.middle(theShop, func(s *sheet) float64 { return s.half50 }) > r.middle(theShop, func(s *sheet) float64 { return s.p50 })
		line("p99 ÷ p50 at half load: under 3", fmt.Sprintf("%.2f", spread), spread < 3 && !queued)
	}
	for _, peer := range []string{theGrammY, theGraf} {
		name := r.name(peer)
		against("memory ÷ "+name+": at most 1/3", peer, memory, most(1.0/3))
		if own, theirs := median(r.started[theShop]), median(r.started[peer]); own > 0 && theirs > 0 {
			line("start ÷ "+name+": at most 1/10", fmt.Sprintf("%.2f", own/theirs), own/theirs <= 0.1)
		}
	}
	if o := r.others; o != nil {
		line("search: under 1 ms", fmt.Sprintf("%.3f ms", ms(o.search)), o.search < time.Millisecond)
		line("QR code: under 2 ms", fmt.Sprintf("%.2f ms", o.qr), o.qr < 2)
		line("1,000 pay at once: 1,000 eSIMs, none lost", fmt.Sprintf("%.0f, %.0f lost", o.crowdBought, o.crowdLost), o.crowdBought == 1000 && o.crowdLost == 0)
	}
	b.WriteByte('\n')
}

func (r *report) name(id string) string {
	for _, c := range r.contestants {
		if c.id == id {
			return c.name
		}
	}
	return id
}

func (r *report) rest(b *strings.Builder) {
	o := r.others
	b.WriteString("| the shop besides | |\n| --- | ---: |\n")
	line := func(name, format string, values ...any) {
		fmt.Fprintf(b, "| %s | %s |\n", name, fmt.Sprintf(format, values...))
	}
	line("payment at Stripe → photo at Telegram, p50 / p99", "%.1f / %.1f ms", o.purchase50, o.purchase99)
	line("1,000 customers pay at once: p50 / p99 / the last photo", "%.2f / %.2f / %.2f s", o.crowd50, o.crowd99, o.crowdLast)
	line(fmt.Sprintf("memory before and after a day of %s taps; the most", grouped(o.dayTaps)), "%.1f → %.1f MiB; %.1f", mib(o.dayBegan), mib(o.dayEnded), mib(o.dayMost))
	line("… of these taps failed", "%d", o.dayFailed)
	line("drawing a QR code", "%.2f ms, %.0f allocations, %.0f bytes", o.qr, o.qrObjects, o.qrBytes)
	line(fmt.Sprintf("the search that takes longest (“%s”)", shortened(o.searched)), "%.3f ms", ms(o.search))
	line(fmt.Sprintf("renewing both catalogues, %.0f countries and %d plans, from providers that answer at once", o.countries, o.plans), "%.0f ms", ms(o.refreshed))
}

func mib(bytes float64) float64 { return bytes / (1 << 20) }

// grouped writes a number with its thousands apart.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func shortened(s string) string {
	if runes := []rune(s); len(runes) > 24 {
		return string(runes[:24]) + "…"
	}
	return s
}

// machine tells what all this ran on.
func machine(ctx context.Context) string {
	model := "an unknown processor"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	parts := []string{fmt.Sprintf("%d processors (%s) that Redis, Telegram's stand-in and the load shared", runtime.NumCPU(), model), runtime.Version()}
	for _, argv := range [][]string{{"node", "--version"}, {"redis-server", "--version"}} {
		if out, err := output(ctx, "", argv...); err == nil {
			for _, word := range strings.Fields(string(out)) {
				if version, ok := strings.CutPrefix(word, "v"); ok {
					parts = append(parts, argv[0]+" "+strings.TrimPrefix(version, "="))
					break
				}
			}
		}
	}
	return strings.Join(parts, ", ")
}

// The marks in a Markdown file between which a report stands.
const (
	beginMark = "<!-- what `make bench` measured: begin -->"
	endMark   = "<!-- what `make bench` measured: end -->"
)

// writeBetween puts text between the marks in a file.
func writeBetween(file, text string) error {
	b, err := os.ReadFile(file) //nolint:gosec // G304: named on the command line
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(b), beginMark)
	_, after, closed := strings.Cut(rest, endMark)
	if !ok || !closed {
		return fmt.Errorf("%s lacks the marks %s and %s", file, beginMark, endMark)
	}
	return os.WriteFile(file, []byte(before+beginMark+"\n"+text+endMark+after), 0o644) //nolint:gosec // G306: a page to be read
}
