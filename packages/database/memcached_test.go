package database_test

import (
	"errors"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/database"
)

func TestMemcachedRefusesValues(t *testing.T) {
	hostile := []string{"'; rm -rf / #", "$(reboot)", "%", "a\nb", "ä", strings.Repeat("9", 100000), `"`, "-1", ""}
	bad := map[string][]string{
		"memory": append([]string{"7", "1048577", "64m", "6.5"}, hostile...),
		"port":   append([]string{"0", "80", "65536", "11211,11212"}, hostile...),
		"bind": append([]string{
			"localhost", "127.0.0.1,", "127.0.0.1:11211", "127.0.0.1 -vv", "fe80::1%eth0", "::ffff:10.0.0.1", "10.0.0.0/8", "010.0.0.1",
		}, hostile...),
	}
	for option, values := range bad {
		for _, v := range values {
			_, err := packages.Complete(database.Memcached{}, packages.Values{option: v})
			var refused *packages.OptionError
			if !errors.As(err, &refused) || refused.Option != option {
				t.Errorf("%s %.40q: got %v, want a refusal", option, v, err)
			}
		}
	}
}

func TestMemcachedListensWhereChosen(t *testing.T) {
	values, err := packages.Complete(database.Memcached{}, packages.Values{"bind": "127.0.0.1, ::1", "memory": "0128", "port": "11311"})
	if err != nil {
		t.Fatal(err)
	}
	commands, err := database.Memcached{}.Install(packages.Context{Values: values, Facts: packages.Facts{Systemd: true}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands {
		if w, ok := c.(packages.Write); ok && strings.HasSuffix(w.Path, "memcached.service.d/brokeforge.conf") {
			if want := "\nExecStart=\nExecStart=/usr/bin/memcached -u memcache -m 128 -p 11311 -U 0 -l 127.0.0.1,::1\n"; !strings.HasSuffix(w.Content, want) {
				t.Errorf("got %q, want it to end in %q", w.Content, want)
			}
			return
		}
	}
	t.Error("the unit is not told anything")
}
