package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"esimbot/catalog"
)

// A contestant is a bot that can be started.
type contestant struct {
	id, name string
	// build makes it runnable, once; errNoNode where it can't be here.
	build func(ctx context.Context, root, dir string) error
	// argv runs it.
	argv func(root, dir string) []string
	shop bool // it takes the shop's environment
}

// errNoNode says that this machine has no Node, or its packages can't be had.
var errNoNode = errors.New("no Node here")

const (
	theShop   = "shop"
	theLimit  = "byhand"
	theGrammY = "grammy"
	theGraf   = "telegraf"
	theGo     = "gotelegram"
)

func contestants() []contestant {
	program := func(id, name, pkg string, shop bool) contestant {
		return contestant{
			id: id, name: name, shop: shop,
			build: func(ctx context.Context, root, dir string) error {
				_, err := output(ctx, root, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, id), pkg)
				return err
			},
			argv: func(_, dir string) []string {
				argv := []string{filepath.Join(dir, id)}
				if shop {
					argv = append(argv, "serve")
				}
				return argv
			},
		}
	}
	script := func(id, name string) contestant {
		return contestant{
			id: id, name: name,
			build: func(ctx context.Context, root, _ string) error {
				return installed(ctx, filepath.Join(root, "bench", "peers", id))
			},
			argv: func(root, _ string) []string {
				return []string{"node", filepath.Join(root, "bench", "peers", id, "bot.mjs")}
			},
		}
	}
	return []contestant{
		program(theShop, "the shop", "./cmd/bot", true),
		program(theLimit, "by hand in Go, no bot library", "./bench/peers/byhand", false),
		program(theGo, "go-telegram/bot, its own webhook", "./bench/peers/gotelegram", false),
		script(theGrammY, "grammY on Node"),
		script(theGraf, "telegraf on Node"),
	}
}

// output runs a command to its end and returns what it printed.
func output(ctx context.Context, dir string, argv ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // G204: go, node and npm
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out)
	}
	return out, nil
}

// installed has npm install a peer's packages where they are missing, exactly those of its lock file.
func installed(ctx context.Context, dir string) error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w: %w", errNoNode, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err == nil {
		return nil
	}
	if _, err := output(ctx, dir, "npm", "ci", "--omit=dev", "--no-audit", "--no-fund"); err != nil {
		return fmt.Errorf("%w: %w", errNoNode, err)
	}
	return nil
}

// A bot is a contestant that runs.
type bot struct {
	*process
	addr, metrics string
	started       time.Time
}

// stage is what the bots run in.
type stage struct {
	root, dir string
	redis     *redisServer
	telegram  *telegram
	outside   *outside
	shelf     shelf
	catalogue string // file
	routes    []journey
	snapshot  *catalog.Snapshot
	refreshed time.Duration // how long it takes to renew it
}

// up empties Redis, puts the catalogue back, and starts a contestant. It returns at once.
func (s *stage) up(ctx context.Context, c contestant) (*bot, error) {
	if err := s.redis.reset(ctx, s.shelf); err != nil {
		return nil, err
	}
	b := &bot{}
	var err error
	if b.addr, err = freeAddr(ctx); err != nil {
		return nil, err
	}
	if b.metrics, err = freeAddr(ctx); err != nil {
		return nil, err
	}
	vars := map[string]string{
		"TELEGRAM_BOT_TOKEN": botToken, "TELEGRAM_API_URL": s.telegram.url(), "TELEGRAM_WEBHOOK_SECRET": botSecret,
		"REDIS_URL": s.redis.url(), "LISTEN_ADDR": b.addr, "METRICS_ADDR": b.metrics, "LOG_LEVEL": "warn",
	}
	if c.shop {
		for name, value := range s.outside.world.Env() {
			if vars[name] == "" {
				vars[name] = value
			}
		}
		vars["ADMIN_IDS"] = ""
	} else {
		vars["CATALOGUE"], vars["NODE_ENV"] = s.catalogue, "production"
	}
	env := make([]string, 0, len(vars))
	for name, value := range vars {
		env = append(env, name+"="+value)
	}
	b.started = time.Now()
	b.process, err = start(ctx, c.name, env, c.argv(s.root, s.dir)...)
	return b, err
}

// answered sends taps until the first is over, and returns how long after the start that was.
func (b *bot) answered(ctx context.Context, l *load) (time.Duration, error) {
	c := l.take()
	defer l.give(c)
	w := &worker{}
	for tick := time.NewTicker(time.Millisecond); ; {
		l.one(ctx, c, w)
		if len(w.took) > 0 {
			tick.Stop()
			return time.Since(b.started), nil
		}
		if err := b.alive(); err != nil {
			return 0, err
		}
		if time.Since(b.started) > 30*time.Second {
			return 0, fmt.Errorf("%s answers no tap: %w", b.name, *l.lastFailed.Load())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// allocations returns how many objects and bytes a bot in Go has allocated so far; false for the
// others, which don't tell.
func (b *bot) allocations(ctx context.Context) (objects, total float64, ok bool) {
	for _, addr := range []string{b.metrics, b.addr} {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
		if err != nil {
			return 0, 0, false
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // read to its end
		if err != nil || resp.StatusCode != http.StatusOK {
			continue
		}
		figures := map[string]float64{}
		for line := range bytes.Lines(body) {
			name, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
			if n, err := strconv.ParseFloat(value, 64); err == nil {
				figures[name] = n
			}
		}
		return figures["go_memstats_mallocs_total"], figures["go_memstats_alloc_bytes_total"], figures["go_memstats_mallocs_total"] > 0
	}
	return 0, 0, false
}
