package pages

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime"
)

// Load reads the catalogue from a file.
func Load(file string) (*Catalogue, error) {
	b, err := os.ReadFile(file) //nolint:gosec // G304: the benchmark's own file
	if err != nil {
		return nil, err
	}
	c := &Catalogue{}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	return c, nil
}

// Memory tells the benchmark what was allocated so far, in the names of Prometheus' Go collector.
func Memory(w http.ResponseWriter, _ *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(w, "go_memstats_mallocs_total %d\ngo_memstats_alloc_bytes_total %d\n", m.Mallocs, m.TotalAlloc)
}
