package handlers

import (
	"context"
	"errors"
	"strings"
	"testing"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/usage"
)

// counter sells so many top-ups, or none for a reason.
type counter struct {
	plans []esim.Plan
	err   error
}

func (c counter) TopUps(context.Context, *usage.ESIM) ([]esim.Plan, error) { return c.plans, c.err }

func (c counter) QuoteTopUp(context.Context, *usage.ESIM, string) (esim.Plan, error) {
	return esim.Plan{}, c.err
}

// A notice goes out in the owner's language, with prices where the provider tells them and without
// where it doesn't.
func TestNotices(t *testing.T) {
	for name, tc := range map[string]struct {
		topic usage.Topic
		sells flows.TopUps
		want  string
	}{
		"with prices":     {usage.TopicLow, counter{plans: make([]esim.Plan, 2)}, "low of 1A2B3C4D5E with 2 offers in de"},
		"provider down":   {usage.TopicUsedUp, counter{err: errors.New("HTTP 502")}, "used_up of 1A2B3C4D5E with 0 offers in de"},
		"nothing to sell": {usage.TopicExpiry, nil, "expiry of 1A2B3C4D5E with 0 offers in de"},
		"nothing to buy":  {usage.TopicOffline, counter{plans: make([]esim.Plan, 2)}, "offline of 1A2B3C4D5E with 0 offers in de"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newStage(t)
			n := newNotifier(t, st, 0)
			n.cfg.TopUps = tc.sells
			if err := st.sessions.Save(deadline(t), customer, flows.Session{Version: 1}, &flows.Customer{ID: customer, Language: "de"}, 0); err != nil {
				t.Fatal(err)
			}
			if err := n.Tell(deadline(t), &usage.ESIM{ID: "1A2B3C4D5E", Customer: customer}, usage.Notice{Topic: tc.topic}); err != nil {
				t.Fatal(err)
			}
			messages := st.tg.Messages(customer)
			if got := messages[len(messages)-1].Body(); !strings.Contains(got, tc.want) {
				t.Errorf("the customer reads %q, want %q", got, tc.want)
			}
		})
	}
}

// Who blocked the bot, or had everything deleted, is told nothing any more, and the watch learns it.
func TestNoticesForNobody(t *testing.T) {
	st := newStage(t)
	n := newNotifier(t, st, 0)
	st.tg.Block(customer)
	for _, owner := range []int64{customer, 0} {
		err := n.Tell(deadline(t), &usage.ESIM{ID: "1A2B3C4D5E", Customer: owner}, usage.Notice{Topic: usage.TopicLow})
		if !errors.Is(err, usage.ErrUnreachable) {
			t.Errorf("owner %d: %v", owner, err)
		}
	}
}
