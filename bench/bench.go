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
	only := flags.String("only", "", "contestants, with commas: shop, byhand, gotelegram, grammy, telegraf; then taps only")
	quick := flags.Bool("quick", false, "one short round of taps: to see whether a change helped")
	flags.IntVar(&s.rounds, "rounds", 3, "rounds; the figures are the medians")
	flags.DurationVar(&s.each, "each", 3*time.Second, "how long each thing is measured in a round")
	flags.IntVar(&s.inFlight, "inflight", 32, "taps under way at once")
	flags.DurationVar(&s.slow, "slow", 50*time.Millisecond, "what a slow Telegram takes for a call")
	flags.IntVar(&s.slowInFlight, "slow-inflight", 256, "taps under way at once with a slow Telegram")
	flags.IntVar(&s.starts, "starts", 5, "further starts of each contestant")
	flags.IntVar(&s.day, "day", 30*people, "taps of a day")
	flags.StringVar(&s.write, "write", "", "a Markdown file whose part between the marks is written anew")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if *quick {
		s.rounds, s.each, s.starts = 1, 2*time.Second, 0
	}
	if *only != "" {
		s.only = strings.Split(*only, ",")
	}
	if *quick || *only != "" {
		s.day = 0
		if s.write != "" {
			return s, errors.New("only a whole run is written down")
		}
	}
	return s, nil
}

func bench(ctx context.Context, args []string, out io.Writer) error {
	set, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	st, err := open(ctx)
	if err != nil {
		return err
	}
	defer st.close()
	ready, err := st.ready(ctx, set.only, out)
	if err != nil {
		return err
	}
	rep := &report{plan: set.plan, contestants: ready, sheets: map[string][]*sheet{}}
	for round := range set.rounds {
		for _, c := range ready {
			sh, err := st.turn(ctx, c, set.plan, round == 0)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			rep.sheets[c.id] = append(rep.sheets[c.id], sh)
			rep.progress(out, round, c)
		}
	}
	if err := st.starts(ctx, set.starts, rep); err != nil {
		return err
	}
	if set.day > 0 {
		if err := st.others(ctx, rep, out); err != nil {
			return err
		}
	}
	text := rep.markdown(ctx)
	fmt.Fprintln(out, "\n"+text)
	if set.write == "" {
		return nil
	}
	return writeBetween(set.write, text)
}

// ready builds the contestants asked for. One that can't be here is left out, aloud.
func (s *stage) ready(ctx context.Context, only []string, out io.Writer) ([]contestant, error) {
	var ready []contestant
	for _, c := range contestants() {
		if len(only) > 0 && !slices.Contains(only, c.id) {
			continue
		}
		switch err := c.build(ctx, s.root, s.dir); {
		case errors.Is(err, errNoNode):
			fmt.Fprintf(out, "WITHOUT %s: %v\n", c.name, err)
		case err != nil:
			return nil, err
		default:
			ready = append(ready, c)
		}
	}
	return ready, nil
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
	if s.snapshot, s.refreshed, err = s.outside.stock(ctx, s.redis.url()); err != nil {
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
	if s.routes, err = journeys(s.snapshot, english); err != nil {
		return err
	}
	return dump(s.root, s.catalogue, s.snapshot, english)
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
