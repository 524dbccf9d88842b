package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"esimbot/store"
)

type doctorCmd struct {
	Environment `embed:""`
}

// errUnwell is the outcome of a doctor that found something.
var errUnwell = errors.New("something needs mending")

const (
	// redisPatience and patiencePerPart bound the doctor's look at Redis, and at each of the others.
	redisPatience   = 10 * time.Second
	patiencePerPart = 20 * time.Second
	// runSetup is the mend of all that setup mends.
	runSetup = `run "bot setup"`
)

// Run is `bot doctor`: one line a check, with the mend where it failed.
func (c *doctorCmd) Run(ctx context.Context, out output) error {
	cfg, err := c.Config()
	if err != nil {
		return fmt.Errorf("%w:\n%w", errUsage, err)
	}
	d := &doctor{cfg: cfg, options: options{log: newLogger(os.Stderr, "error", cfg.LogFormat), registry: newRegistry()}, now: time.Now}
	return d.examine(ctx, out)
}

// A doctor asks each part of the outside something harmless. Redis is asked first, for the others
// need what it keeps; they are asked side by side, and nothing that hangs on what failed is asked.
type doctor struct {
	cfg     *Config
	options options
	store   *store.Store     // nil: Redis doesn't answer
	now     func() time.Time // the shop's clock: Redis' where it answers
}

// A finding is the outcome of one check: well, perhaps with warnings, or a problem with its mend.
type finding struct {
	what     string
	warnings []string
	problem  string // empty: well
	mend     string
}

func well(what string, warnings ...string) finding { return finding{what: what, warnings: warnings} }

func ill(what string, problem any, mend string) finding {
	return finding{what: what, problem: fmt.Sprint(problem), mend: mend}
}

// String is the finding's line: one, whatever a server wrote.
func (f finding) String() string {
	outcome, text := "ok   ", f.what
	switch {
	case f.problem != "":
		outcome, text = "FAIL ", fmt.Sprintf("%s: %s; mend: %s", f.what, f.problem, f.mend)
	case len(f.warnings) > 0:
		text += " (warning: " + strings.Join(f.warnings, "; ") + ")"
	}
	return outcome + strings.Join(strings.Fields(text), " ")
}

func (d *doctor) examine(ctx context.Context, out output) (err error) {
	inRedis := d.redis(ctx)
	if d.store != nil {
		defer func() { err = errors.Join(err, d.store.Close()) }()
	}
	parts := append([]func(context.Context) []finding{
		d.settings, func(context.Context) []finding { return inRedis }, d.telegram, d.address, d.stripe,
	}, d.sellers()...)
	found := make([][]finding, len(parts))
	var asked sync.WaitGroup
	for i, part := range parts {
		asked.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, patiencePerPart)
			defer cancel()
			found[i] = part(ctx)
		})
	}
	asked.Wait()
	hide := strings.NewReplacer(d.secrets()...)
	for _, f := range slices.Concat(found...) {
		fmt.Fprintln(out, hide.Replace(f.String()))
		if f.problem != "" {
			err = errUnwell
		}
	}
	return err
}

// secrets pairs each secret of the configuration with what is printed in its place. None should be in
// a line; but a server's own words may quote what it was sent.
func (d *doctor) secrets() []string {
	list := slices.Concat([]string{d.cfg.TelegramToken, d.cfg.TelegramSecret, d.cfg.StripeKey, d.cfg.CloudESIMToken, d.cfg.MobilexyKey}, d.cfg.StripeSecrets)
	for _, key := range d.cfg.DataKeys {
		list = append(list, base64.StdEncoding.EncodeToString(key))
	}
	if u, err := url.Parse(d.cfg.RedisURL); err == nil {
		password, _ := u.User.Password()
		list = append(list, password)
	}
	var pairs []string
	for _, secret := range list {
		if secret != "" {
			pairs = append(pairs, secret, "***")
		}
	}
	return pairs
}
