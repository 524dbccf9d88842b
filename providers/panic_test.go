package providers_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"esimbot/providers"
)

// TestPanicsComeOutWhereTheyAreWaitedFor: with what was said, and the stack they came from.
func TestPanicsComeOutWhereTheyAreWaitedFor(t *testing.T) {
	plain := errors.New("plain")
	if err := providers.Raise(providers.Guard(func() error { return plain })()); !errors.Is(err, plain) {
		t.Errorf("an error came back as %v", err)
	}
	if err := providers.Raise(nil); err != nil {
		t.Errorf("nothing came back as %v", err)
	}
	err := providers.Guard(func() error { panic("a bug") })()
	if err == nil || err.Error() != "panic: a bug" {
		t.Fatalf("%v", err)
	}
	defer func() {
		if p := fmt.Sprint(recover()); !strings.HasPrefix(p, "a bug\n") || !strings.Contains(p, "panic_test.go") {
			t.Errorf("raised %q", p)
		}
	}()
	_ = providers.Raise(fmt.Errorf("fetch: %w", err))
	t.Error("not raised")
}
