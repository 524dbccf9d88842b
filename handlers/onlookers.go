package handlers

import (
	"context"

	"esimbot/flows"
	"esimbot/orders"
)

// A view is how a customer looks at an order now.
type view struct {
	lang string
	// newer is the message in which they opened the order again, where that is another than the
	// one it was made in; 0 otherwise.
	newer int
}

// view asks the customer's session, in one round trip. Without an answer the order's own language
// and message do.
func (n *Notifier) view(ctx context.Context, o *orders.Order) view {
	v := view{lang: o.Language}
	loaded, err := n.cfg.Sessions.Load(ctx, o.Customer, 0)
	if err != nil {
		n.cfg.Log.WarnContext(ctx, "session not read for a notice", "order", o.ID, "err", err)
		return v
	}
	if loaded.Customer.Language != "" {
		v.lang = loaded.Customer.Language
	}
	if s := loaded.Session; s.Page == flows.OrderPage(o.ID) && s.Screen != o.Screen.ID {
		v.newer = s.Screen
	}
	return v
}

// follow draws the order where it was opened again. It is a courtesy beside the order's own message:
// what fails is let go.
func (n *Notifier) follow(ctx context.Context, o *orders.Order, v view, screen flows.Screen) {
	if v.newer == 0 || o.Screen.ID == 0 {
		return
	}
	if err := n.cfg.Client.editText(ctx, spot{chat: o.Customer, message: v.newer}, screen); err != nil && !failedAs(err, failUnchanged) {
		n.cfg.Log.DebugContext(ctx, "order not shown where it was opened again", "order", o.ID, "err", err)
	}
}
