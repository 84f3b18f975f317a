package packages_test

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/store"
)

func TestPhrases(t *testing.T) {
	c := shelf{
		{name: "nginx"},
		{name: "firewall-rule"},
		{name: "rollback", describe: packages.Description{Does: "roll back"}},
	}
	wants := func(names ...packages.Name) (list []packages.Want) {
		for _, n := range names {
			list = append(list, packages.Want{Name: n})
		}
		return list
	}
	for _, one := range []struct {
		action store.Action
		wants  []packages.Want
		want   string
	}{
		{store.Install, wants("nginx"), "install nginx"},
		{store.Install, wants("rollback"), "roll back"},
		{store.Install, wants("rollback", "nginx", "unknown"), "install nginx, unknown, roll back"},
		{store.Remove, wants("rollback", "nginx"), "remove rollback, nginx"},
		{store.Install, []packages.Want{{Name: "firewall-rule", Instance: "80"}}, "install firewall-rule@80"},
	} {
		if got := strings.Join(packages.Phrases(c, one.action, one.wants), ", "); got != one.want {
			t.Errorf("%s %v is called %q, wanted %q", one.action, one.wants, got, one.want)
		}
	}
}
