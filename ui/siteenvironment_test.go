package ui

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// environmentTab opens the .env of a site, and returns what an editor gives back.
func environmentTab(t *testing.T) (*driver, func(text string)) {
	t.Helper()
	d := start(t, nil, nil)
	d.press("2", "enter", "tab", "tab", "tab")
	was, err := d.engine.Environment(t.Context(), d.app.top().screen.(*siteScreen).site.ID)
	if err != nil {
		t.Fatal(err)
	}
	return d, func(text string) {
		d.send(toScreen{d.app.top().id, environmentEditedMsg{was: was, text: text}})
	}
}

func TestEnvironmentIsSavedAfterItsDiff(t *testing.T) {
	d, edited := environmentTab(t)
	before := d.engine.Dotenv
	d.hides("swordfish", "hunter2")
	after := strings.Replace(before, "hunter2 with spaces", "correct horse", 1) + "NEW=1\n"
	edited(after)
	d.shows("Save this?", "- DB_PASSWORD=••••••••", "+ DB_PASSWORD=••••••••", "+ NEW=••••••••")
	d.hides("hunter2", "correct horse")
	d.press("v")
	d.shows("hunter2 with spaces", "correct horse")
	d.press("v")
	d.hides("hunter2")
	if d.engine.Dotenv != before {
		t.Error("it is saved before anybody agreed")
	}
	d.press("s")
	if d.engine.Dotenv != after {
		t.Errorf("it is now %q", d.engine.Dotenv)
	}
	d.shows("saved", "NEW")
	d.hides("correct horse")
}

func TestEnvironmentThatIsNoneIsNotSaved(t *testing.T) {
	d, edited := environmentTab(t)
	before := d.engine.Dotenv
	edited("A=1\nsecret nonsense\n")
	d.shows("That is no .env", "line 2 of the .env has no =", "Edit again")
	d.hides("nonsense")
	d.press("esc")
	edited(before)
	d.shows("nothing was changed")
	edited("A=1\n")
	d.press("esc")
	if d.engine.Dotenv != before {
		t.Errorf("it is now %q", d.engine.Dotenv)
	}
}

func TestEnvironmentThatCannotBeSavedIsNotLost(t *testing.T) {
	d, edited := environmentTab(t)
	d.engine.DotenvError = errors.New("write .env on web2: the server's disk is full")
	edited("A=1\n")
	d.press("s")
	d.shows("It was not saved", "the server's disk is full", "Edit again")
	d.engine.DotenvError = nil
	d.press("t")
	if d.engine.Dotenv != "A=1\n" {
		t.Errorf("it is now %q", d.engine.Dotenv)
	}
	d.engine.Change(func() { d.engine.Dotenv = "A=2\n" })
	edited("A=3\n")
	d.press("s")
	d.shows("It has changed on the server meanwhile", "Keep what is there", "Write over it")
	d.press("w")
	if d.engine.Dotenv != "A=3\n" {
		t.Errorf("it is now %q", d.engine.Dotenv)
	}
}

// TestALongDiffScrolls: the buttons stay, and it says that there is more.
func TestALongDiffScrolls(t *testing.T) {
	d, edited := environmentTab(t)
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "VARIABLE_%d=x\n", i)
	}
	edited(b.String())
	d.shows("+ VARIABLE_0=", "lines 1 to", "j and k scroll", "Save  s")
	d.hides("VARIABLE_59")
	for range 60 {
		d.press("j")
	}
	d.shows("VARIABLE_59", "Save  s")
}
