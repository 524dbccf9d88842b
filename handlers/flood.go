package handlers

import (
	"context"
	"sync"
	"time"
)

const (
	// floodedChats is how many chats Telegram must ask patience for at once before it is taken to
	// mean the bot as a whole: its answer doesn't say whose limit was hit.
	// https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
	floodedChats = 10
	// maxFlooded bounds how many chats are remembered.
	maxFlooded = 1000
)

// floods keeps until when Telegram wants to be left alone (429): in one chat, or altogether. One
// person who taps too fast must not silence the shop for all others.
type floods struct {
	mu    sync.Mutex
	all   time.Time
	chats map[int64]time.Time
}

// hold keeps the calls of a chat back until d after now; of every chat where the call was in none.
func (f *floods) hold(chat int64, now time.Time, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := now.Add(d)
	if chat == 0 {
		f.all = later(f.all, until)
		return
	}
	for c, end := range f.chats {
		if !now.Before(end) {
			delete(f.chats, c)
		}
	}
	if f.chats == nil || len(f.chats) >= maxFlooded {
		f.chats = map[int64]time.Time{}
	}
	f.chats[chat] = later(f.chats[chat], until)
	if len(f.chats) >= floodedChats {
		f.all = later(f.all, until)
	}
}

// left says how long a call of the chat must wait at now.
func (f *floods) left(chat int64, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	until := f.all
	if chat != 0 {
		until = later(until, f.chats[chat])
	}
	return until.Sub(now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// patience waits until Telegram wants to hear from us again. When that is after ctx's end it says
// so at once.
func (c *Client) patience(ctx context.Context, r request) error {
	for {
		left := c.floods.left(r.chat, c.now())
		if left <= 0 {
			return nil
		}
		flood := &callError{method: r.method, kind: failFlood, detail: "too many requests", retryAfter: left}
		if end, ok := ctx.Deadline(); ok && time.Until(end) < left {
			return flood
		}
		if err := c.wait(ctx, left); err != nil {
			flood.cause = err
			return flood
		}
	}
}
