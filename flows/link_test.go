package flows_test

import (
	"errors"
	"strings"
	"testing"

	"esimbot/esim"
	"esimbot/flows"
	"esimbot/usage"
)

func TestLinkAnICCID(t *testing.T) {
	s := newStage(t)
	s.regular()
	r := s.press("left/" + string(unlinked))
	if r.Screen.Name != "link" || !r.Fresh || !mentions(r.Screen.HTML, "Settings → General → About") || !mentions(r.Screen.HTML, "SIM status") {
		t.Fatalf("%+v", r.Screen)
	}
	for said, sent := range map[string]string{
		"need the ICCID": "where is it?", "18 to 20 digits. Is one": typed[:17], "begin with 89": "123456789012345678",
		"one digit seems to be off": "8910300000000000018", "EID of the phone": "89049032000000000000000012345678",
	} {
		if s.text(sent); !mentions(s.screen().HTML, said) || s.session.Question == "" || len(s.network.linked) != 0 {
			t.Errorf("%s: %s", sent, s.screen().HTML)
		}
		check(t, sent, s.screen())
	}
	if s.event(flows.Event{Kind: flows.EventOther, Sent: s.send()}); !mentions(s.screen().HTML, "off pictures") || s.session.Question == "" {
		t.Errorf("a picture: %s", s.screen().HTML)
	}
	if s.text("8944500102198304826"); !mentions(s.screen().HTML, "doesn't know this number") || s.session.Question == "" {
		t.Errorf("unknown: %s", s.screen().HTML)
	}
	r = s.tap(flows.Event{Kind: flows.EventText, Text: "8910-3000 0000\u00a0000 0017", Sent: s.send()})
	if r.Screen.Name != "linking" || !r.Fresh || !r.Typing {
		t.Fatalf("%+v", r)
	}
	r = s.effect(r)
	if r.Screen.Name != "esim" || !mentions(r.Screen.HTML, "Found it") || !mentions(r.Screen.HTML, "<b>4 GB</b> of 5 GB left") || s.session.Question != "" ||
		s.session.Page != "esim/"+string(unlinked) {
		t.Errorf("%s, question %q", r.Screen.HTML, s.session.Question)
	}
	// The next text is a search again.
	if s.text("Japan"); s.screen().Name != "found" {
		t.Errorf("%s", s.screen().Name)
	}
	// What is linked isn't asked for again.
	for _, route := range []string{"left/", "link/", "number/", "mine/"} {
		if r := s.press(route + string(unlinked)); r.Screen.Name != "esim" || s.session.Question != "" {
			t.Errorf("%s: %s", route, r.Screen.Name)
		}
	}
}

func TestLinkingEndsInWords(t *testing.T) {
	down := errors.New("down")
	for name, c := range map[string]struct {
		err      error
		screen   string
		has      string
		question bool
		cause    error
	}{
		"unknown":       {usage.ErrNotLinked, "link", "doesn't know this number", true, nil},
		"too many":      {usage.ErrTooMany, "link_too_many", "try again tomorrow", false, nil},
		"down":          {down, "link", "doesn't answer just now", true, down},
		"erased so far": {usage.ErrNotFound, "esims", "My eSIMs", false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.regular()
			s.press("link/" + string(unlinked))
			s.network.linkErr = c.err
			r := s.text(typed)
			if r.Screen.Name != c.screen || !mentions(r.Screen.HTML, c.has) || (s.session.Question != "") != c.question || !errors.Is(r.Cause, c.cause) {
				t.Errorf("%s: %s, question %q, cause %v", r.Screen.Name, r.Screen.HTML, s.session.Question, r.Cause)
			}
		})
	}
}

func TestBackLeavesTheQuestion(t *testing.T) {
	s := newStage(t)
	s.regular()
	for _, question := range []string{"link/" + string(unlinked), "rename/" + string(delivered)} {
		for _, leave := range []func(){func() { s.press("esim/" + string(delivered)) }, func() { s.command("buy", "") }} {
			s.press(question)
			leave()
			if s.text("France"); s.screen().Name != "found" || s.esims[string(delivered)].Name != "" {
				t.Errorf("%s: still asked on %s", question, s.screen().Name)
			}
		}
	}
}

func TestQuestionOfAnErasedESIM(t *testing.T) {
	s := newStage(t)
	s.regular()
	for _, question := range []string{"link/" + string(unlinked), "rename/" + string(unlinked)} {
		s.session.Question = question
		delete(s.esims, string(unlinked))
		if s.text("Japan"); s.screen().Name != "found" || s.session.Question != "" {
			t.Errorf("%s: %s", question, s.screen().Name)
		}
	}
	s.session.Question = "link/" + string(foreign)
	if s.text(typed); len(s.network.linked) != 0 || mentions(s.screen().HTML, string(foreign)) {
		t.Errorf("another's eSIM: %s", s.screen().HTML)
	}
}

func TestICCIDTypedAnywhere(t *testing.T) {
	t.Run("one lacks it", func(t *testing.T) {
		s := newStage(t)
		s.regular()
		if r := s.text(typed); r.Screen.Name != "esim" || s.esims[string(unlinked)].ICCID != typed {
			t.Errorf("%s", r.Screen.HTML)
		}
	})
	t.Run("it is known", func(t *testing.T) {
		s := newStage(t)
		s.regular()
		s.esims[string(unlinked)].ICCID = typed
		if r := s.text(typed); r.Screen.Name != "esim" || !r.Fresh || len(s.network.linked) != 0 || s.session.Page != "esim/"+string(unlinked) {
			t.Errorf("%s at %s", r.Screen.Name, s.session.Page)
		}
	})
	t.Run("none lacks it", func(t *testing.T) {
		s := newStage(t)
		if r := s.text(typed); r.Screen.Name != "iccid" || len(s.network.linked) != 0 {
			t.Errorf("%s", r.Screen.Name)
		}
	})
	t.Run("the ended one doesn't count", func(t *testing.T) {
		s := newStage(t)
		s.regular()
		s.esims[string(unlinked)].Status = esim.StatusExpired
		if r := s.text(typed); r.Screen.Name != "iccid" || len(s.network.linked) != 0 {
			t.Errorf("%s", r.Screen.Name)
		}
	})
	t.Run("several lack it", func(t *testing.T) {
		s := newStage(t)
		s.regular()
		second := *s.esims[string(unlinked)]
		second.ID = string(untouched)
		s.esims[second.ID] = &second
		r := s.text(typed)
		if r.Screen.Name != "link_which" || len(s.network.linked) != 0 || len(r.Screen.Rows) != 3 {
			t.Fatalf("%+v", r.Screen)
		}
		if mentions(written([]flows.Screen{*r.Screen}), typed) || strings.Contains(s.session.Page, typed) {
			t.Error("the number stands in a button")
		}
		if r := s.press("mine/" + second.ID); r.Screen.Name != "esim" || s.esims[second.ID].ICCID != typed || s.session.ICCID != "" {
			t.Errorf("%s", r.Screen.Name)
		}
		// Once it is used, the other button asks for a number of its own.
		if r := s.press("mine/" + string(unlinked)); r.Screen.Name != "link" || len(s.network.linked) != 1 {
			t.Errorf("%s", r.Screen.Name)
		}
	})
}

// FuzzICCID: whatever is sent for an ICCID, an answer comes, and nothing but a number that is one is
// asked for.
func FuzzICCID(f *testing.F) {
	for _, sent := range []string{typed, iccid, typed[:17], "89", "", "<b>", "\u202e" + typed, "4242424242424242", "٨٩٨١١٠٠٠٢٢١٥٢٩٦٧٧٠٥"} {
		f.Add(sent)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		s := newStage(t)
		s.regular()
		s.press("link/" + string(unlinked))
		s.text(sent)
		for _, screen := range s.shown {
			check(t, sent, screen)
		}
		for _, number := range s.network.linked {
			if n, err := esim.ParseICCID(number.Digits()); err != nil || n != number {
				t.Errorf("%q was asked for", number.Digits())
			}
		}
		if s.session.Question != "" && s.session.Question != "link/"+string(unlinked) {
			t.Errorf("question %q", s.session.Question)
		}
	})
}
