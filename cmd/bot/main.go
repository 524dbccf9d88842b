// Command bot is the shop: `bot serve` runs it, `bot sandbox` runs it with the outside world in
// miniature, `bot setup` registers it with Telegram and Stripe, `bot doctor` checks it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // the image has no time zones of its own

	"github.com/alecthomas/kong"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2 // a wrong command line or environment; nothing was done
)

type cli struct {
	Serve   serveCmd   `cmd:"" help:"Run the shop."`
	Sandbox sandboxCmd `cmd:"" help:"Run the shop with the outside world in miniature; no account needed."`
	Setup   setupCmd   `cmd:"" help:"Register the webhooks and command menus."`
	Doctor  doctorCmd  `cmd:"" help:"Check configuration, credentials, Redis and the clock."`
}

// errUsage marks an error that is the caller's to mend: status 2.
var errUsage = errors.New("configuration")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// run parses args, runs the command until it is done or ctx ends, and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("bot"),
		kong.Description("A shop for travel eSIMs in a Telegram chat."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(status int) { exited = status }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(output{stdout}),
	)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	call, err := parser.Parse(args)
	switch {
	case exited == exitOK:
		return exitOK // --help has been printed
	case err != nil:
		fmt.Fprintln(stderr, "bot:", err)
		return exitUsage
	}
	switch err := call.Run(); {
	case err == nil:
		return exitOK
	case errors.Is(err, errUsage):
		fmt.Fprintln(stderr, err)
		return exitUsage
	default:
		fmt.Fprintln(stderr, "bot:", err)
		return exitFailed
	}
}

// output is where a command prints what people read.
type output struct{ io.Writer }

// newLogger writes to w as LOG_LEVEL and LOG_FORMAT say.
func newLogger(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: l}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}
