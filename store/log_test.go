package store

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestTheLibraryIsQuiet(t *testing.T) {
	var b bytes.Buffer
	for level, want := range map[slog.Level]bool{slog.LevelInfo: false, slog.LevelDebug: true} {
		b.Reset()
		l := libraryLogger{slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: level}))}
		l.Printf(t.Context(), "pool: failed to dial after %d attempts", 5)
		if got := strings.Contains(b.String(), "after 5 attempts"); got != want {
			t.Errorf("at %s: %s", level, &b)
		}
	}
}
