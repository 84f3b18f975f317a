package packages_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/store"
)

// database is a package with secrets that puts them wherever it is told.
func database(install ...packages.Command) fake {
	return fake{name: "db", install: install, describe: packages.Description{Options: []packages.Option{
		{Name: "password", Kind: packages.Secret, Required: true},
		{Name: "token", Kind: packages.Secret},
		{Name: "made", Kind: packages.Secret, Required: true, Generate: packages.Generate{Length: 24, Alphabet: "ab"}},
		{Name: "user"},
	}}}
}

func dbRecord(password string) store.ServerPackage {
	return store.ServerPackage{Name: "db", Configuration: map[string]string{
		"password": password, "made": "‹secret:db.made›", "user": "u",
	}}
}

func resolveDB(t *testing.T, installed []store.ServerPackage, values ...string) packages.Resolved {
	t.Helper()
	list, err := packages.ResolveInstall(shelf{database()}, []packages.Want{want("db", values...)}, installed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return list[0]
}

func TestSecretsAreSealed(t *testing.T) {
	r := resolveDB(t, nil, "password= hunter2 ", "user=u")
	wanted := packages.Values{"password": "‹secret:db.password›", "token": "", "made": "‹secret:db.made›", "user": "u"}
	if diff := cmp.Diff(wanted, r.Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	made := r.Secrets["db.made"]
	if r.Secrets["db.password"] != " hunter2 " || len(made) != 24 || strings.Trim(made, "ab") != "" || len(r.Secrets) != 2 {
		t.Errorf("secrets: %d, made %q", len(r.Secrets), made)
	}
	if other := resolveDB(t, nil, "password=x"); other.Secrets["db.made"] == made {
		t.Error("the same secret was made twice")
	}
	for _, text := range []string{fmt.Sprint(r.Secrets), fmt.Sprintf("%+v %#v", r.Secrets, r.Secrets), fmt.Sprintf("%v", r)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("printed: %s", text)
		}
	}
	if _, err := json.Marshal(r.Secrets); err == nil {
		t.Error("secrets can be written as JSON")
	}
}

func TestRecordedSecretsAreKept(t *testing.T) {
	there := []store.ServerPackage{dbRecord("‹secret:db.password›")}
	for name, values := range map[string][]string{"not given": nil, "empty": {"password="}} {
		r := resolveDB(t, there, values...)
		if r.Values["password"] != "‹secret:db.password›" || len(r.Secrets) != 0 {
			t.Errorf("%s: %q, %d new", name, r.Values["password"], len(r.Secrets))
		}
	}
	if r := resolveDB(t, there, "password=new"); r.Secrets["db.password"] != "new" || len(r.Secrets) != 1 {
		t.Errorf("a new value: %d secrets", len(r.Secrets))
	}
	// One that the vault has lost is not among the records any more.
	_, err := packages.ResolveInstall(shelf{database()}, []packages.Want{want("db")}, []store.ServerPackage{dbRecord("")}, nil)
	if err == nil || !strings.Contains(err.Error(), "a value is needed") {
		t.Errorf("a lost one: %v", err)
	}
}

func TestRecordedSecretsOfInstances(t *testing.T) {
	rule := database()
	rule.describe.Instance = func(v packages.Values) string { return v["user"] }
	record := store.ServerPackage{Name: "db", Instance: "ann", Configuration: map[string]string{
		"password": "‹secret:db@ann.password›", "made": "‹secret:db@ann.made›", "user": "ann",
	}}
	resolve := func(values ...string) ([]packages.Resolved, error) {
		return packages.ResolveInstall(shelf{rule}, []packages.Want{want("db", values...)}, []store.ServerPackage{record}, nil)
	}
	list, err := resolve("user=ann")
	if err != nil || list[0].Values["password"] != "‹secret:db@ann.password›" || len(list[0].Secrets) != 0 {
		t.Errorf("the recorded one: %v, %v", list, err)
	}
	if _, err := resolve("user=bob"); err == nil {
		t.Error("another instance took the secret of the recorded one")
	}
}

func TestReferencesAreRefusedAsInput(t *testing.T) {
	for _, v := range []string{"password=‹secret:db.password›", "user=x‹secret:other.key›", "token=‹secret:"} {
		_, err := packages.ResolveInstall(shelf{database()}, []packages.Want{want("db", "password=x", v)}, nil, nil)
		var refused *packages.OptionError
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", v, err)
		}
	}
}

func TestSecretValues(t *testing.T) {
	o := packages.Option{Kind: packages.Secret}
	for _, good := range []string{" a ", "$(id)", "'\"\\`", "[hidden]", "(set)", "🔑é", strings.Repeat("x", 1024), "‹›", "-", "@x"} {
		if got, err := o.Accept(good); err != nil || got != good {
			t.Errorf("%q: %q, %v", good, got, err)
		}
	}
	for _, bad := range []string{"a\nb", "a\rb", "a\x00b", "a\x1b[m", "a\xffb", strings.Repeat("x", 4097)} {
		if _, err := o.Accept(bad); err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestRefusalDoesNotRepeatASecret(t *testing.T) {
	o := packages.Option{Kind: packages.Secret, Validate: func(s string) error { return fmt.Errorf("%s is too plain", s) }}
	if _, err := o.Accept("hunter2"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func TestSecretsMayStandInFilesOnly(t *testing.T) {
	ref := packages.SecretRef("db.password", packages.ForSh)
	good := []packages.Command{
		packages.Write{Path: "/p", Content: ref + "\n"},
		packages.Run{Script: ":", Secrets: map[string]string{"password": ref}},
	}
	for _, cmd := range good {
		if _, err := buildDB(cmd); err != nil {
			t.Errorf("%T: %v", cmd, err)
		}
	}
	for _, cmd := range []packages.Command{
		packages.Write{Path: "/" + ref},
		packages.Run{Script: "echo " + ref},
		packages.Run{Title: ref},
		packages.Run{Check: ref},
		packages.Prove{Undo: ref},
		packages.Track{Label: ref},
		packages.Persist{Configuration: map[string]string{"a": ref}},
	} {
		if _, err := buildDB(cmd); err == nil {
			t.Errorf("taken: %+v", cmd)
		}
	}
}

func buildDB(cmd packages.Command) (packages.Plan, error) {
	r := packages.Resolved{Package: database(cmd), Values: packages.Values{"password": "hunter2"}}
	return packages.Build(store.Install, []packages.Resolved{r}, packages.Context{})
}

func TestPlanHoldsNoSecret(t *testing.T) {
	plan, err := buildDB(packages.Write{Path: "/p", Content: "x"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(plan)
	if err != nil || strings.Contains(string(data), "hunter2") || plan.Parts[0].Values["password"] != "‹secret:db.password›" {
		t.Errorf("stored: %s, %v", data, err)
	}
}

// nasty are values that quoting could get wrong.
func nasty() []string {
	return []string{"", "plain", " a b ", "it's", `"`, `\`, `\'`, "$(id)`id`$HOME", "a'b''c", "‹secret:db.token›", "%s%n", "é🔑", "!x;&|<>*?~#"}
}

func TestExpand(t *testing.T) {
	db := database()
	for _, value := range nasty() {
		values := packages.Secrets{"db.password": value, "db.token": "other"}
		got, err := packages.Expand("[‹secret:db.password›]", values, db)
		if err != nil || got != "["+value+"]" {
			t.Errorf("%q: %q, %v", value, got, err)
		}
		quoted, err := packages.Expand("printf %s "+packages.SecretRef("db.password", packages.ForSh), values, db)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("sh", "-c", quoted).Output(); err != nil || string(out) != value {
			t.Errorf("%q by sh: %q, %v", value, out, err)
		}
		text, err := packages.Expand(packages.SecretRef("db.password", packages.ForJSON), values, db)
		var back string
		if err != nil || json.Unmarshal([]byte(text), &back) != nil || back != value {
			t.Errorf("%q as JSON: %s, %v", value, text, err)
		}
	}
	for as, wanted := range map[packages.Encoding]string{
		packages.ForSQL: `'a''\b'`, packages.ForMy: `'a''\\b'`, packages.ForURL: "a%27%5Cb",
	} {
		got, err := packages.Expand(packages.SecretRef("db.password", as), packages.Secrets{"db.password": `a'\b`}, db)
		if err != nil || got != wanted {
			t.Errorf("%s: %q, %v", as, got, err)
		}
	}
}

func TestExpandRefuses(t *testing.T) {
	_, err := packages.Expand("‹secret:db.password›", nil, database())
	var missing *packages.MissingSecretError
	if !errors.As(err, &missing) || missing.Name != "db.password" {
		t.Errorf("got %v", err)
	}
	_, err = packages.Expand("‹secret:db.password|rot13›", packages.Secrets{"db.password": "hunter2"}, database())
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}

func FuzzExpandForSh(f *testing.F) {
	for _, value := range nasty() {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if strings.ContainsRune(value, 0) {
			return
		}
		quoted, err := packages.Expand("printf %s ‹secret:a.b|sh›", packages.Secrets{"a.b": value}, database())
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("sh", "-c", quoted).Output(); err != nil || string(out) != value {
			t.Errorf("%q came out as %q, %v", value, out, err)
		}
	})
}
