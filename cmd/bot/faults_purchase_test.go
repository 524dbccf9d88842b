package main

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
	"esimbot/sandbox/fault"
)

// doubtful is where an alert on a purchase in doubt is known by.
const doubtful = "sell it or not?"

// buying is the path of a purchase, at either provider.
const buying = "/esim/order|/plan/purchase"

// misanswer has a provider misanswer the purchases of both, and a customer buy there.
func (s *stage) misanswer(p esim.Provider, m fault.Mood) {
	s.t.Helper()
	s.order(s.alone(p))
	for _, provider := range []*fault.Switch{s.world.CloudESIM.Fault, s.world.Mobilexy.Fault} {
		if err := provider.Set(fault.Rule{Mood: m, Path: buying}); err != nil {
			s.t.Fatal(err)
		}
	}
	s.pay()
}

// reviewed sees the order end before an admin, one eSIM sold and nothing sent back, and stay there:
// the next day the admin is told again, and nothing more was bought.
func (s *stage) reviewed(sold int) {
	s.t.Helper()
	s.sees("a person is looking at it")
	s.alerted(doubtful, 1)
	s.expect(sold, 0)
	s.eventually("the order to rest", func() bool { return s.now().DueAt.After(s.world.Clock.Now().Add(23 * time.Hour)) })
	s.world.Clock.Advance(25 * time.Hour)
	s.alerted(doubtful, 2)
	if o := s.becomes(orders.Review); o.Attempt.N != 1 {
		s.t.Errorf("%d attempts", o.Attempt.N)
	}
	s.noSecrets()
}

// eachProvider runs a test at either provider.
func eachProvider(t *testing.T, do func(t *testing.T, p esim.Provider)) {
	t.Helper()
	for _, p := range []esim.Provider{esim.CloudESIM, esim.Mobilexy} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			do(t, p)
		})
	}
}

// The provider sells, and then answers 500, or drops the connection.
func TestFault04ErrorAfterThePurchase(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, p esim.Provider) {
		for _, m := range []fault.Mood{fault.ErrorAfter, fault.DeadAfter} {
			t.Run(string(m), func(t *testing.T) {
				s := openStage(t, "", quick())
				s.misanswer(p, m)
				s.reviewed(1)
				s.expect(1, 0)
			})
		}
	})
}

// The provider doesn't answer, and sells five minutes later.
func TestFault05PurchaseComesLate(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, p esim.Provider) {
		s := openStage(t, "", quick(map[string]string{"PROVIDER_TIMEOUT": "1s"}))
		s.misanswer(p, fault.Late)
		s.sees("a person is looking at it")
		s.expect(0, 0)
		s.world.Clock.Advance(5 * time.Minute)
		s.eventually("the late purchase", func() bool { return s.sales() == 1 })
		s.reviewed(1)
		s.expect(1, 0)
	})
}

// The provider takes no connections: at once, and only when it is to sell.
func TestFault06ConnectionRefused(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, p esim.Provider) {
		s := openStage(t, "", quick())
		s.order(s.alone(p))
		mood(t, s.switchOf(p), fault.Refused, "", 0)
		s.pay()
		s.eventually("the order to be held", func() bool {
			o := s.now()
			return o.State == orders.Paid && o.Reason == orders.ReasonProviderDown
		})
		s.expect(0, 0)
		mood(t, s.switchOf(p), fault.OK, "", 0)
		s.photo()
		s.expect(1, 0)
	})
	t.Run("when it is to sell", func(t *testing.T) {
		t.Parallel()
		s, r := openBetween(t, "", quick(), "stripe")
		s.order(s.alone(esim.CloudESIM))
		fence := r.hold("POST stripe/v1/payment_intents/")
		s.pay()
		fence.await(t)
		mood(t, s.world.CloudESIM.Fault, fault.Refused, "", 0)
		fence.release()
		s.eventually("the order to be held", func() bool {
			o := s.now()
			return o.State == orders.Paid && o.Reason == orders.ReasonNotSent
		})
		s.expect(0, 0)
		mood(t, s.world.CloudESIM.Fault, fault.OK, "", 0)
		s.photo()
		s.expect(1, 0)
		if o := s.becomes(orders.Delivered); o.Attempt.N < 2 {
			t.Errorf("%d attempts", o.Attempt.N)
		}
	})
}

func (s *stage) switchOf(p esim.Provider) *fault.Switch {
	if p == esim.CloudESIM {
		return s.world.CloudESIM.Fault
	}
	return s.world.Mobilexy.Fault
}

// The provider sells, and answers 200 with nonsense, with half of its answer, with 10 MB.
func TestFault07AnswerCantBeRead(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, p esim.Provider) {
		for _, m := range []fault.Mood{fault.Garbage, fault.Half, fault.Huge} {
			t.Run(string(m), func(t *testing.T) {
				s := openStage(t, "", quick())
				s.misanswer(p, m)
				s.reviewed(1)
				s.expect(1, 0)
			})
		}
	})
}

// Too little balance at the provider: seen before, no page is opened. Seen when the order is paid,
// it waits, an admin hears of it, and it goes on once there is money; or its own goes back.
func TestFault08BalanceTooLow(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, p esim.Provider) {
		t.Run("before", func(t *testing.T) {
			s := openStage(t, "", quick())
			s.setBalance(p, 0)
			s.say("/start p_" + s.alone(p).Ref())
			s.press("Buy")
			s.sees("Nothing was charged")
			if n := len(s.world.Stripe.Sessions()); n != 0 {
				t.Errorf("%d payment pages were opened", n)
			}
		})
		for _, end := range []string{"filled", "deadline"} {
			t.Run(end, func(t *testing.T) {
				s := openStage(t, "", quick())
				plan := s.alone(p)
				s.order(plan)
				s.setBalance(p, 0)
				s.pay()
				s.alerted("balance is low", 1)
				s.eventually("the order to be held", func() bool { return !s.now().HeldSince.IsZero() })
				s.expect(0, 0)
				if end == "filled" {
					s.setBalance(p, 100)
					s.photo()
					s.expect(1, 0)
					return
				}
				s.world.Clock.Advance(s.app.cfg.HoldDeadline)
				s.sees("Your money went back")
				s.setBalance(p, 100)
				s.becomes(orders.Refunded)
				s.expect(0, plan.Retail.Minor)
			})
		}
	})
}

func (s *stage) setBalance(p esim.Provider, usd int64) {
	if p == esim.CloudESIM {
		s.world.CloudESIM.SetBalance(decimal.NewFromInt(usd))
		return
	}
	s.world.Mobilexy.SetBalance(decimal.NewFromInt(usd))
}

// The price rose above what was charged: the other provider sells, or the money goes back.
func TestFault09PriceRose(t *testing.T) {
	t.Parallel()
	eachProvider(t, func(t *testing.T, p esim.Provider) {
		dearer := func(s *stage, plan esim.Plan) {
			set := s.world.CloudESIM.SetPrice
			if p == esim.Mobilexy {
				set = s.world.Mobilexy.SetPrice
			}
			if err := set(plan.ID, plan.Retail.Decimal().Add(decimal.New(1, -2))); err != nil {
				t.Fatal(err)
			}
		}
		t.Run("alone", func(t *testing.T) {
			s := openStage(t, "", quick())
			plan := s.alone(p)
			s.order(plan)
			dearer(s, plan)
			s.pay()
			s.sees("Your money went back")
			s.becomes(orders.Refunded)
			s.expect(0, plan.Retail.Minor)
		})
		t.Run("twin", func(t *testing.T) {
			s := openStage(t, "", quick())
			plan := s.twin(p)
			s.order(plan)
			dearer(s, plan)
			s.pay()
			s.photo()
			s.expect(1, 0)
			if len(s.sold(p)) != 0 {
				t.Error("bought at a loss")
			}
			if paid := s.world.Stripe.Sessions()[0].Amount; paid != plan.Retail.Minor {
				t.Errorf("charged %d, agreed %s", paid, plan.Retail)
			}
		})
	})
}
