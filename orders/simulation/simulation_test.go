package simulation

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"esimbot/orders"
)

// told is how many failures are told as stories.
const told = 3

// A failure is a breach and where to see it again.
type failure struct {
	breach
	world int
}

// TestSimulation simulates orders and holds everybody's books against each other.
func TestSimulation(t *testing.T) {
	seed, many := env(t, "SIM_SEED", 1), int(env(t, "SIM_ORDERS", 10000))
	if raced && os.Getenv("SIM_ORDERS") == "" {
		many = 1000
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // much is allocated, little stays
	began := time.Now()
	var sum figures
	var failures []failure
	if world := os.Getenv("SIM_WORLD"); world != "" {
		number := int(env(t, "SIM_WORLD", 0))
		sum, failures = one(seed, number)
		if id := os.Getenv("SIM_ORDER"); id != "" {
			t.Log("\n" + tell(seed, number, orders.ID(id)))
		}
	} else {
		sum, failures = simulate(seed, many, os.Getenv("SIM_FIRST") != "")
	}
	t.Log("\n" + sum.block(seed, time.Since(began)))
	for i, f := range failures {
		t.Errorf("%s: order %s: %s (SIM_SEED=%d SIM_WORLD=%d)", f.Invariant, string(f.Order), f.Detail, seed, f.world)
		if i < told && os.Getenv("SIM_FIRST") == "" {
			t.Log("\n" + tell(seed, f.world, f.Order))
		}
	}
}

// TestSameSeedSameStory runs the same worlds twice.
func TestSameSeedSameStory(t *testing.T) {
	first, _ := simulate(7, 200, false)
	second, _ := simulate(7, 200, false)
	if first != second {
		t.Errorf("seed 7 tells two stories:\n%s%s", first.block(7, 0), second.block(7, 0))
	}
	if other, _ := simulate(8, 200, false); other.hash == first.hash {
		t.Error("seeds 7 and 8 tell the same story")
	}
}

// simulate runs worlds of a seed until they saw so many orders, on all processors, or with first until
// one fails. What it returns depends on neither the processors' number nor their speed.
func simulate(seed uint64, many int, first bool) (sum figures, failures []failure) {
	type end struct {
		figures  figures
		failures []failure
	}
	workers := runtime.GOMAXPROCS(0)
	for next := 0; sum.orders < many && (!first || len(failures) == 0); next += workers {
		ends := make([]end, workers)
		var running sync.WaitGroup
		for i := range ends {
			running.Go(func() { ends[i].figures, ends[i].failures = one(seed, next+i) })
		}
		running.Wait()
		for _, e := range ends {
			if sum.orders < many && (!first || len(failures) == 0) {
				sum.add(&e.figures)
				failures = append(failures, e.failures...)
			}
		}
	}
	return sum, failures
}

// one runs a world to its end.
func one(seed uint64, number int) (_ figures, failures []failure) {
	defer func() {
		if p := recover(); p != nil {
			panic(fmt.Sprintf("SIM_SEED=%d SIM_WORLD=%d: %v\n%s", seed, number, p, debug.Stack()))
		}
	}()
	w := newWorld(seed, number)
	w.live()
	for _, b := range w.breaches() {
		failures = append(failures, failure{b, number})
	}
	w.count()
	return w.figures, failures
}

// env reads a number from the environment.
func env(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := strings.TrimSpace(os.Getenv(name))
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
