// Package browsertest opens headless Chromium windows for tests.
package browsertest

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Open opens a tab of a new Chromium, of so many pixels, for at most limit and no longer than the
// test. Without chromium on PATH it skips the test, aloud.
func Open(t testing.TB, width, height int, limit time.Duration) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not on PATH: what people see is not looked at")
	}
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		// A machine without a network is asked for nothing.
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("force-prefers-reduced-motion", true), // so that nothing moves away under a click
		chromedp.WindowSize(width, height))
	limited, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	started, cancel := chromedp.NewExecAllocator(limited, flags...)
	t.Cleanup(cancel)
	tab, cancel := chromedp.NewContext(started, chromedp.WithErrorf(func(string, ...any) {})) // it reports events it does not know
	t.Cleanup(cancel)
	return tab
}
