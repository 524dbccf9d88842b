// Command bench measures the shop against other bots that do the same work, all on this machine and
// in one run: `make bench`. Each contestant is a process of its own, so is Redis; this program plays
// Telegram, both the sender of taps and the API, and the providers. Contestants take turns, round after
// round, and what is printed are the medians. The shop is started as it is deployed: `bot serve` in
// webhook mode.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"esimbot/locales"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := bench(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the command line.
type settings struct {
	plan
	only  []string
	write string
}

func parse(args []string) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "contestants, with commas: shop, byhand, gotelegram, grammy, telegraf; empty: all")
	quick := flags.Bool("quick", false, "one short round: to see whether a change helped")
	flags.IntVar(&s.rounds, "rounds", 3, "rounds; the figures are the medians")
	flags.DurationVar(&s.each, "each", 4*time.Second, "how long each thing is measured in a round")
	flags.IntVar(&s.inFlight, "inflight", 32, "taps under way at once")
	flags.DurationVar(&s.slow, "slow", 50*time.Millisecond, "what a slow Telegram takes for a call")
	flags.IntVar(&s.slowInFlight, "slow-inflight", 256, "taps under way at once with a slow Telegram")
	flags.StringVar(&s.write, "write", "", "a Markdown file whose part between the marks is written anew")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if *quick {
		s.rounds, s.each = 1, 2*time.Second
	}
	s.steadyInFlight = 256
	if *only != "" {
		s.only = strings.Split(*only, ",")
	}
	return s, nil
}

func bench(ctx context.Context, args []string, out io.Writer) error {
	set, err := parse(args)
	if err != nil {
		return err
	}
	st, err := open(ctx)
	if err != nil {
		return err
	}
	defer st.close()
	var ready []contestant
	for _, c := range contestants() {
		if len(set.only) > 0 && !slices.Contains(set.only, c.id) {
			continue
		}
		switch err := c.build(ctx, st.root, st.dir); {
		case errors.Is(err, errNoNode):
			fmt.Fprintf(out, "WITHOUT %s: %v\n", c.name, err)
		case err != nil:
			return err
		default:
			ready = append(ready, c)
		}
	}
	sheets := map[string][]*sheet{}
	for round := range set.rounds {
		for _, c := range ready {
			sh, err := st.turn(ctx, c, set.plan, round == 0)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			sheets[c.id] = append(sheets[c.id], sh)
			fmt.Fprintf(out, "round %d  %-32s %6.0f taps/s  %4.0f µs CPU  p50 %5.2f p99 %6.2f ms  half %5.2f/%6.2f  50 ms %5.0f/s  %5.1f MiB  start %4.0f ms  failed %.0f %s\n",
				round+1, c.name, sh.rate, sh.cpu, sh.p50, sh.p99, sh.half50, sh.half99, sh.slowRate, sh.memory/(1<<20), sh.start, sh.failed, sh.failure)
			if shop := sheets[theShop]; round == 0 && len(shop) > 0 {
				if n, what := unlike(shop[0].screens, sh.screens); n > 0 {
					fmt.Fprintf(out, "%s draws %d of %d screens in another way than the shop:\n%s\n", c.name, n, len(sh.screens), what)
				}
			}
		}
	}
	return nil
}

// open starts what the bots need.
func open(ctx context.Context) (*stage, error) {
	root, err := projectRoot()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	s := &stage{root: root, dir: dir, catalogue: filepath.Join(dir, "catalogue.json")}
	if err := s.furnish(ctx); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *stage) furnish(ctx context.Context) (err error) {
	if s.redis, err = startRedis(ctx); err != nil {
		return err
	}
	if s.telegram, err = openTelegram(ctx); err != nil {
		return err
	}
	if s.outside, err = openOutside(ctx); err != nil {
		return err
	}
	snapshot, err := s.outside.stock(ctx, s.redis.url())
	if err != nil {
		return err
	}
	if s.shelf, err = s.redis.shelve(ctx); err != nil {
		return err
	}
	bundle, err := locales.Load()
	if err != nil {
		return err
	}
	english := bundle.For(locales.English)
	if s.routes, err = journeys(snapshot, english); err != nil {
		return err
	}
	return dump(s.root, s.catalogue, snapshot, english)
}

func (s *stage) close() {
	if s.outside != nil {
		s.outside.close()
	}
	if s.telegram != nil {
		s.telegram.close()
	}
	if s.redis != nil {
		s.redis.close()
	}
	_ = os.RemoveAll(s.dir) // in the system's folder for such things
}
