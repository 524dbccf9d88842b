package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Others are the figures beside those of a tap, of the shop alone.
type others struct {
	dayTaps, dayFailed            int
	dayBegan, dayEnded, dayMost   float64 // bytes
	search                        time.Duration
	searched                      string // what takes longest
	refreshed                     time.Duration
	purchase50, purchase99        float64 // ms
	crowd50, crowd99, crowdLast   float64 // s
	crowdBought, crowdLost, qr    float64 // qr in ms
	qrObjects, qrBytes, countries float64
	plans                         int
}

// starts starts each contestant some times more.
func (s *stage) starts(ctx context.Context, times int, rep *report) error {
	rep.started = map[string][]float64{}
	for _, c := range rep.contestants {
		for _, sh := range rep.sheets[c.id] {
			rep.started[c.id] = append(rep.started[c.id], sh.start)
		}
	}
	for range times {
		for _, c := range rep.contestants {
			took, err := s.begin(ctx, c)
			if err != nil {
				return fmt.Errorf("start %s: %w", c.name, err)
			}
			rep.started[c.id] = append(rep.started[c.id], ms(took))
		}
	}
	return nil
}

func (s *stage) begin(ctx context.Context, c contestant) (time.Duration, error) {
	b, err := s.up(ctx, c)
	if err != nil {
		return 0, err
	}
	defer b.stop()
	l := newLoad(s.telegram, b.addr, s.routes)
	defer l.hangUp()
	return b.answered(ctx, l)
}

// others measures what only the shop does.
func (s *stage) others(ctx context.Context, rep *report, out io.Writer) error {
	o := &others{refreshed: s.refreshed, countries: float64(len(s.snapshot.Countries())), plans: s.plans()}
	o.search, o.searched = s.search()
	fmt.Fprintln(out, "a day's taps")
	if err := s.wholeDay(ctx, rep, o); err != nil {
		return err
	}
	fmt.Fprintln(out, "purchases")
	for _, run := range []struct{ pkg, name, times string }{
		{"./handlers", "Picture", "1s"}, {"./cmd/bot", "Purchase", "200x"}, {"./cmd/bot", "Crowd", "1x"},
	} {
		figures, err := s.goBench(ctx, run.pkg, run.name, run.times)
		if err != nil {
			return err
		}
		switch run.name {
		case "Picture":
			o.qr, o.qrObjects, o.qrBytes = figures["ns/op"]/1e6, figures["allocs/op"], figures["B/op"]
		case "Purchase":
			o.purchase50, o.purchase99 = figures["p50-ms"], figures["p99-ms"]
		case "Crowd":
			o.crowd50, o.crowd99, o.crowdLast = figures["p50-ms"]/1000, figures["p99-ms"]/1000, figures["last-s"]
			o.crowdBought, o.crowdLost = figures["purchases"], figures["lost"]
		}
	}
	rep.others = o
	return nil
}

// wholeDay sends a day's taps to one process of the shop, and looks at its memory.
func (s *stage) wholeDay(ctx context.Context, rep *report, o *others) error {
	i := slices.IndexFunc(rep.contestants, func(c contestant) bool { return c.id == theShop })
	b, err := s.up(ctx, rep.contestants[i])
	if err != nil {
		return err
	}
	defer b.stop()
	l := newLoad(s.telegram, b.addr, s.routes)
	defer l.hangUp()
	if _, err := b.answered(ctx, l); err != nil {
		return err
	}
	l.closed(ctx, rep.inFlight, people, time.Minute)
	now, _, err := b.memory()
	if err != nil {
		return err
	}
	o.dayBegan = float64(now)
	r := l.closed(ctx, rep.inFlight, rep.day, 10*time.Minute)
	o.dayTaps, o.dayFailed = r.taps, r.failed
	now, most, err := b.memory()
	o.dayEnded, o.dayMost = float64(now), float64(most)
	return err
}

// search returns the mean time of the search that takes longest, over the full catalogue.
func (s *stage) search() (slowest time.Duration, query string) {
	const times = 500
	for _, q := range []string{
		"japan", "ja", "switzreland", "japan and korea", "my esim does not work at all", strings.Repeat("abc ", 100),
		"ничего не работает помогите пожалуйста", strings.Repeat("qwertyuiop", 10), "اليابان وكوريا",
	} {
		began := time.Now()
		for range times {
			s.snapshot.Search(q, "en", 8)
		}
		if took := time.Since(began) / times; took > slowest {
			slowest, query = took, q
		}
	}
	return slowest, query
}

// goBench runs one of the Go benchmarks and returns its figures by unit.
func (s *stage) goBench(ctx context.Context, pkg, name, times string) (map[string]float64, error) {
	text, err := output(ctx, s.root, "go", "test", "-run", "^$", "-bench", "^Benchmark"+name+"$", "-benchmem", "-benchtime", times, "-timeout", "15m", pkg)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) < 4 || !strings.HasPrefix(words[0], "Benchmark"+name) {
			continue
		}
		figures := map[string]float64{}
		for i := 2; i+1 < len(words); i += 2 {
			if figures[words[i+1]], err = strconv.ParseFloat(words[i], 64); err != nil {
				return nil, fmt.Errorf("benchmark %s: %w", name, err)
			}
		}
		return figures, nil
	}
	return nil, fmt.Errorf("benchmark %s in %s printed no figures:\n%s", name, pkg, text)
}

// plans counts what is on sale.
func (s *stage) plans() int {
	n := 0
	for _, p := range slices.Concat(s.snapshot.Countries(), s.snapshot.Regions()) {
		n += len(s.snapshot.Plans(p.Destination.ID()))
	}
	if g, ok := s.snapshot.Global(); ok {
		n += len(s.snapshot.Plans(g.Destination.ID()))
	}
	return n
}
