package simulation

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A plant is a bug put into the real order machine: in a file of package orders, a snippet that
// stands there exactly once is replaced.
type plant struct {
	name     string
	file     string
	old, new string
	// breaks names the invariant that must fail; any of them.
	breaks []string
}

// The invariants that plants break, by the words they begin with.
const (
	onEnd      = "every paid order is delivered"
	onStuck    = "nothing is stuck"
	onDouble   = "a provider is paid at most once"
	onMoney    = "nothing is bought for money"
	onRefunds  = "a customer is refunded at most"
	onBack     = "refunded means"
	onHas      = "delivered means"
	onKnown    = "every eSIM sold is known"
	onGiveBack = "an eSIM is given back only"
	onKept     = "what a provider sold to a process"
	onUnpaid   = "nothing is delivered unpaid"
)

func plants() []plant {
	return []plant{
		{
			name: "the fence is gone", file: "buy.go",
			old:    "func (s *Service) raise(ctx context.Context, o *Order, last Attempt) (bool, error) {\n",
			new:    "func (s *Service) raise(ctx context.Context, o *Order, last Attempt) (bool, error) {\n	return true, nil\n",
			breaks: []string{onDouble, onMoney},
		},
		{
			name: "a fence that a rival took is passed", file: "buy.go",
			old:    "		return false, errStop\n",
			new:    "		return true, nil\n",
			breaks: []string{onDouble},
		},
		{
			name: "a recoverer takes any attempt for closed", file: "recover.go",
			old:    "	case errors.Is(err, ErrFenceTaken), s.now()",
			new:    "	case errors.Is(err, ErrFenceTaken):\n		return s.closed(ctx, o)\n	case s.now()",
			breaks: []string{onDouble},
		},
		{
			name: "a purchase in doubt is made again", file: "buy.go",
			old:    "return s.doubt(ctx, o, ReasonInDoubt)",
			new:    "return s.move(ctx, o, Paid, ReasonNotSent, s.rest(0))",
			breaks: []string{onDouble},
		},
		{
			name: "what was bought is dropped when the order changed", file: "bought.go",
			old:    "		if errors.Is(err, ErrConflict) {\n			var fresh",
			new:    "		if errors.Is(err, ErrConflict) {\n			return nil\n		}\n		if errors.Is(err, ErrConflict) {\n			var fresh",
			breaks: []string{onKept, onKnown},
		},
		{
			name: "a top-up's refund gives the eSIM back", file: "giveback.go",
			old:    "	case o.Kind == KindTopUp || !whole:",
			new:    "	case !whole:",
			breaks: []string{onGiveBack},
		},
		{
			name: "a partial refund gives the eSIM back", file: "giveback.go",
			old:    "	case o.Kind == KindTopUp || !whole:",
			new:    "	case o.Kind == KindTopUp:",
			breaks: []string{onGiveBack},
		},
		{
			name: "a top-up doesn't wait for the one before", file: "topup.go",
			old:    "	case holder != o.ID:\n",
			new:    "	case false:\n",
			breaks: []string{onHas},
		},
		{
			name: "the sweep doesn't mind the fence", file: "rebuild.go",
			old:    "	case !down || f.Got != \"\":\n",
			new:    "	case down && false:\n",
			breaks: []string{onDouble},
		},
		{
			name: "any number proves a top-up", file: "doubt.go",
			old:    "func rose(before, now Numbers, volume bool) bool {\n",
			new:    "func rose(before, now Numbers, volume bool) bool {\n	return true\n",
			breaks: []string{onHas},
		},
		{
			name: "a refund in the Dashboard doesn't stop the purchase", file: "buy.go",
			old:    "	switch {\n	case f.Disputed:\n		return false, ",
			new:    "	f.Refunded.Minor, f.Disputed = 0, false\n	switch {\n	case f.Disputed:\n		return false, ",
			breaks: []string{onMoney},
		},
		{
			name: "a payment of another amount is honoured", file: "settle.go",
			old:    "	case cs.Amount != o.Plan.Retail:",
			new:    "	case false:",
			breaks: []string{onMoney},
		},
		{
			name: "one sure no counts for every attempt", file: "rebuild.go",
			old:    "	return n > 0 && n == f.Not\n",
			new:    "	return n > 0 && f.Not > 0\n",
			breaks: []string{onDouble},
		},
		{
			name: "a page that is complete counts as paid", file: "settle.go",
			old:    "	case cs.Paid:\n		return s.paid(",
			new:    "	case cs.Paid || cs.Status == \"complete\":\n		return s.paid(",
			breaks: []string{onMoney, onUnpaid},
		},
	}
}

// TestPlantedBugs puts bugs into the order machine, one after the other, and sees that the simulation
// finds each; without any it finds nothing.
func TestPlantedBugs(t *testing.T) {
	if raced || testing.Short() {
		t.Skip("compiles the order machine once a bug")
	}
	t.Run("none", func(t *testing.T) {
		if out, err := planted(t, nil); err != nil {
			t.Fatalf("the order machine fails as it is:\n%s", out)
		}
	})
	for _, p := range plants() {
		t.Run(p.name, func(t *testing.T) {
			out, err := planted(t, &p)
			if err == nil {
				t.Fatal("the simulation did not find it")
			}
			for _, name := range p.breaks {
				if strings.Contains(out, name) {
					t.Log(firstBreach(out))
					return
				}
			}
			t.Errorf("none of %q fails:\n%s", p.breaks, firstBreach(out))
		})
	}
}

// planted runs the simulation in a process of its own, with a bug if there is one.
func planted(t *testing.T, p *plant) (string, error) {
	t.Helper()
	args, many := []string{"test", "-count=1", "-vet=off", "-run", "^TestSimulation$"}, 1500
	if p != nil {
		args = append(args, "-overlay", p.overlay(t))
		many = 10000 // it ends with the first breach
	}
	cmd := exec.CommandContext(t.Context(), "go", append(args, ".")...)
	cmd.Env = append(os.Environ(), "SIM_SEED=1", fmt.Sprintf("SIM_ORDERS=%d", many), "SIM_FIRST=1", "SIM_WORLD=", "SIM_ORDER=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// overlay writes the file with the bug, and the list that has the compiler read it in the real one's place.
func (p *plant) overlay(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", p.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), p.old); n != 1 {
		t.Fatalf("orders/%s has the snippet %d times: renew the plant, or it tests nothing:\n%s", p.file, n, p.old)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, p.file)
	if err := os.WriteFile(file, []byte(strings.Replace(string(source), p.old, p.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {path: file}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

// firstBreach is the line of the first invariant that failed, or what else was said.
func firstBreach(out string) string {
	for line := range strings.Lines(out) {
		if strings.Contains(line, "SIM_WORLD=") {
			return strings.TrimSpace(line)
		}
	}
	return out[:min(len(out), 2000)]
}
