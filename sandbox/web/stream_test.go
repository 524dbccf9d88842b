package web

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
)

// events reads server-sent events.
type events struct{ lines *bufio.Scanner }

func newEvents(res *http.Response) events {
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	return events{lines}
}

// next returns the next event's name and data.
func (e events) next(t *testing.T) (name, data string) {
	t.Helper()
	for e.lines.Scan() {
		line := e.lines.Text()
		switch {
		case strings.HasPrefix(line, "event: "):
			name = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data: "):
			data = strings.TrimPrefix(line, "data: ")
		case line == "" && data != "":
			return name, data
		}
	}
	t.Fatalf("the stream ended: %v", e.lines.Err())
	return "", ""
}
