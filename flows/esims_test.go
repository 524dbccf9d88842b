package flows_test

import (
	"strings"
	"testing"
	"time"

	"esimbot/esim"
	"esimbot/usage"
)

func TestESIMSaysWhatIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		change            func(*usage.ESIM)
		line, has, hasNot string
	}{
		"hours left":            {func(e *usage.ESIM) { e.ExpiresAt = noon.Add(5*time.Hour - time.Minute) }, "6.1 GB · 5 hours left", "5 hours left", "days left"},
		"nearly a day over":     {func(e *usage.ESIM) { e.ExpiresAt = noon.Add(25 * time.Hour) }, "2 days left", "2 days left", ""},
		"about":                 {func(e *usage.ESIM) { e.About = true }, "about 12 days left", "until about 4 Dec 2026", ""},
		"no end known":          {func(e *usage.ESIM) { e.ExpiresAt = time.Time{} }, "▓▓▓▓░░ 6.1 GB", "Valid 30 days", "left ·"},
		"a last drop":           {func(e *usage.ESIM) { e.UsedBytes = e.TotalBytes - 1 }, "▓░░░░░", "▓░░░░░", ""},
		"more used than bought": {func(e *usage.ESIM) { e.UsedBytes = e.TotalBytes + esim.GB }, "░░░░░░ 0 MB", "░░░░░░", ""},
		"no fixed volume":       {func(e *usage.ESIM) { e.TotalBytes = -1 }, "in use", "3.9 GB used", "▓"},
		"never measured": {func(e *usage.ESIM) {
			e.UsedBytes, e.MeasuredAt = -1, time.Time{}
		}, "in use", "Your phone counts", "as of"},
		"reported late":   {func(e *usage.ESIM) { e.Plan.Provider = esim.Mobilexy }, "", "may lag 2–3 hours", ""},
		"expired by time": {func(e *usage.ESIM) { e.ExpiresAt = noon }, "", "Its time is over", "Valid"},
		"suspended":       {func(e *usage.ESIM) { e.Status = esim.StatusSuspended }, "suspended", "Suspended by the network", ""},
		"being made":      {func(e *usage.ESIM) { e.Status, e.UsedBytes = esim.StatusPending, -1 }, "being made", "is making it", ""},
		"unknown word":    {func(e *usage.ESIM) { e.Status = esim.StatusUnknown }, "6.1 GB", "In use", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			s.regular()
			e := s.esims[string(delivered)]
			c.change(e)
			s.press("esim/" + e.ID)
			check(t, name, s.screen())
			if html := s.screen().HTML; !strings.Contains(html, c.has) || c.hasNot != "" && strings.Contains(html, c.hasNot) {
				t.Errorf("page: %s", html)
			}
			s.press("esims")
			if list := buttonTo(s, "esim/"+e.ID); !strings.Contains(list, c.line) {
				t.Errorf("line: %q, want %q in it", list, c.line)
			}
		})
	}
}

func buttonTo(s *stage, data string) string {
	for _, row := range s.screen().Rows {
		for _, b := range row {
			if b.Data == data {
				return b.Text
			}
		}
	}
	return ""
}

func TestManyESIMsTurnPages(t *testing.T) {
	s := newStage(t)
	s.regular()
	for i := range 20 {
		id := []byte("6A2B3C4D00")
		id[8], id[9] = byte('0'+i/10), byte('0'+i%10)
		e := *s.esims[string(delivered)]
		e.ID = string(id)
		e.BoughtAt = noon.Add(-time.Duration(i) * time.Minute)
		s.esims[e.ID] = &e
	}
	seen := map[string]bool{}
	for page := range 5 {
		s.press([]string{"esims", "esims/2", "esims/3", "esims/4", "esims/5"}[page])
		check(t, s.session.Page, s.screen())
		for _, row := range s.screen().Rows {
			if strings.HasPrefix(row[0].Data, "esim/") {
				seen[row[0].Data] = true
			}
		}
	}
	if len(seen) != 23 {
		t.Errorf("%d eSIMs on all pages", len(seen))
	}
}

// Who blocked the bot and looks at an eSIM is back, also where Telegram didn't say so.
func TestLookingIsReturning(t *testing.T) {
	s := newStage(t)
	s.regular()
	e := s.esims[string(delivered)]
	e.Unreachable, e.NextAt = true, time.Time{}
	s.press("esim/" + e.ID)
	if e := s.esims[string(delivered)]; e.Unreachable || !e.NextAt.Equal(noon) {
		t.Errorf("unreachable %t, due %s", e.Unreachable, e.NextAt)
	}
}
