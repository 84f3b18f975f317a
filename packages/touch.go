package packages

// Touch is what a command does to what people use, as its package declares it, so
// that a preview can sum it up. The zero value declares nothing.
type Touch struct {
	Starts   []string `json:"starts,omitempty"`   // systemd units
	Stops    []string `json:"stops,omitempty"`    // systemd units
	Restarts []string `json:"restarts,omitempty"` // systemd units; what they serve is interrupted
	Reloads  []string `json:"reloads,omitempty"`  // systemd units; nothing is interrupted
	Opens    []string `json:"opens,omitempty"`    // ports that others reach from now on, such as "443" or "8000:8100/udp"
	Closes   []string `json:"closes,omitempty"`   // ports that others reach no more
}

// Touched returns what the command declares.
func Touched(cmd Command) Touch {
	switch c := cmd.(type) {
	case Run:
		return c.Touch
	case Prove:
		return c.Touch
	}
	return Touch{}
}
