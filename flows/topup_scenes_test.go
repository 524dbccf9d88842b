package flows_test

import (
	"errors"
	"time"

	"esimbot/catalog"
	"esimbot/esim"
	"esimbot/flows"
	"esimbot/orders"
	"esimbot/usage"
)

func topUpScenes(one func(string, func(*stage))) {
	one("topups_2", func(s *stage) { s.regular(); s.press("more/" + string(delivered) + "/2") })
	one("topups_looking", func(s *stage) {
		s.regular()
		s.tap(flows.Event{Kind: flows.EventPress, Data: "more/" + string(delivered), Message: 1})
	})
	one("topups_down", func(s *stage) {
		s.regular()
		s.network.topUpErr = catalog.ErrUnavailable
		s.press("topup/" + string(delivered))
	})
	one("topups_none", func(s *stage) {
		s.regular()
		s.network.topUps = func(*usage.ESIM) []esim.Plan { return nil }
		s.press("more/" + string(delivered))
	})
	one("topup", func(s *stage) {
		s.regular()
		s.press("pick/" + string(delivered) + "/" + s.topUp(delivered).Ref())
	})
	one("topup_waits", func(s *stage) {
		s.regular()
		e := s.esims[string(untouched)]
		e.Plan.CanTopUp, e.TopUp = true, "8A2B3C4D5E"
		s.press("pick/" + e.ID + "/" + s.options(untouched)[0].Ref())
	})
	one("topup_never", func(s *stage) { s.regular(); s.press("more/" + string(untouched)) })
	one("topup_over", func(s *stage) {
		s.regular()
		s.network.quoteErr = catalog.ErrOver
		s.press(add(s.topUp(delivered)))
	})
	one("topup_price_rose", func(s *stage) {
		s.regular()
		p := s.topUp(delivered)
		s.network.dearer = 60
		s.press(add(p))
	})
	state := func(name string, state orders.State, change func(*orders.Order)) {
		one("topup_order_"+name, func(s *stage) {
			s.regular()
			o := s.order(unpaid, customer, "JP-10-30", state)
			o.Kind, o.ESIM, o.Plan = orders.KindTopUp, delivered, s.topUp(delivered)
			if change != nil {
				change(o)
			}
			s.press("o/" + string(unpaid))
		})
	}
	state("awaiting", orders.AwaitingPayment, nil)
	state("expired", orders.Expired, nil)
	state("adding", orders.Purchasing, nil)
	state("working", orders.Paid, func(o *orders.Order) { o.Payment.PaidAt = noon.Add(-30 * time.Second) })
	state("waits", orders.Paid, func(o *orders.Order) { o.Reason = orders.ReasonTopUpWaits })
	state("issued", orders.Issued, nil)
	state("delivered", orders.Delivered, nil)
	state("review", orders.Review, nil)
	state("refunded", orders.Refunded, func(o *orders.Order) { o.Refund.Total = o.Plan.Retail })
	one("topup_order_line", func(s *stage) {
		s.regular()
		o := s.order(unpaid, customer, "JP-10-30", orders.Paid)
		o.Kind, o.ESIM, o.Plan = orders.KindTopUp, delivered, s.topUp(delivered)
		s.command("esims", "")
	})
}

func linkScenes(one func(string, func(*stage))) {
	one("link", func(s *stage) { s.regular(); s.press("left/" + string(unlinked)) })
	sent := func(name, text string, err error) {
		one("link_"+name, func(s *stage) {
			s.regular()
			s.press("link/" + string(unlinked))
			s.network.linkErr = err
			s.text(text)
		})
	}
	sent("done", typed, nil)
	sent("unknown", typed, usage.ErrNotLinked)
	sent("too_many", typed, usage.ErrTooMany)
	sent("down", typed, errors.New("down"))
	sent("digits", "where?", nil)
	sent("eid", "89049032 00000000 00000000 12345678", nil)
	one("link_picture", func(s *stage) {
		s.regular()
		s.press("link/" + string(unlinked))
		s.event(flows.Event{Kind: flows.EventOther, Sent: 1})
	})
	one("linking", func(s *stage) {
		s.regular()
		s.tap(flows.Event{Kind: flows.EventText, Text: typed, Sent: 1})
	})
	one("link_which", func(s *stage) {
		s.regular()
		second := *s.esims[string(unlinked)]
		second.ID, second.Name = string(untouched), "Mum"
		s.esims[second.ID] = &second
		s.text(typed)
	})
	named := func(s *stage) {
		s.regular()
		s.press("rename/" + string(delivered))
		s.text("Mum’s phone & the tablet")
	}
	one("esims_only_past", func(s *stage) {
		s.regular()
		for _, e := range s.esims {
			e.Status = esim.StatusUsedUp
		}
		s.press("esims")
	})
	one("esim_used_up", func(s *stage) {
		s.regular()
		e := s.esims[string(delivered)]
		e.Status, e.UsedBytes = esim.StatusUsedUp, e.TotalBytes
		s.press("esim/" + e.ID)
	})
	one("esim_untouched_topped_up", func(s *stage) {
		s.regular()
		e := s.esims[string(delivered)]
		e.Status, e.UsedBytes, e.FirstUsedAt, e.Pace = esim.StatusReady, 0, time.Time{}, 0
		e.TopUps, e.TotalBytes = []usage.TopUp{{Order: "x", Kind: esim.Fixed, Bytes: 3 * esim.GB}}, 13*esim.GB
		s.press("esim/" + e.ID)
	})
	one("esim_named", named)
	one("esims_named", func(s *stage) { named(s); s.press("esims") })
	one("esim_rename", func(s *stage) { named(s); s.press("rename/" + string(delivered)) })
	one("esim_rename_wrong", func(s *stage) {
		s.regular()
		s.press("rename/" + string(delivered))
		s.text("two\nlines")
	})
	one("esim_unnamed", func(s *stage) { named(s); s.press("unname/" + string(delivered)) })
	one("esim_muted", func(s *stage) { s.regular(); s.press("mute/" + string(delivered)) })
	one("esim_unmuted", func(s *stage) { s.regular(); s.press("unmute/" + string(delivered)) })
	one("esim_later", func(s *stage) { s.regular(); s.press("later/" + string(delivered)) })
	one("esim_refreshing", func(s *stage) {
		s.regular()
		s.tap(flows.Event{Kind: flows.EventPress, Data: "refresh/" + string(delivered), Message: 1})
	})
	refreshed := func(name string, change func(*stage, *usage.ESIM)) {
		one("esim_"+name, func(s *stage) {
			s.regular()
			e := s.esims[string(delivered)]
			e.Pace, e.TopUps = 3*esim.GB, nil
			change(s, e)
			s.press("refresh/" + e.ID)
		})
	}
	refreshed("refreshed", func(*stage, *usage.ESIM) {})
	refreshed("refresh_soon", func(_ *stage, e *usage.ESIM) { e.AskedAt, e.Pace = noon.Add(-time.Second), 100*esim.MB })
	refreshed("refresh_due", func(_ *stage, e *usage.ESIM) { e.AskedAt, e.Plan.Provider = noon.Add(-time.Hour), esim.Mobilexy })
	refreshed("refresh_failed", func(s *stage, e *usage.ESIM) { s.network.watchErr, e.Misses = errors.New("away"), 3 })
	refreshed("silent", func(s *stage, e *usage.ESIM) {
		s.network.watchErr, e.Misses, e.UsedBytes, e.MeasuredAt = errors.New("away"), 3, -1, time.Time{}
	})
}
