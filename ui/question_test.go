package ui

import (
	"slices"
	"strings"
	"testing"
	"time"

	"brokeforge/packages/job"
)

var sudoQuestion = job.Question{ID: "7", Kind: job.AskSudo, Server: "web2", User: "deploy", Wrong: 1}

func TestQuestion(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.Change(func() { d.engine.Open = []job.Question{sudoQuestion} })
	d.changed()
	d.shows("Password of deploy on web2, for sudo", "that was wrong")

	// What is being typed when it opens is meant for something else.
	d.send(keyOf("x"))
	d.send(keyOf("enter"))
	if len(d.engine.Answers) != 0 {
		t.Fatalf("an answer that nobody gave: %q", d.engine.Answers)
	}
	d.typed("hunter 2")
	golden(t, "question-80x24", d.screen())
	d.size(120, 40)
	golden(t, "question-120x40", d.screen())
	d.hides("hunter")
	d.press("enter")
	d.changed()
	if !slices.Equal(d.engine.Answers, []string{"7=hunter 2"}) {
		t.Errorf("answers %q", d.engine.Answers)
	}
	d.hides("for sudo")
}

func TestQuestionIsDeclined(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.Change(func() { d.engine.Open = []job.Question{sudoQuestion} })
	d.changed()
	d.press("a", "esc")
	d.changed()
	if !slices.Equal(d.engine.Answers, []string{"7"}) {
		t.Errorf("answers %q", d.engine.Answers)
	}
}

// A question that is no longer open takes its box along, and nothing of what was
// typed into it does anything.
func TestQuestionGoesByItself(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.Change(func() {
		d.engine.Open = []job.Question{sudoQuestion, {ID: "8", Kind: job.AskPrompt, Server: "db1", User: "root", Prompt: "Code:", Echo: true}}
	})
	d.changed()
	d.shows("db1 asks root: Code:")
	d.engine.Change(func() { d.engine.Open = d.engine.Open[:1] })
	d.changed()
	d.hides("Code:")
	d.shows("for sudo")
	d.engine.Change(func() { d.engine.Open = nil })
	d.changed()
	d.hides("for sudo")
	if len(d.engine.Answers) != 0 {
		t.Errorf("answers %q", d.engine.Answers)
	}
}

func TestChangedHostKeyIsTrustedOnPurpose(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.Change(func() {
		d.engine.RefreshError = &job.HostKeyError{
			Server: "web1", Address: "10.0.4.11:22", Type: "ssh-ed25519", Fingerprint: "SHA256:new",
			Known: []job.KnownKey{{Type: "ssh-ed25519", Fingerprint: "SHA256:old", From: "accepted 2026-03-01 by ops"}},
		}
	})
	d.press("j", "j", "j", "r")
	d.shows("has changed", "SHA256:new", "SHA256:old", "accepted 2026-03-01 by ops", "Trust the new key")
	golden(t, "host-key-changed-80x24", d.screen())
	d.send(keyOf("t")) // at once: it was not read
	if len(d.engine.Trusted) != 0 {
		t.Fatal("a key was trusted unread")
	}
	d.press("enter") // the focus is on what changes nothing
	if len(d.engine.Trusted) != 0 {
		t.Fatal("enter trusted the key")
	}
	d.press("r")
	d.at = d.at.Add(2 * time.Second)
	d.press("t")
	if !slices.Equal(d.engine.Trusted, []string{"SHA256:new"}) {
		t.Errorf("trusted %q", d.engine.Trusted)
	}
	if strings.Contains(d.screen(), "has changed") {
		t.Errorf("the dialog is still there:\n%s", d.screen())
	}
}
