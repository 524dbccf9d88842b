package orders_test

import (
	"testing"
	"time"

	"esimbot/orders"
)

// TestGivesUpNothingThatWasBought holds an order until its deadline whose purchase Redis has forgotten:
// the money must not go back by itself.
func TestGivesUpNothingThatWasBought(t *testing.T) {
	for note, end := range map[string]struct {
		state   orders.State
		refunds int
	}{
		"":     {orders.Refunded, 1},
		"buy":  {orders.Review, 0},
		"done": {orders.Delivered, 0},
	} {
		t.Run("noted "+note, func(t *testing.T) {
			w := newWorld(t)
			w.paid()
			w.cloud.downFor = 10000
			if note != "" {
				w.stripe.meta["buy"] = "1:forgotten"
			}
			if note == "done" {
				w.stripe.meta["got"], w.stripe.meta["done"] = "1:C1", "1"
			}
			w.run(3 * time.Hour)
			o := w.store.docs[theOrder]
			if o.State != end.state || len(w.stripe.refunds) != end.refunds {
				t.Errorf("ended %s (%s) with refunds %v", o.State, o.Reason, w.stripe.refunds)
			}
		})
	}
}
