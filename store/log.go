package store

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/redis/go-redis/v9"
)

// The library has one logger for the whole process, which writes to stderr as it likes, and setting
// it is not safe beside its use.
var libraryLog sync.Once //nolint:gochecknoglobals // guards a global of go-redis

// quietLibrary has the library's own messages go to log, at debug: what fails comes back as an error
// too. The first Store of a process decides where they go.
func quietLibrary(log *slog.Logger) {
	libraryLog.Do(func() { redis.SetLogger(libraryLogger{log}) })
}

type libraryLogger struct{ log *slog.Logger }

// Printf takes a message of the library's.
func (l libraryLogger) Printf(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "redis library", slog.String("said", fmt.Sprintf(format, args...)))
}
