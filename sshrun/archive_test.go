package sshrun

import (
	"strings"
	"testing"
)

func TestShipRefusesWhatCannotBe(t *testing.T) {
	c, _ := connect(t, nil)
	good := run(":")
	for name, s := range map[string]Shipment{
		"run id":   {RunID: "a b", Nonce: testNonce},
		"no id":    {Nonce: testNonce},
		"nonce":    {RunID: "a", Nonce: "short"},
		"from":     {RunID: "a", Nonce: testNonce, From: 2, Steps: []Step{good}},
		"user":     {RunID: "a", Nonce: testNonce, Steps: []Step{{Kind: StepRun, User: "a b"}}},
		"group":    {RunID: "a", Nonce: testNonce, Steps: []Step{{Kind: StepRun, Group: strings.Repeat("x", 401)}}},
		"path":     {RunID: "a", Nonce: testNonce, Steps: []Step{{Kind: StepWrite, Path: "etc/x"}}},
		"newline":  {RunID: "a", Nonce: testNonce, Steps: []Step{{Kind: StepWrite, Path: "/etc/a\nb"}}},
		"dots":     {RunID: "a", Nonce: testNonce, Steps: []Step{{Kind: StepWrite, Path: "/etc/../x"}}},
		"no undo":  {RunID: "a", Nonce: testNonce, Steps: []Step{{Kind: StepProve}}},
		"no kind":  {RunID: "a", Nonce: testNonce, Steps: []Step{{}}},
		"NUL":      {RunID: "a", Nonce: testNonce, Steps: []Step{run("a\x00b")}},
		"negative": {RunID: "a", Nonce: testNonce, Steps: []Step{{Kind: StepRun, Timeout: -1}}},
	} {
		err := c.Ship(t.Context(), s, func(Mark) error { return nil })
		if err == nil || !strings.HasPrefix(err.Error(), "ship to web1: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGroupFile holds the names of groups to what is the name of a file, each another.
func TestGroupFile(t *testing.T) {
	seen := map[string]string{}
	for _, group := range []string{"nginx", "example.org/site", "a%2fb", "a/b", strings.Repeat("a.", 150) + "/site", strings.Repeat("a.", 150) + "/certificate"} {
		name := groupFile(group)
		if other, ok := seen[name]; ok || len(name) > 250 || strings.ContainsAny(name, "/.") {
			t.Errorf("%s is %s, as is %q", group, name, other)
		}
		seen[name] = group
	}
}
