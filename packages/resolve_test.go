package packages_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/store"
)

func want(name packages.Name, values ...string) packages.Want {
	w := packages.Parse(string(name))
	for _, v := range values {
		if w.Values == nil {
			w.Values = packages.Values{}
		}
		key, value, _ := strings.Cut(v, "=")
		w.Values[key] = value
	}
	return w
}

// shown is what was resolved, in short: labels, with why in parentheses.
func shown(list []packages.Resolved) []string {
	var out []string
	for _, r := range list {
		s := packages.Label(r.Package.Name(), r.Instance)
		if r.Because != "" {
			s += " (" + r.Because + ")"
		}
		out = append(out, s)
	}
	return out
}

type found = map[packages.Name]packages.Presence

func TestResolveInstall(t *testing.T) {
	there := found{"base": {State: packages.Present}}
	tests := []struct {
		name      string
		wants     []packages.Want
		installed []store.ServerPackage
		found     found
		want      []string
		refused   string
	}{
		{
			name: "what is needed comes first", wants: []packages.Want{want("web")},
			want: []string{"base (needed by web)", "web"},
		},
		{
			name: "needed twice, added once", wants: []packages.Want{want("rule", "port=1"), want("web")},
			want: []string{"base (needed by wall)", "wall (needed by rule)", "rule@port-1", "web"},
		},
		{
			name: "chosen later, put first", wants: []packages.Want{want("web"), want("base")},
			want: []string{"base", "web"},
		},
		{
			name: "recorded", wants: []packages.Want{want("web")}, installed: []store.ServerPackage{record("base", "")}, found: there,
			want: []string{"web"},
		},
		{
			name: "recorded, and gone", wants: []packages.Want{want("web")}, installed: []store.ServerPackage{record("base", "")},
			found: found{"base": {State: packages.Absent}},
			want:  []string{"base (needed by web; recorded, but absent on the server)", "web"},
		},
		{
			name: "there, and not recorded", wants: []packages.Want{want("web")}, found: there,
			want: []string{"base (needed by web)", "web"},
		},
		{
			name: "installed already is installed again", wants: []packages.Want{want("base")},
			installed: []store.ServerPackage{record("base", "")}, found: there, want: []string{"base"},
		},
		{name: "chosen twice", wants: []packages.Want{want("base"), want("base")}, want: []string{"base"}},
		{
			name: "chosen twice with other options", wants: []packages.Want{want("web", "size=1m"), want("web", "size=2m")},
			refused: "web is chosen twice, with different options",
		},
		{
			name: "many instances", wants: []packages.Want{want("wall"), want("rule", "port=1"), want("rule", "port=2"), want("rule", "port=01")},
			want: []string{"base (needed by wall)", "wall", "rule@port-1", "rule@port-2"},
		},
		{name: "an instance of what has none", wants: []packages.Want{want("web@x")}, refused: `there is only one web on a server: leave "@x" away`},
		{
			name: "conflict among the chosen", wants: []packages.Want{want("web"), want("rival")},
			refused: "web can't be installed beside rival, which is chosen too",
		},
		{
			name: "conflict with the recorded", wants: []packages.Want{want("web")}, installed: []store.ServerPackage{record("rival", "")},
			refused: "web can't be installed beside rival, which is installed",
		},
		{
			name: "conflict with what was found", wants: []packages.Want{want("web")}, found: found{"rival": {State: packages.Present}},
			refused: "web can't be installed beside rival, which is on the server, though not installed by BrokeForge",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := packages.ResolveInstall(house(), test.wants, test.installed, test.found)
			checkResolved(t, got, err, test.want, test.refused)
		})
	}
}

func checkResolved(t *testing.T, got []packages.Resolved, err error, want []string, refused string) {
	t.Helper()
	if refused != "" {
		var refusal *packages.RefusedError
		if !errors.As(err, &refusal) || refusal.Error() != refused {
			t.Fatalf("got %v, %v; want the refusal %q", shown(got), err, refused)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, shown(got)); diff != "" {
		t.Errorf("resolved (-want +got):\n%s", diff)
	}
}

func TestResolveInstallErrors(t *testing.T) {
	var unknown *packages.UnknownError
	_, err := packages.ResolveInstall(house(), []packages.Want{want("base"), want("nginz")}, nil, nil)
	if !errors.As(err, &unknown) || unknown.Name != "nginz" || !strings.Contains(err.Error(), "base, web") {
		t.Errorf("unknown package: %v", err)
	}
	var option *packages.OptionError
	for _, w := range []packages.Want{want("web", "sise=1"), want("rule"), want("rule", "port=0"), want("rule", "port=22;id")} {
		_, err := packages.ResolveInstall(house(), []packages.Want{w}, nil, nil)
		if !errors.As(err, &option) || option.Package != w.Name {
			t.Errorf("%v: got %v, want an OptionError", w, err)
		}
	}
}

func TestResolveInstallRefusesCycle(t *testing.T) {
	c := shelf{requires("a", "b"), requires("b", "c"), requires("c", "a")}
	_, err := packages.ResolveInstall(c, []packages.Want{want("a")}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "a → b → c → a") {
		t.Errorf("got %v, want the cycle named", err)
	}
}

func TestResolveInstallKeepsWhatWasChosen(t *testing.T) {
	recorded := record("web", "")
	recorded.Configuration = map[string]string{"size": "8m", "site": "no", "gone": "x"}
	got, err := packages.ResolveInstall(house(), []packages.Want{want("web", "site=yes")}, []store.ServerPackage{recorded}, nil)
	if err != nil {
		t.Fatal(err)
	}
	values := got[len(got)-1].Values
	if diff := cmp.Diff(packages.Values{"size": "8m", "site": "yes"}, values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestResolveRemove(t *testing.T) {
	all := []store.ServerPackage{
		record("base", ""), record("web", ""), record("wall", ""), record("rule", "port-1"), record("rule", "port-2"),
	}
	tests := []struct {
		name      string
		wants     []packages.Want
		installed []store.ServerPackage
		found     found
		want      []string
		refused   string
	}{
		{name: "one", wants: []packages.Want{want("web")}, installed: all, want: []string{"web"}},
		{name: "twice", wants: []packages.Want{want("web"), want("web")}, installed: all, want: []string{"web"}},
		{name: "not there", wants: []packages.Want{want("rival")}, installed: all},
		{
			name: "still needed", wants: []packages.Want{want("wall"), want("rule@port-1")}, installed: all,
			refused: "wall is still needed by rule@port-2: remove that first, or with it",
		},
		{
			name: "dependents first", wants: []packages.Want{want("base"), want("wall"), want("rule@port-1"), want("web"), want("rule", "port=2")}, installed: all,
			want: []string{"rule@port-1", "web", "rule@port-2", "wall", "base"},
		},
		{
			name: "which one", wants: []packages.Want{want("rule")}, installed: all,
			refused: "which rule? say rule@INSTANCE; there are: port-1, port-2",
		},
		{name: "an instance that is not there", wants: []packages.Want{want("rule@port-3")}, installed: all},
		{
			name: "an instance of what has none", wants: []packages.Want{want("web@x")}, installed: all,
			refused: `there is only one web on a server: leave "@x" away`,
		},
		{
			name: "somebody else's", wants: []packages.Want{want("web")}, found: found{"web": {State: packages.Present}},
			refused: "web is on the server, but was not installed by BrokeForge, so it is not removed; install it first to take it over",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := packages.ResolveRemove(house(), test.wants, test.installed, test.found)
			checkResolved(t, got, err, test.want, test.refused)
		})
	}
	var unknown *packages.UnknownError
	if _, err := packages.ResolveRemove(house(), []packages.Want{want("x")}, all, nil); !errors.As(err, &unknown) {
		t.Errorf("unknown package: %v", err)
	}
}

// languages has a package of which a server may have several versions, the usual one without a name.
func languages() shelf {
	language := requires("lang", "base")
	language.describe.Options = []packages.Option{text("version", "usual"), text("limit", "1m"), text("more", "no")}
	language.describe.Instance = func(v packages.Values) string {
		if v["version"] == "usual" {
			return ""
		}
		return v["version"]
	}
	return shelf{requires("base"), language, requires("site", "lang")}
}

func TestResolveInstallOfSeveralKeepsWhatWasChosen(t *testing.T) {
	old := record("lang", "") // as before there were several
	old.Configuration = map[string]string{"limit": "8m", "branch": "8.2"}
	other := record("lang", "7")
	other.Configuration = map[string]string{"version": "7", "limit": "7m", "more": "yes"}
	installed := []store.ServerPackage{record("base", ""), old, other}
	for _, test := range []struct {
		want   packages.Want
		label  string
		values packages.Values
	}{
		{want("lang"), "lang", packages.Values{"version": "usual", "limit": "8m", "more": "no"}},
		{want("lang", "more=yes"), "lang", packages.Values{"version": "usual", "limit": "8m", "more": "yes"}},
		{want("lang", "version=7", "limit=9m"), "lang@7", packages.Values{"version": "7", "limit": "9m", "more": "yes"}},
		{want("lang", "version=6"), "lang@6", packages.Values{"version": "6", "limit": "1m", "more": "no"}},
	} {
		got, err := packages.ResolveInstall(languages(), []packages.Want{test.want}, installed, nil)
		if err != nil {
			t.Fatal(err)
		}
		last := got[len(got)-1]
		if label := packages.Label(last.Package.Name(), last.Instance); label != test.label {
			t.Errorf("%v is resolved to %s, not to %s", test.want, label, test.label)
		}
		if diff := cmp.Diff(test.values, last.Values); diff != "" {
			t.Errorf("%s: values (-want +got):\n%s", test.label, diff)
		}
	}
}

func TestResolveRemoveOfSeveral(t *testing.T) {
	both := []store.ServerPackage{record("base", ""), record("lang", ""), record("lang", "7"), record("site", "")}
	one := []store.ServerPackage{record("base", ""), record("lang", "7"), record("site", "")}
	there := found{"lang": {State: packages.Present}, "lang@6": {State: packages.Present}}
	for _, test := range []struct {
		name      string
		want      packages.Want
		installed []store.ServerPackage
		label     string
		refused   string
	}{
		{"the one without a name", want("lang"), both, "lang", ""},
		{"a named one", want("lang@7"), both, "lang@7", ""},
		{"which one", want("lang"), one, "", "which lang? say lang@INSTANCE; there are: 7"},
		{"the last one", want("lang@7"), one, "", "lang is still needed by site: remove that first, or with it"},
		{"somebody else's", want("lang@6"), both, "", "lang@6 is on the server, but was not installed by BrokeForge, so it is not removed; install it first to take it over"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := packages.ResolveRemove(languages(), []packages.Want{test.want}, test.installed, there)
			var labels []string
			if test.label != "" {
				labels = []string{test.label}
			}
			checkResolved(t, got, err, labels, test.refused)
		})
	}
}

func TestRemovalOptions(t *testing.T) {
	p := fake{name: "web", describe: packages.Description{RemoveOptions: []packages.Option{packages.Purge("logs")}}}
	installed := []store.ServerPackage{record("web", "")}
	for _, test := range []struct {
		given, want packages.Values
	}{
		{nil, packages.Values{"purge": "no"}},
		{packages.Values{"purge": "on"}, packages.Values{"purge": "yes"}},
		{packages.Values{"other": "x"}, nil},
	} {
		out, err := packages.ResolveRemove(shelf{p}, []packages.Want{{Name: "web", Removal: test.given}}, installed, nil)
		var refused *packages.OptionError
		if test.want == nil {
			if !errors.As(err, &refused) {
				t.Errorf("%v: got %v", test.given, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, out[0].Removal); diff != "" {
			t.Errorf("%v (-want +got):\n%s", test.given, diff)
		}
	}
}
