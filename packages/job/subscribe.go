package job

import "sync"

// A Subscription tells that something has changed since it was last asked. It
// never holds up what changes.
type Subscription struct {
	hub     *hub
	changed chan struct{}
}

// Changed has a value when something has changed since the last receive. It
// holds one value at most, however much has changed.
func (s *Subscription) Changed() <-chan struct{} { return s.changed }

// Close ends the subscription. Its channel is not closed.
func (s *Subscription) Close() { s.hub.drop(s) }

// hub wakes subscriptions. The zero value is ready.
type hub struct {
	mu   sync.Mutex
	subs map[*Subscription]bool
}

func (h *hub) subscribe() *Subscription {
	s := &Subscription{hub: h, changed: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subs == nil {
		h.subs = make(map[*Subscription]bool)
	}
	h.subs[s] = true
	return s
}

func (h *hub) drop(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.subs, s)
}

// wake marks every subscription changed, without waiting for any.
func (h *hub) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subs {
		select {
		case s.changed <- struct{}{}:
		default:
		}
	}
}
