package orders_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"esimbot/orders"
)

func TestParseID(t *testing.T) {
	for text, want := range map[string]orders.ID{
		"7KQ2M9X4TB": theOrder, "7KQ2M-9X4TB": theOrder, "7kq2m 9x4tb": theOrder, "7-K-Q-2-M-9-X-4-T-B": theOrder,
		"iIlLoO0000": "1111000000", "ZZZZZZZZZZ": "ZZZZZZZZZZ",
		"": "", "7KQ2M9X4T": "", "7KQ2M9X4TB1": "", "7KQ2M9X4TU": "", "7KQ2M9X4Tu": "", "7KQ2M_9X4T": "", "7KQ2M9X4Tſ": "", "7KQ2M9X4T\x00": "",
		"7KQ2M9X4TB" + strings.Repeat("-", 20): "", strings.Repeat("-", 32): "",
	} {
		id, err := orders.ParseID("\t" + text + " \n")
		if id != want || (err == nil) != (want != "") || err != nil && !errors.Is(err, orders.ErrID) {
			t.Errorf("%q is read as %q, %v", text, id, err)
		}
	}
}

// Every id is read back from how it is stored, and from how people read it.
func TestParseIDReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id, err := orders.NewID(strings.NewReader(rapid.StringN(10, 10, -1).Draw(t, "random")))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(id), id.String(), strings.ToLower(id.String())} {
			if read, err := orders.ParseID(text); read != id || err != nil {
				t.Fatalf("%q is read as %q, %v", text, read, err)
			}
		}
	})
}

// Each event and each page of a sweep names an order: reading the name makes its text and no more.
func TestParseIDAllocates(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() {
		if _, err := orders.ParseID("7kq2m-9x4tb"); err != nil {
			t.Fatal(err)
		}
	}); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParseID(b *testing.B) {
	for b.Loop() {
		if _, err := orders.ParseID("7KQ2M-9X4TB"); err != nil {
			b.Fatal(err)
		}
	}
}
