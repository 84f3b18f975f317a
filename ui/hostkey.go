package ui

import (
	"errors"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// hostKeyBox is the dialog for a host key that stopped a connection to a server,
// or nil for any other error. It offers to trust the key on purpose where the
// server is recorded.
func hostKeyBox(e env, id store.ID, err error) *dialog {
	var key *job.HostKeyError
	if !errors.As(err, &key) {
		return nil
	}
	text := hostKeyText(key, id != "")
	title, trust := "The host key of "+key.Whose()+" is not known", choice{"Accept this key", "a", nil}
	if key.Changed() {
		title, trust = "The host key of "+key.Whose()+" has changed", choice{"Trust the new key", "t", nil}
	}
	choices := []choice{{"Close", "esc", nil}}
	if id != "" {
		trust.run = func() effect { return trustHostKey(e, id, key) }
		choices = append(choices, trust)
	}
	return ask(title, widget.Bad, text, choices...).byItself(e)
}

// trustedMsg says that a key was pinned, or why not.
type trustedMsg struct {
	server store.ID
	whose  string
	err    error
}

// trustHostKey pins the key that was shown, and reads the server's facts with it.
func trustHostKey(e env, id store.ID, key *job.HostKeyError) effect {
	whose, fingerprint := key.Whose(), key.Fingerprint
	return command(func() tea.Msg {
		return trustedMsg{id, whose, e.engine.TrustHostKey(e.ctx, id, fingerprint)}
	})
}

func (a *app) trusted(m trustedMsg) tea.Cmd {
	if m.err != nil {
		if box := hostKeyBox(a.env, m.server, m.err); box != nil {
			return a.apply(open(box))
		}
		return a.apply(complain(m.err))
	}
	out := say("the host key of " + m.whose + " is pinned")
	out.now = append(out.now, refreshMsg{[]store.ID{m.server}})
	return a.apply(out)
}

// hostKeyText tells what was shown and what was expected, and for a changed key
// what can be done, which is another thing where the server is not recorded yet.
func hostKeyText(key *job.HostKeyError, recorded bool) []widget.Line {
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
	what := "If it was set up anew, and you have compared the key: trust the new one."
	if !recorded {
		what = "If it was set up anew, and you have compared the key: take the old one out of the file that is named, and add the server again."
	}
	return append(text, widget.Line{},
		widget.Of(widget.Plain, "Nothing was sent to it. Either the server was set up anew, or somebody else answers at this address. Find out which before you go on."),
		widget.Of(widget.Plain, what))
}
