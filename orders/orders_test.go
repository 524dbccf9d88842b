package orders_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
)

func states(log []orders.LogEntry) string {
	var s []string
	for _, e := range log {
		s = append(s, string(e.To))
	}
	return strings.Join(s, " ")
}

func TestStraightPath(t *testing.T) {
	w := newWorld(t)
	w.paid()
	before := w.clock()
	o := w.run(time.Hour)
	w.want(orders.Delivered, "")
	if !w.clock().Equal(before) {
		t.Errorf("it took %s of waiting", w.clock().Sub(before))
	}
	if got := states(w.store.log); got != "awaiting_payment paid purchasing issued delivered" {
		t.Errorf("log: %s", got)
	}
	if d := cmp.Diff([]string{orders.NoticePreparing, string(orders.Delivered)}, w.telegram.shown); d != "" {
		t.Error(d)
	}
	if w.cloud.sold != 1 || len(w.telegram.photos) != 1 || o.Photo.FileID != "photo" || len(w.telegram.alerts) != 0 {
		t.Errorf("sold %d, photos %v, alerts %v", w.cloud.sold, w.telegram.photos, w.telegram.alerts)
	}
	if !strings.HasPrefix(w.stripe.meta["buy"], "1:") || w.stripe.meta["got"] != "1:cloudesim-1" || w.stripe.meta["done"] != "1" {
		t.Errorf("Stripe's notes: %v", w.stripe.meta)
	}
	if o.Payment.Received != plan.Retail || o.Payment.Intent != "pi_1" {
		t.Errorf("payment %+v", o.Payment)
	}
}

func TestTheSameEventAHundredTimesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.stripe.pay()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if err := w.event(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	w.run(time.Hour)
	w.want(orders.Delivered, "")
	if n := strings.Count(states(w.store.log), "paid"); n != 1 || w.cloud.sold != 1 {
		t.Errorf("paid %d times, sold %d", n, w.cloud.sold)
	}
}

func TestEventBeforeTheSessionWasSaved(t *testing.T) {
	w := newWorld(t)
	w.open()
	w.store.docs[theOrder].Checkout.SessionID = ""
	w.stripe.pay()
	if err := w.event(); err != nil {
		t.Fatal(err)
	}
	if o := w.want(orders.Paid, ""); o.Checkout.SessionID != "cs_1" {
		t.Error("the session's id was not kept")
	}
}

func TestTwoTapsOpenOnePage(t *testing.T) {
	w := newWorld(t)
	one, two := w.open(), w.open()
	if one.ID != two.ID || one.Checkout.URL != two.Checkout.URL || len(w.store.docs) != 1 || len(w.stripe.sessions) != 1 {
		t.Errorf("%+v and %+v", one, two)
	}
	if _, err := w.service.Get(t.Context(), theOrder, customer+1); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("another's order: %v", err)
	}
	if _, err := w.service.Open(t.Context(), orders.Draft{ID: theOrder, Kind: orders.KindESIM, Customer: customer + 1, Plan: plan}); !errors.Is(err, orders.ErrNotFound) {
		t.Errorf("opening another's order: %v", err)
	}
}

func TestNotEverybodyMayOpen(t *testing.T) {
	draft := orders.Draft{ID: theOrder, Kind: orders.KindESIM, Customer: customer, Plan: plan}
	free := draft
	free.Plan.Retail.Minor = 0
	for name, c := range map[string]struct {
		set  func(*world)
		d    orders.Draft
		want error
	}{
		"test key, real provider": {func(w *world) { w.config.TestSellsToAdminsOnly = true }, draft, orders.ErrTestMode},
		"paused":                  {func(w *world) { w.store.pauses.Providers = []esim.Provider{esim.CloudESIM} }, draft, orders.ErrPaused},
		"too many":                {func(w *world) { w.store.denied = orders.ErrTooMany }, draft, orders.ErrTooMany},
		"no id":                   {func(*world) {}, orders.Draft{ID: "no", Kind: orders.KindESIM, Customer: customer, Plan: plan}, orders.ErrID},
		"a kind not sold":         {func(*world) {}, orders.Draft{ID: theOrder, Kind: "gift", Customer: customer, Plan: plan}, orders.ErrNotForNow},
		"free of charge":          {func(*world) {}, free, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.set(w)
			w.restart()
			_, err := w.service.Open(t.Context(), c.d)
			if err == nil || (c.want != nil && !errors.Is(err, c.want)) {
				t.Errorf("Open says %v", err)
			}
			if len(w.store.docs) != 0 || len(w.stripe.sessions) != 0 {
				t.Error("something was opened")
			}
		})
	}
	t.Run("an admin with a test key", func(t *testing.T) {
		w := newWorld(t)
		w.config.TestSellsToAdminsOnly = true
		w.restart()
		d := draft
		d.Admin = true
		if _, err := w.service.Open(t.Context(), d); err != nil {
			t.Error(err)
		}
	})
}

func TestRejectedGoesToTheOtherProviderOrBack(t *testing.T) {
	t.Run("other provider", func(t *testing.T) {
		w := newWorld(t).sellTwice()
		w.cloud.answers = []string{"rejected"}
		w.paid()
		o := w.run(time.Hour)
		w.want(orders.Delivered, "")
		if w.cloud.sold != 0 || w.mobilexy.sold != 1 || o.Bought.Plan.Provider != esim.Mobilexy || o.Attempt.N != 2 {
			t.Errorf("sold %d and %d, %+v", w.cloud.sold, w.mobilexy.sold, o.Attempt)
		}
	})
	t.Run("other provider too dear", func(t *testing.T) {
		w := newWorld(t).sellTwice()
		w.cloud.answers = []string{"rejected"}
		w.mobilexy.price = decimal.RequireFromString("4.55")
		w.paid()
		w.run(time.Hour)
		w.want(orders.Refunded, orders.ReasonPrice)
		if w.mobilexy.sold != 0 {
			t.Error("bought without a margin")
		}
	})
	t.Run("refund", func(t *testing.T) {
		w := newWorld(t)
		w.cloud.answers = []string{"rejected"}
		w.paid()
		o := w.run(time.Hour)
		w.want(orders.Refunded, orders.ReasonRejected)
		if w.stripe.refunded() != 455 || o.Refund.Total.Minor != 455 || !slices.Contains(w.telegram.shown, string(orders.Refunded)) {
			t.Errorf("refunded %d, shown %v", w.stripe.refunded(), w.telegram.shown)
		}
	})
	t.Run("price rose", func(t *testing.T) {
		w := newWorld(t)
		w.cloud.price = decimal.RequireFromString("4.56")
		w.paid()
		w.run(time.Hour)
		w.want(orders.Refunded, orders.ReasonPrice)
		if w.cloud.sold != 0 {
			t.Error("bought at a loss")
		}
	})
	t.Run("plan gone", func(t *testing.T) {
		w := newWorld(t).sellTwice()
		w.cloud.gone = true
		w.paid()
		w.run(time.Hour)
		w.want(orders.Delivered, "")
		if w.mobilexy.sold != 1 {
			t.Error("the other provider was not asked")
		}
	})
}

func TestHeldForBalance(t *testing.T) {
	t.Run("balance comes", func(t *testing.T) {
		w := newWorld(t).sellTwice()
		w.cloud.balance = decimal.RequireFromString("3.49")
		w.paid()
		w.run(30 * time.Minute)
		o := w.want(orders.Paid, orders.ReasonBalance)
		if o.HeldSince.IsZero() || !slices.Contains(w.telegram.alerts, "balance_low") || !slices.Contains(w.telegram.shown, orders.NoticeWorking) {
			t.Errorf("held since %s, alerts %v, shown %v", o.HeldSince, w.telegram.alerts, w.telegram.shown)
		}
		if o.Attempt.N != 1 {
			t.Errorf("%d attempts while the balance is known to be low", o.Attempt.N)
		}
		w.cloud.balance = decimal.New(50, 0)
		w.run(5 * time.Minute)
		if o := w.want(orders.Delivered, ""); !o.HeldSince.IsZero() {
			t.Error("still held")
		}
	})
	t.Run("deadline", func(t *testing.T) {
		w := newWorld(t)
		w.cloud.answers = []string{"insufficient"}
		w.cloud.balance = decimal.New(1, 0)
		w.paid()
		w.run(3 * time.Hour)
		w.want(orders.Refunded, orders.ReasonHoldDeadline)
		if waited := w.clock().Sub(start); waited < 2*time.Hour || waited > 2*time.Hour+10*time.Minute {
			t.Errorf("refunded after %s", waited)
		}
	})
}

func TestNotSentIsRetried(t *testing.T) {
	w := newWorld(t)
	w.cloud.answers = []string{"not sent", "not sent", "not sent"}
	w.cloud.downFor = 2
	w.paid()
	w.run(time.Hour)
	o := w.want(orders.Delivered, "")
	if w.cloud.sold != 1 || o.Attempt.N != 4 {
		t.Errorf("sold %d in %d attempts", w.cloud.sold, o.Attempt.N)
	}
	t.Run("other provider when it lasts", func(t *testing.T) {
		w := newWorld(t).sellTwice()
		w.cloud.downFor = 1000
		w.paid()
		w.run(time.Hour)
		w.want(orders.Delivered, "")
		if took := w.clock().Sub(start); w.mobilexy.sold != 1 || took > 3*time.Minute {
			t.Errorf("sold %d after %s", w.mobilexy.sold, took)
		}
	})
}

func TestDoubtIsReviewedNotBoughtAgain(t *testing.T) {
	for _, answer := range []string{"unheard", "bought unheard"} {
		w := newWorld(t).sellTwice()
		w.cloud.answers = []string{answer}
		w.paid()
		w.run(48 * time.Hour)
		w.want(orders.Review, orders.ReasonInDoubt)
		if got := states(w.store.log); !strings.HasSuffix(got, "purchasing unknown review") || w.cloud.sold+w.mobilexy.sold > 1 || w.mobilexy.sold != 0 {
			t.Errorf("log %s, sold %d and %d", got, w.cloud.sold, w.mobilexy.sold)
		}
	}
}

func TestProvisioning(t *testing.T) {
	t.Run("comes later", func(t *testing.T) {
		w := newWorld(t)
		w.cloud.answers, w.cloud.queries = []string{"not ready"}, []string{"", "error", "", "", "ready"}
		w.paid()
		o := w.run(time.Hour)
		w.want(orders.Delivered, "")
		if o.Bought.Profile.ICCID == "" || o.Bought.Profile.OrderNo != "cloudesim-1" || len(w.telegram.photos) != 1 {
			t.Errorf("profile %+v", o.Bought.Profile)
		}
		if d := cmp.Diff([]string{orders.NoticePreparing, orders.NoticeMaking, orders.NoticeMakingLong, string(orders.Delivered)}, w.telegram.shown); d != "" {
			t.Error(d)
		}
	})
	t.Run("never comes", func(t *testing.T) {
		w := newWorld(t)
		w.cloud.answers = []string{"not ready"}
		w.paid()
		w.run(14 * time.Minute)
		w.want(orders.Provisioning, "")
		if len(w.telegram.alerts) != 0 {
			t.Errorf("alerts %v", w.telegram.alerts)
		}
		w.run(3 * time.Hour)
		w.want(orders.Review, orders.ReasonNoCode)
		if !slices.Contains(w.telegram.alerts, "provisioning") {
			t.Errorf("alerts %v", w.telegram.alerts)
		}
	})
	t.Run("taken back", func(t *testing.T) {
		w := newWorld(t)
		w.cloud.answers, w.cloud.queries = []string{"not ready"}, []string{"cancelled"}
		w.paid()
		w.run(time.Hour)
		w.want(orders.Review, orders.ReasonTakenBack)
	})
	t.Run("neither code nor number", func(t *testing.T) {
		w := newWorld(t)
		w.cloud.answers = []string{"no number"}
		w.paid()
		w.run(time.Hour)
		if o := w.want(orders.Review, orders.ReasonNoCode); o.Bought == nil {
			t.Error("what was bought is gone")
		}
	})
}

type tooManyRequests struct{ after time.Duration }

func (e tooManyRequests) Error() string             { return "too many requests" }
func (e tooManyRequests) RetryAfter() time.Duration { return e.after }

func TestDelivery(t *testing.T) {
	t.Run("blocked", func(t *testing.T) {
		w := newWorld(t)
		w.telegram.errs = map[string][]error{"deliver": {fmt.Errorf("send photo: %w", orders.ErrUnreachable)}, "show": {orders.ErrUnreachable}}
		w.paid()
		w.run(time.Hour)
		w.want(orders.Delivered, orders.ReasonUnreachable)
		if len(w.telegram.shelved) == 0 || len(w.telegram.shown) != 0 {
			t.Errorf("shelved %v, shown %v", w.telegram.shelved, w.telegram.shown)
		}
	})
	t.Run("rate limited", func(t *testing.T) {
		w := newWorld(t)
		w.telegram.errs = map[string][]error{"deliver": {fmt.Errorf("send photo: %w", tooManyRequests{40 * time.Second})}}
		w.paid()
		w.run(time.Hour)
		w.want(orders.Delivered, "")
		if waited := w.clock().Sub(start); waited < 40*time.Second || waited > time.Minute || len(w.telegram.photos) != 1 {
			t.Errorf("waited %s, photos %d", waited, len(w.telegram.photos))
		}
	})
	t.Run("sent but not shelved", func(t *testing.T) {
		w := newWorld(t)
		w.telegram.errs = map[string][]error{"put": {nil, errors.New("connection reset")}}
		w.paid()
		if err := w.service.Step(t.Context(), theOrder); err == nil {
			t.Error("the failure is not told")
		}
		w.run(time.Hour)
		w.want(orders.Delivered, "")
		if len(w.telegram.photos) != 1 {
			t.Errorf("sent %d photos", len(w.telegram.photos))
		}
	})
	t.Run("down for long", func(t *testing.T) {
		w := newWorld(t)
		w.telegram.errs = map[string][]error{"deliver": slices.Repeat([]error{errors.New("HTTP 502")}, 30)}
		w.paid()
		w.run(2 * time.Hour)
		w.want(orders.Delivered, "")
		if !slices.Contains(w.telegram.alerts, "undelivered") {
			t.Errorf("alerts %v", w.telegram.alerts)
		}
	})
	t.Run("screen can't be shown", func(t *testing.T) {
		w := newWorld(t)
		w.telegram.errs = map[string][]error{"show": slices.Repeat([]error{errors.New("HTTP 502")}, 30)}
		w.paid()
		w.run(time.Minute)
		w.want(orders.Delivered, "")
	})
}
