package handlers

import (
	"context"
	"sync"
	"time"
)

const (
	// pollPatience is how long Telegram waits for something to tell us.
	pollPatience = 25 * time.Second
	// pollBatch is the most updates fetched at once, and with it the most that are waiting here.
	pollBatch = 100
	// pollWorkers bounds how many people are served at once.
	pollWorkers = 32
	// pollPause is waited when all that came is being handled already, unless something ends first.
	pollPause = 250 * time.Millisecond
	// retryPause is waited before a failed update, or a failed fetch, is tried again; it doubles up
	// to maxRetryPause.
	retryPause    = 500 * time.Millisecond
	maxRetryPause = 30 * time.Second
)

// Poll fetches updates and handles them until ctx ends, then finishes what it began. Updates of one
// person are handled in their order, those of different people at once. Telegram is told that an
// update is done only when it and all before it are, so what a crash interrupts comes again.
//
// Poll never removes a webhook: while one is set Telegram refuses, which is logged, and Poll tries on.
func (t *Telegram) Poll(ctx context.Context) error {
	p := &poller{
		t: t, queues: map[int64][]*update{}, done: map[int64]bool{},
		slots: make(chan struct{}, pollWorkers), progress: make(chan struct{}, 1),
	}
	pause := retryPause
	for ctx.Err() == nil {
		fresh, err := p.fetch(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			t.log.WarnContext(ctx, "no updates", "err", err)
			_ = t.client.wait(ctx, max(pause, asked(err))) // only ctx's end, which the loop sees
			pause = min(2*pause, maxRetryPause)
		default:
			pause = retryPause
			if fresh == 0 && p.busy() {
				p.breathe(ctx)
			}
		}
	}
	p.working.Wait()
	p.confirm(ctx)
	return nil
}

// A poller hands updates to one worker a person and knows which are not done yet.
type poller struct {
	t        *Telegram
	slots    chan struct{} // taken by who handles an update
	progress chan struct{} // told of each update that is done
	working  sync.WaitGroup

	mu     sync.Mutex
	queues map[int64][]*update // by person; a present key has a worker
	done   map[int64]bool      // the updates Telegram still has, and whether we are done with them
	last   int64               // the one that came last; numbers may start anew after a quiet week
}

// fetch asks for updates and queues those that are new, whose number it returns.
func (p *poller) fetch(ctx context.Context) (int, error) {
	patience := pollPatience
	if p.busy() {
		patience = 0 // what is open comes back at once anyway
	}
	offset := p.offset()
	list, err := p.t.client.updates(ctx, offset, patience, pollBatch)
	if err != nil {
		return 0, err
	}
	p.forget(offset)
	fresh := 0
	for _, raw := range list {
		u, err := decodeUpdate(raw)
		if err != nil {
			p.t.log.ErrorContext(ctx, "update unreadable", "bytes", len(raw), "err", err)
		}
		if u != nil && p.enqueue(ctx, u) {
			fresh++
		}
	}
	return fresh, nil
}

// enqueue puts an update that is new at the end of its person's queue.
func (p *poller) enqueue(ctx context.Context, u *update) bool {
	key := p.whose(ctx, u)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.done[u.ID]; known {
		return false
	}
	p.last, p.done[u.ID] = u.ID, false
	queue, working := p.queues[key]
	p.queues[key] = append(queue, u)
	if !working {
		p.working.Go(func() { p.work(ctx, key) })
	}
	return true
}

// whose names the queue that an update belongs to: its person's. One that can't even be read has none,
// and waits with its like.
func (p *poller) whose(ctx context.Context, u *update) (key int64) {
	defer func() {
		if p.t.caught(ctx, u.ID, recover()) {
			key = 0
		}
	}()
	a := p.t.read(u)
	if a.user == 0 {
		return a.chat
	}
	return a.user
}

// work handles a person's updates until there are no more, or until ctx ends: then the one begun is
// finished, and the others come again.
func (p *poller) work(ctx context.Context, key int64) {
	for {
		p.mu.Lock()
		queue := p.queues[key]
		if len(queue) == 0 || ctx.Err() != nil {
			delete(p.queues, key)
			p.mu.Unlock()
			return
		}
		u := queue[0]
		p.queues[key] = queue[1:]
		p.mu.Unlock()
		if p.handle(ctx, u) {
			p.finish(u.ID)
		}
	}
}

// handle handles an update, again and again while it must, and says whether it is done.
func (p *poller) handle(ctx context.Context, u *update) bool {
	for pause := retryPause; ; pause = min(2*pause, maxRetryPause) {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return false
		}
		err := p.try(ctx, u)
		<-p.slots
		if err == nil {
			return true
		}
		p.t.log.WarnContext(ctx, "update tried again", "update", u.ID, "err", err)
		if p.t.client.wait(ctx, pause) != nil {
			return false
		}
	}
}

// try handles an update once, in a time of its own that ctx's end doesn't cut short.
func (p *poller) try(ctx context.Context, u *update) error {
	ctx, cancel := context.WithTimeout(p.t.metrics.begin(ctx, u.ID), handleTime)
	defer cancel()
	reply, err := p.t.settle(ctx, u)
	if err != nil || reply == nil {
		return err
	}
	if err := p.t.client.answer(ctx, reply); err != nil {
		p.t.log.DebugContext(ctx, "callback not answered", "update", u.ID, "err", err)
	}
	return nil
}

func (p *poller) finish(id int64) {
	p.mu.Lock()
	p.done[id] = true
	p.mu.Unlock()
	select {
	case p.progress <- struct{}{}:
	default:
	}
}

func (p *poller) busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, done := range p.done {
		if !done {
			return true
		}
	}
	return false
}

// offset is the oldest update that is not done; what stands before it is, and can be forgotten once
// Telegram has heard so.
func (p *poller) offset() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == 0 {
		return 0 // nothing came yet: whatever Telegram has
	}
	lowest := p.last + 1
	for id, done := range p.done {
		if !done {
			lowest = min(lowest, id)
		}
	}
	return lowest
}

// forget drops what Telegram has dropped: the updates before offset.
func (p *poller) forget(offset int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, done := range p.done {
		if done && id < offset {
			delete(p.done, id)
		}
	}
}

// breathe waits until an update is done, or a moment.
func (p *poller) breathe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pollPause)
	defer cancel()
	select {
	case <-p.progress:
	case <-ctx.Done():
	}
}

// confirm tells Telegram at the end what is done, so that it doesn't come again at the next start.
func (p *poller) confirm(ctx context.Context) {
	offset := p.offset()
	if offset == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer cancel()
	if _, err := p.t.client.updates(ctx, offset, 0, 1); err != nil {
		p.t.log.WarnContext(ctx, "handled updates may come again", "err", err)
	}
}
