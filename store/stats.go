package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/shopspring/decimal"

	"esimbot/esim"
	"esimbot/orders"
)

// Statistics are projections of orders: counted by Orders.Project, which may come any number of
// times, from any number of replicas.
//
// The hash {o:<nn>}:stats:<day> holds what the orders of one partition add to a day's figures. A day
// is UTC, and that of the thing counted: an order that is opened before midnight and paid after it
// stands in both days.
//
//	opened          payment pages, by CreatedAt
//	paid            orders, by PaidAt
//	sales:<cur>     minor units received, by PaidAt
//	cost            what providers were paid, in millionths of a USD, by Bought.At
//	delivered       orders, by DeliveredAt
//	refunds         times that more money had gone back, by UpdatedAt
//	returned:<cur>  minor units that went back, less what came back of them when a refund failed
//	regained        what providers gave back, as cost, by UpdatedAt
//
// The hash {o:<nn>}:counted:<order> says what of an order is counted: a field each for o(pened),
// p(aid), c(ost), d(elivered) and g (regained), r for the money back in minor units, v for the order's
// version then. It lies with its partition's figures, so one script changes both or neither, and a
// node that loses one has lost the other too. It is some 200 bytes beside a document of some
// kilobytes, and goes when nothing of the order can be counted any more: a thing older than the
// figures are kept isn't.
//
// Apart from these, stats:<day> holds what sold, for Popular: sold:<language>:<destination>, with a
// mark order:<id> for each order counted there.
const (
	// statsTTL is how long a day's statistics are kept after they last changed.
	statsTTL = 400 * 24 * time.Hour
	// maxStatsDays is how many days Stats reads at most.
	maxStatsDays = 400
)

const (
	figureOpened    = "opened"
	figurePaid      = "paid"
	figureDelivered = "delivered"
	figureRefunds   = "refunds"
	figureCost      = "cost"
	figureRegained  = "regained"
	salesPrefix     = "sales:"
	returnedPrefix  = "returned:"
)

// usdExponent is how many decimals of a USD cost and regained keep.
const usdExponent = 6

// A tally is what countScript is to be told of an order.
type tally struct {
	id   orders.ID
	now  time.Time
	keys []string
	args []any
}

// day returns the number of the key that holds t's figures.
func (c *tally) day(t time.Time) int {
	key := figuresKey(c.id, t)
	for i := 1; i < len(c.keys); i++ {
		if c.keys[i] == key {
			return i + 1
		}
	}
	c.keys = append(c.keys, key)
	return len(c.keys)
}

// once adds by to a field of at's day, if mark isn't set yet. What is older than the figures are kept
// was counted long ago.
func (c *tally) once(mark string, at time.Time, field string, by int64) {
	if !at.IsZero() && c.now.Sub(at) < statsTTL {
		c.args = append(c.args, mark, c.day(at), field, by)
	}
}

// count has a pipeline count what happened to an order.
func (v *Orders) count(ctx context.Context, p redis.Pipeliner, o *orders.Order) {
	now := v.s.now()
	if now.Sub(o.UpdatedAt) >= statsTTL {
		return // and so is all that happened to it before
	}
	back := o.Refund.Total
	if back.Currency == "" {
		back.Currency = o.Payment.Received.Currency
	}
	marksTTL := statsTTL
	if o.State == orders.Expired && o.Payment.PaidAt.IsZero() {
		marksTTL = expiredTTL // as long as the order
	}
	c := tally{id: o.ID, now: now, keys: []string{countedKey(o.ID), figuresKey(o.ID, o.UpdatedAt)}}
	c.args = []any{marksTTL.Milliseconds(), statsTTL.Milliseconds(), o.Version, returnedPrefix + string(back.Currency), back.Minor, figureRefunds}
	c.once("o", o.CreatedAt, figureOpened, 1)
	c.once("p", o.Payment.PaidAt, figurePaid, 1)
	c.once("p", o.Payment.PaidAt, salesPrefix+string(o.Payment.Received.Currency), o.Payment.Received.Minor)
	c.once("d", o.DeliveredAt, figureDelivered, 1)
	if o.Bought != nil {
		cost := microUSD(o.Bought.Plan.Wholesale)
		c.once("c", o.Bought.At, figureCost, cost)
		if o.Refund.Return == orders.ReturnDone {
			c.once("g", o.UpdatedAt, figureRegained, cost)
		}
	}
	p.Eval(ctx, countScript, c.keys, c.args...)
}

// microUSD returns millionths of a USD, finer parts rounded; 0 for what no plan costs.
func microUSD(usd decimal.Decimal) int64 {
	d := usd.Shift(usdExponent).Round(0)
	if !d.BigInt().IsInt64() {
		return 0
	}
	return d.IntPart()
}

// Stats returns the figures of each day from first to last, UTC, oldest first, also of days without
// any, in one round trip.
func (v *Orders) Stats(ctx context.Context, first, last time.Time) ([]orders.DayStats, error) {
	first, last = midnight(first), midnight(last)
	var days []orders.DayStats
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		if len(days) == maxStatsDays {
			return nil, errors.New("statistics of too many days")
		}
		days = append(days, orders.DayStats{Day: day, Sales: map[esim.Currency]int64{}, Returned: map[esim.Currency]int64{}})
	}
	if len(days) == 0 {
		return nil, nil
	}
	parts := make([][orderPartitions]*redis.MapStringStringCmd, len(days))
	_, err := v.s.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, d := range days {
			for n := range parts[i] {
				parts[i][n] = p.HGetAll(ctx, figuresPartKey(uint32(n), d.Day))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read statistics: %w", err)
	}
	for i := range days {
		for _, part := range parts[i] {
			if err := addFigures(&days[i], part.Val()); err != nil {
				return nil, fmt.Errorf("statistics of %s: %w", days[i].Day.Format(time.DateOnly), err)
			}
		}
	}
	return days, nil
}

func midnight(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// addFigures adds one partition's part to a day. Fields that a newer version counts are left out.
func addFigures(d *orders.DayStats, fields map[string]string) error {
	for field, text := range fields {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("field %s: %w", field, err)
		}
		kind, currency, _ := strings.Cut(field, ":")
		switch {
		case field == figureOpened:
			d.Opened += int(n)
		case field == figurePaid:
			d.Paid += int(n)
		case field == figureDelivered:
			d.Delivered += int(n)
		case field == figureRefunds:
			d.Refunds += int(n)
		case field == figureCost:
			d.Cost = d.Cost.Add(decimal.New(n, -usdExponent))
		case field == figureRegained:
			d.Regained = d.Regained.Add(decimal.New(n, -usdExponent))
		case kind+":" == salesPrefix:
			d.Sales[esim.Currency(currency)] += n
		case kind+":" == returnedPrefix:
			d.Returned[esim.Currency(currency)] += n
		}
	}
	return nil
}
