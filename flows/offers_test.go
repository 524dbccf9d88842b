package flows_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/usage"
)

// notices are a message of every topic, about eSIMs of the fixture.
func (s *stage) notices() []flows.Screen {
	in, used, daily := s.esims[string(delivered)], s.esims[string(spent)], s.esims[string(untouched)]
	ending := *in
	ending.ExpiresAt, ending.About = noon.Add(20*time.Hour), true
	daily.ExpiresAt = noon.Add(23 * time.Hour)
	slow := *in
	slow.Plan.Provider, slow.Name = esim.Mobilexy, "Mum's <phone>"
	low := usage.Notice{Topic: usage.TopicLow, Key: "low:0:20", Threshold: 20, Left: 1945 * esim.MB, EmptyIn: 47 * time.Hour}
	lang := s.client
	return []flows.Screen{
		s.shop.NoticeScreen(&slow, low, s.options(delivered), lang),
		s.shop.NoticeScreen(in, low, nil, lang),
		s.shop.NoticeScreen(used, usage.Notice{Topic: usage.TopicUsedUp, Left: 0}, s.options(spent), lang),
		s.shop.NoticeScreen(&ending, usage.Notice{Topic: usage.TopicExpiry, Left: 6 * esim.GB}, s.options(delivered)[:1], lang),
		s.shop.NoticeScreen(daily, usage.Notice{Topic: usage.TopicExpiry, Left: -1}, s.options(untouched), lang),
		s.shop.NoticeScreen(s.fixed(), low, s.options(delivered), lang),
		s.shop.NoticeScreen(daily, usage.Notice{Topic: usage.TopicOffline, Left: -1}, nil, lang),
		s.shop.NoticeScreen(s.esims[string(unlinked)], usage.Notice{Topic: usage.TopicLink, Left: -1}, nil, lang),
	}
}

// fixed is an eSIM to which nothing can be added.
func (s *stage) fixed() *usage.ESIM {
	e := *s.esims[string(delivered)]
	e.Plan.CanTopUp = false
	return &e
}

// TestOldNoticesGoOn: a notice stays in the chat for years, and each of its buttons leads somewhere,
// whatever became of the eSIM.
func TestOldNoticesGoOn(t *testing.T) {
	for name, change := range map[string]func(*usage.ESIM){
		"as it was": func(*usage.ESIM) {},
		"used up":   func(e *usage.ESIM) { e.Status = esim.StatusUsedUp },
		"expired":   func(e *usage.ESIM) { e.Status = esim.StatusExpired },
		"cancelled": func(e *usage.ESIM) { e.Status = esim.StatusCancelled },
		"muted":     func(e *usage.ESIM) { e.Muted = true },
	} {
		t.Run(name, func(t *testing.T) {
			first := newStage(t)
			first.regular()
			var all []flows.Button
			for _, screen := range first.notices() {
				check(t, name, screen)
				all = append(all, slices.Concat(screen.Rows...)...)
			}
			for _, b := range all {
				s := newStage(t)
				s.regular()
				for _, e := range s.esims {
					if e.Customer == customer {
						change(e)
					}
				}
				r := s.tap(flows.Event{Kind: flows.EventPress, Data: b.Data, Message: 700})
				if r.Stale || r.Screen == nil {
					t.Errorf("%s leads nowhere", b.Data)
				}
				word, _, _ := strings.Cut(b.Data, "/")
				if stays := word != "mute" && word != "later"; r.Fresh != stays {
					t.Errorf("%s: fresh %v", b.Data, r.Fresh)
				}
				for r.Then != nil {
					r = s.effect(r)
				}
				for _, screen := range s.shown {
					check(t, b.Data, screen)
				}
			}
		})
	}
}

func TestOffersAreTheFewThatFit(t *testing.T) {
	s := newStage(t)
	s.regular()
	e := s.esims[string(delivered)]
	prices := func() (texts []string) {
		screen := s.shop.NoticeScreen(e, usage.Notice{Topic: usage.TopicLow, Left: esim.GB}, s.options(delivered), "en")
		for _, b := range slices.Concat(screen.Rows...) {
			if strings.HasPrefix(b.Data, "tu/") {
				texts = append(texts, b.Text)
			}
		}
		return texts
	}
	if got := prices(); !slices.Equal(got, []string{"+1 GB · 7 days · $2.60", "+10 GB · 21 days · $22.00", "+20 GB · 28 days · $36.00 ⭐"}) {
		t.Errorf("%q", got)
	}
	e.TopUps = []usage.TopUp{{Kind: esim.Fixed, Bytes: 3 * esim.GB}}
	if got := prices(); len(got) != 3 || got[1] != "+3 GB · 14 days · $7.44" {
		t.Errorf("after a top-up of 3 GB: %q", got)
	}
	e.TopUps[0].Bytes = 20 * esim.GB
	if got := prices(); !slices.Equal(got, []string{"+1 GB · 7 days · $2.60", "+20 GB · 28 days · $36.00 ⭐"}) {
		t.Errorf("one for two reasons: %q", got)
	}
	s.network.topUps = func(e *usage.ESIM) []esim.Plan { return []esim.Plan{s.network.topUp(e, "A", 100, fixed(1, 7))} }
	if got := prices(); !slices.Equal(got, []string{"+1 GB · 7 days · $1.00"}) {
		t.Errorf("without a choice there is no best: %q", got)
	}
}

func TestMuteAndUnmute(t *testing.T) {
	s := newStage(t)
	s.regular()
	id := string(delivered)
	s.esims[id].NextAt = noon.Add(20 * time.Hour)
	r := s.press("mute/" + id)
	if !s.esims[id].Muted || !s.esims[id].NextAt.Equal(noon.Add(20*time.Hour)) || !mentions(r.Screen.HTML, "no more messages about this eSIM") || buttonTo(s, "unmute/"+id) == "" {
		t.Errorf("%s", r.Screen.HTML)
	}
	// Drawn again, it doesn't mute again.
	if s.session.Page != "esim/"+id {
		t.Errorf("page %s", s.session.Page)
	}
	r = s.press("unmute/" + id)
	if s.esims[id].Muted || !s.esims[id].NextAt.Equal(noon) || buttonTo(s, "mute/"+id) == "" {
		t.Errorf("%s", r.Screen.HTML)
	}
	s.esims[id].NextAt = time.Time{}
	if s.press("unmute/" + id); !s.esims[id].NextAt.IsZero() {
		t.Error("an eSIM that isn't watched any more is watched again")
	}
}

func TestRename(t *testing.T) {
	for sent, want := range map[string]string{
		"Mum's phone": "Mum's phone", "  Ана  ": "Ана", "👨‍👩‍👧 trip": "👨‍👩‍👧 trip", strings.Repeat("я", 32): strings.Repeat("я", 32),
		"\u202eevil": "evil", "\u2066a\u2069": "a", "89": "89",
		strings.Repeat("я", 33): "", "two\nlines": "", "tab\there": "", "\u200d": "", "\u0301": "", "\u2028": "", "\xff": "", "a\u2028b": "",
	} {
		s := newStage(t)
		s.regular()
		id := string(delivered)
		s.press("rename/" + id)
		s.text(sent)
		if got := s.esims[id].Name; got != want {
			t.Errorf("%q: named %q", sent, got)
		}
		if (s.session.Question == "") != (want != "") {
			t.Errorf("%q: question %q", sent, s.session.Question)
		}
		check(t, sent, s.screen())
		if want == "" {
			continue
		}
		for _, page := range []string{"esims", "start", "esim/" + id, "rename/" + id, "more/" + id} {
			s.press(page)
			check(t, page, s.screen())
		}
		s.press("rename/" + id)
		if s.press("unname/" + id); s.esims[id].Name != "" || s.session.Question != "" {
			t.Errorf("%q: not taken away", sent)
		}
	}
	s := newStage(t)
	s.regular()
	s.press("rename/" + string(delivered))
	if s.text("<b>&"); !mentions(s.screen().HTML, "&lt;b&gt;&amp;</b>") {
		t.Errorf("%s", s.screen().HTML)
	}
	for sent, said := range map[string]string{"4242 4242 4242 4242": "card", "LPA:1$a.example$B-1": "activation code"} {
		s := newStage(t)
		s.regular()
		s.press("rename/" + string(delivered))
		if s.text(sent); s.esims[string(delivered)].Name != "" || !mentions(s.screen().HTML, said) {
			t.Errorf("%s became a name: %s", sent, s.screen().HTML)
		}
	}
}

func TestRefresh(t *testing.T) {
	id := string(delivered)
	away := errAway{}
	for name, c := range map[string]struct {
		change func(*stage, *usage.ESIM)
		asked  int
		has    string
		cause  error
	}{
		"new numbers":     {func(*stage, *usage.ESIM) {}, 1, "<b>2 GB</b> of 10 GB left", nil},
		"within a minute": {func(_ *stage, e *usage.ESIM) { e.AskedAt = noon.Add(-30 * time.Second) }, 0, "once a minute", nil},
		"slow network": {func(_ *stage, e *usage.ESIM) {
			e.Plan.Provider, e.AskedAt = esim.Mobilexy, noon.Add(-time.Hour)
		}, 0, "due from 16:05 UTC on", nil},
		"away":    {func(s *stage, _ *usage.ESIM) { s.network.watchErr = away }, 1, "These are the last numbers known", away},
		"expired": {func(_ *stage, e *usage.ESIM) { e.Status = esim.StatusExpired }, 0, "Its time is over", nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.regular()
			c.change(s, s.esims[id])
			r := s.press("refresh/" + id)
			if s.network.refreshed != c.asked || !mentions(r.Screen.HTML, c.has) || r.Cause != nil && c.cause == nil || s.session.Page != "esim/"+id {
				t.Errorf("asked %d times, cause %v: %s", s.network.refreshed, r.Cause, r.Screen.HTML)
			}
		})
	}
}

type errAway struct{}

func (errAway) Error() string { return "away" }
