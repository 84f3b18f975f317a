package catalog_test

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

var milestonePattern = regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)

func TestEveryPlan(t *testing.T) {
	for name, facts := range releases() {
		for _, p := range all(t) {
			for _, action := range []store.Action{store.Install, store.Remove} {
				t.Run(strings.Join([]string{name, string(p.Name()), string(action)}, "/"), func(t *testing.T) {
					checkPart(t, action, plan(t, action, p, choices(p.Name()), facts).Parts[0])
				})
			}
		}
	}
}

func checkPart(t *testing.T, action store.Action, part packages.Part) {
	if _, ok := part.Commands[0].(packages.Track); !ok {
		t.Errorf("begins with %T in place of a milestone", part.Commands[0])
	}
	seen := map[string]bool{}
	work := 1
	records := 0
	for i, cmd := range part.Commands {
		if track, ok := cmd.(packages.Track); ok {
			if !milestonePattern.MatchString(track.Name) || seen[track.Name] || track.Label == "" {
				t.Errorf("the milestone %+v has a bad or double name, or no label", track)
			}
			if work == 0 {
				t.Errorf("nothing is done before the milestone %s", track.Name)
			}
			seen[track.Name], work = true, 0
			continue
		}
		work++
		switch c := cmd.(type) {
		case packages.Run:
			if c.Check == "" && !c.IfChanged {
				t.Errorf("command %d runs always:\n%s", i, c.Script)
			}
		case packages.Prove:
			if c.Check == "" || c.Undo == "" {
				t.Errorf("command %d has no check or no undo", i)
			}
		case packages.Persist, packages.Forget:
			records++
			if _, forgets := cmd.(packages.Forget); forgets != (action == store.Remove) || !notes(part.Commands[i+1:]) {
				t.Errorf("command %d of %d is %T in a plan to %s", i, len(part.Commands), cmd, action)
			}
		case packages.Write:
			if !strings.HasPrefix(c.Path, "/") || !strings.HasSuffix(c.Content, "\n") {
				t.Errorf("the file %s is not absolute or does not end in a newline", c.Path)
			}
		}
	}
	if work == 0 || records != 1 {
		t.Errorf("the last milestone is empty, or %d records are changed in place of one", records)
	}
}

// notes reports whether commands only read back what is recorded too.
func notes(commands []packages.Command) bool {
	return !slices.ContainsFunc(commands, func(c packages.Command) bool { _, note := c.(packages.Note); return !note })
}

// scripts returns every script of a plan.
func scripts(plan packages.Plan) []string {
	var out []string
	for _, step := range plan.Steps() {
		switch c := step.Command.(type) {
		case packages.Run:
			out = append(out, c.Script, c.Check)
		case packages.Prove:
			out = append(out, c.Script, c.Check, c.Undo)
		case packages.Write:
			if strings.HasPrefix(c.Content, "#!/bin/sh\n") {
				out = append(out, c.Content)
			}
		case packages.Persist:
			out = append(out, c.Version)
		case packages.Note:
			out = append(out, c.Script)
		}
	}
	return out
}

func TestScriptsArePOSIX(t *testing.T) {
	checked := map[string]bool{}
	for _, p := range all(t) {
		list := []string{p.Probe()}
		for _, action := range []store.Action{store.Install, store.Remove} {
			list = append(list, scripts(plan(t, action, p, choices(p.Name()), releases()["debian13"]))...)
			list = append(list, scripts(plan(t, action, p, otherChoices()[p.Name()], releases()["debian12"]))...)
		}
		list = slices.DeleteFunc(list, func(script string) bool { return checked[script] })
		for _, script := range list {
			checked[script] = true
		}
		arePOSIX(t, string(p.Name()), list)
	}
	facts := packages.FactsScript(catalog.New())
	if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(facts), "facts"); err != nil {
		t.Error(err)
	}
}

// arePOSIX sees that the scripts of what has a name are such that every sh can read.
func arePOSIX(t *testing.T, name string, list []string) {
	t.Helper()
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Log("shellcheck is not installed: only the syntax is checked")
	}
	for _, script := range list {
		if script == "" {
			continue
		}
		if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), name); err != nil {
			t.Errorf("%v in\n%s", err, script)
		}
		if shellcheck == "" {
			continue
		}
		cmd := exec.Command(shellcheck, "-s", "sh", "-S", "warning", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
