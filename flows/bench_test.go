package flows_test

import (
	"context"
	"testing"

	"esimbot/flows"
)

// BenchmarkHandle says what a tap costs on each of the pages seen most.
func BenchmarkHandle(b *testing.B) {
	first := newStage(b)
	for name, data := range map[string]string{
		"welcome": "start", "destinations": "dest", "letters": "az", "letter": "az/A", "regions": "regions", "plans": "plans/c_jp", "world": "plans/g",
		"plan": "plan/" + first.plan("JP-10-30").Ref(), "search": "find/japan", "typo": "find/jpaan", "nothing": "find/qqqqqqq", "esims": "esims", "order": "o/" + string(delivered),
	} {
		b.Run(name, func(b *testing.B) {
			s := newStage(b)
			s.regular()
			in := s.input(flows.Event{Kind: flows.EventPress, Data: data, Message: 1})
			b.ReportAllocs()
			for b.Loop() {
				if r, err := s.shop.Handle(context.Background(), in); err != nil || r.Stale {
					b.Fatal(r.Stale, err)
				}
			}
		})
	}
}
