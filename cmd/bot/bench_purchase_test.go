package main

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/clock"
	"esimbot/sandbox/telegram"
	"esimbot/store/storetest"
)

// buyersAtOnce is how many pay in the same moment.
const buyersAtOnce = 1000

// A till is a shop where customers pay by the hundred; the edges answer at once.
type till struct {
	*stage
	b      *testing.B
	plans  []esim.Plan
	next   int64
	photos chan photoAt
}

// A photoAt is a QR photo that reached a customer.
type photoAt struct {
	customer int64
	at       time.Time
}

func openTill(b *testing.B) *till {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Minute)
	b.Cleanup(cancel)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	p, err := newPlayground(ctx, listener, playgroundOptions{redis: storetest.Redis(b), log: slog.New(slog.DiscardHandler), clock: &clock.Clock{}})
	if err != nil {
		b.Fatal(err)
	}
	s := &stage{playground: p, t: b, ctx: ctx, logs: &logBuffer{}}
	t := &till{stage: s, b: b, next: customer + 1000, photos: make(chan photoAt, 2*buyersAtOnce)}
	for len(p.app.catalog.Fetched()) < 2 {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			b.Fatal("the catalogues are not there")
		}
	}
	t.plans = []esim.Plan{s.planOf(esim.CloudESIM), s.planOf(esim.Mobilexy)}
	s.world.CloudESIM.SetBalance(decimal.New(1_000_000, 0))
	s.world.Mobilexy.SetBalance(decimal.New(1_000_000, 0))
	watching := make(chan struct{})
	go t.watch(watching)
	b.Cleanup(func() {
		if err := p.Close(); err != nil {
			b.Errorf("close: %v", err)
		}
		<-watching // the world closed its subscription
	})
	return t
}

// watch reports each QR photo once. It ends with the world.
func (t *till) watch(done chan<- struct{}) {
	defer close(done)
	seen := map[int64]bool{}
	note := func(chat int64, m telegram.Message) {
		if len(m.Photo) > 0 && !seen[chat] {
			seen[chat] = true
			t.photos <- photoAt{chat, time.Now()}
		}
	}
	for t.working.Err() == nil {
		all, sub := t.world.Telegram.Subscribe()
		for chat, messages := range all.Messages { // what came while a slow reader was cut off
			for _, m := range messages {
				note(chat, m)
			}
		}
		for open := true; open; {
			var e telegram.Event
			select {
			case e, open = <-sub.C:
			case <-t.working.Done():
				open = false
			}
			if e.Message != nil {
				note(e.Chat, *e.Message)
			}
		}
		sub.Close()
	}
}

// checkout takes a new customer to the payment page, and returns them and their Checkout Session.
func (t *till) checkout() (who int64, session string) {
	t.next++
	t.world.Telegram.AddUser(telegram.User{ID: t.next, FirstName: "Customer", LanguageCode: "en"})
	own := t.as(t.b, t.next)
	own.order(t.plans[int(t.next)%len(t.plans)])
	return t.next, sessionIn(own.payLink())
}

// delivered waits for so many QR photos and returns how long after began each came, the shortest first.
func (t *till) delivered(began time.Time, photos int) []time.Duration {
	t.b.Helper()
	took := make([]time.Duration, 0, photos)
	deadline := time.After(3 * time.Minute)
	for len(took) < photos {
		select {
		case p := <-t.photos:
			took = append(took, p.at.Sub(began))
		case <-deadline:
			t.b.Fatalf("%d of %d customers have their eSIM", len(took), photos)
		}
	}
	slices.Sort(took)
	return took
}

// audit counts the eSIMs that the providers sold, and the customers whose order did not end delivered.
func (t *till) audit(customers []int64) (bought, lost int) {
	t.b.Helper()
	for _, who := range customers {
		t.until("the order to end", func() bool {
			list, err := t.app.orders.List(t.ctx, who)
			return err == nil && len(list) == 1 && list[0].State == orders.Delivered
		})
		list, err := t.app.orders.List(t.ctx, who)
		if err != nil {
			t.b.Fatal(err)
		}
		if len(list) != 1 || list[0].State != orders.Delivered {
			lost++
		}
	}
	return len(t.sold(esim.CloudESIM)) + len(t.sold(esim.Mobilexy)), lost
}

// BenchmarkPurchase is one customer after the other paying: from the payment at Stripe, through its
// webhook, the provider's sale and the QR code, until the photo is at Telegram.
func BenchmarkPurchase(b *testing.B) {
	t := openTill(b)
	var took []time.Duration
	var customers []int64
	for b.Loop() {
		b.StopTimer()
		who, session := t.checkout()
		b.StartTimer()
		began := time.Now()
		if err := t.world.Stripe.Pay(session); err != nil {
			b.Fatal(err)
		}
		took = append(took, t.delivered(began, 1)...)
		customers = append(customers, who)
	}
	b.StopTimer()
	slices.Sort(took)
	report(b, took)
	if bought, lost := t.audit(customers); bought != len(customers) || lost != 0 {
		b.Errorf("%d eSIMs bought for %d payments, %d orders lost", bought, len(customers), lost)
	}
}

// BenchmarkCrowd is a thousand customers who pay in the same moment.
func BenchmarkCrowd(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		t := openTill(b)
		customers := make([]int64, 0, buyersAtOnce)
		sessions := make([]string, 0, buyersAtOnce)
		for range buyersAtOnce {
			who, session := t.checkout()
			customers, sessions = append(customers, who), append(sessions, session)
		}
		b.StartTimer()
		began := time.Now()
		for _, session := range sessions {
			if err := t.world.Stripe.Pay(session); err != nil {
				b.Fatal(err)
			}
		}
		took := t.delivered(began, buyersAtOnce)
		b.StopTimer()
		bought, lost := t.audit(customers)
		report(b, took)
		b.ReportMetric(took[len(took)-1].Seconds(), "last-s")
		b.ReportMetric(float64(bought), "purchases")
		b.ReportMetric(float64(lost), "lost")
		if bought != buyersAtOnce || lost != 0 {
			b.Errorf("%d eSIMs bought for %d payments, %d orders lost", bought, buyersAtOnce, lost)
		}
		b.StartTimer()
	}
}

func report(b *testing.B, took []time.Duration) {
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
}
