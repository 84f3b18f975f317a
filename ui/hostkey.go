package ui

import (
	"errors"

	"brokeforge/packages/job"
	"brokeforge/ui/widget"
)

// hostKeyBox is the dialog for a host key that stopped a connection, or nil
// for any other error. It offers nothing but to close it.
func hostKeyBox(e env, err error) *dialog {
	var key *job.HostKeyError
	if !errors.As(err, &key) {
		return nil
	}
	text := hostKeyText(key)
	title := "The host key of " + key.Server + " is not known"
	if key.Changed() {
		title = "The host key of " + key.Server + " has changed"
	}
	return ask(title, widget.Bad, text, choice{"Close", "esc", nil}).byItself(e)
}

// hostKeyText tells what was shown and what was expected.
func hostKeyText(key *job.HostKeyError) []widget.Line {
	text := []widget.Line{
		{widget.Text(widget.Dim, "address      "), widget.Text(widget.Strong, key.Address)},
		{widget.Text(widget.Dim, "it shows     "), widget.Text(widget.Plain, key.Type)},
		{widget.Spaces(13), widget.Text(widget.Accent, key.Fingerprint)},
	}
	for _, k := range key.Known {
		text = append(text,
			widget.Line{widget.Text(widget.Dim, "known is     "), widget.Text(widget.Plain, k.Type), widget.Text(widget.Dim, "  "+k.From)},
			widget.Line{widget.Spaces(13), widget.Text(widget.Good, k.Fingerprint)})
	}
	if !key.Changed() {
		return append(text, widget.Line{},
			widget.Of(widget.Plain, "Compare it with what the server itself says:"),
			widget.Of(widget.Accent, "  ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"))
	}
	return append(text, widget.Line{},
		widget.Of(widget.Plain, "Nothing was sent to it. Either the server was set up anew, or somebody else answers at this address. Find out which before you go on."),
		widget.Of(widget.Plain, "If it was set up anew: forget the server (D) and add it again."))
}
