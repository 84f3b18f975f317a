package job

// Signal returns a subscription of its own and the func that wakes it, for
// what stands in for an Engine.
func Signal() (*Subscription, func()) {
	h := &hub{}
	return h.subscribe(), h.wake
}
