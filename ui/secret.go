package ui

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/term"
	"brokeforge/ui/widget"
)

// toClipboard sends a text to the clipboard of the person's terminal. Nobody
// acknowledges it, so nobody claims that it arrived.
func toClipboard(e env, text, said string) effect {
	if !e.tmux {
		return command(tea.SetClipboard(text)).and(say(said))
	}
	return command(func() tea.Msg {
		if err := term.CopyInTmux(e.ctx, text); err != nil {
			return sayMsg{err.Error(), true}
		}
		return sayMsg{said, false}
	})
}

// secretsMsg is the secrets of a package, which somebody asked to see.
type secretsMsg struct {
	name   packages.Name
	values []shownSecret
	err    error
}

type shownSecret struct{ name, value string }

// secretChoices are the buttons for what a package keeps on a server: its public
// keys and its secrets.
func secretChoices(e env, v job.ServerView, name packages.Name) []choice {
	var out []choice
	if keys := publicKeys(v, name); len(keys) > 0 {
		out = append(out, choice{"Copy public key", "c", func() effect {
			return toClipboard(e, keys[0], "sent the public key of the app user to the terminal's clipboard")
		}})
	}
	if holdsSecrets(v, name) {
		out = append(out, choice{"Show secrets", "s", func() effect {
			return e.ask(func() tea.Msg { return secretsOf(e.ctx, e.engine, v.ID, name) })
		}})
	}
	return out
}

// publicKeys returns the public keys that are recorded of a package, that of the
// app user first.
func publicKeys(v job.ServerView, name packages.Name) []string {
	var out []string
	for _, r := range recordsOf(v, name) {
		for _, k := range sortedKeys(r.Configuration) {
			user, ok := strings.CutPrefix(k, packages.PublicKeyPrefix)
			if key := r.Configuration[k]; ok && key != "" && user == r.Configuration[packages.AppUserOption] {
				out = slices.Insert(out, 0, key)
			} else if ok && key != "" {
				out = append(out, key)
			}
		}
	}
	return out
}

// holdsSecrets reports whether a package has secrets on a server.
func holdsSecrets(v job.ServerView, name packages.Name) bool {
	if len(publicKeys(v, name)) > 0 {
		return true
	}
	for _, r := range recordsOf(v, name) {
		for _, value := range r.Configuration {
			if packages.HasSecrets(value) {
				return true
			}
		}
	}
	return false
}

// secretsOf reads the secrets of a package.
func secretsOf(ctx context.Context, engine Engine, server store.ID, name packages.Name) secretsMsg {
	msg := secretsMsg{name: name}
	list, err := engine.Secrets(server)
	if err != nil {
		msg.err = err
		return msg
	}
	for _, s := range list {
		label, _, _ := strings.Cut(string(s.Name), ".")
		if packages.Parse(label).Name != name {
			continue
		}
		value, err := engine.Secret(ctx, server, s.Name)
		if err != nil {
			msg.err = err
			return msg
		}
		msg.values = append(msg.values, shownSecret{string(s.Name), value})
	}
	return msg
}

// showSecrets opens a box with the values. Nothing keeps them once it is closed.
func (s *serverScreen) showSecrets(e env, m secretsMsg) effect {
	switch {
	case m.err != nil:
		return complain(m.err)
	case len(m.values) == 0:
		return say("no secrets of " + string(m.name) + " are kept")
	}
	width := min(e.size.w-6, 76)
	var text []widget.Line
	for _, secret := range m.values {
		text = append(text, widget.Of(widget.Dim, secret.name))
		for line := range strings.Lines(secret.value) {
			text = append(text, widget.Wrap(widget.Plain, strings.TrimRight(line, "\r\n"), width)...)
		}
		text = append(text, widget.Line{})
	}
	return e.openHere(ask("Secrets of "+string(m.name), widget.Working, text, choice{"Close", "esc", nil}))
}
