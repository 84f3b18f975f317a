package database

import (
	"strings"
	"testing"
)

// hostile are values that no option for names may take, see also the end-to-end
// tests.
var hostile = []string{
	"db; DROP", "a`b", `a"b`, "a'b", `a\b`, "a%", strings.Repeat("x", 65), "mysql", "MySQL", "information_schema", "postgres", "Root",
	"ünicode", "-rf", "--help", "$(touch /tmp/pwn)", "`id`", "a\nb", "a\x00b", "a b", "a.b", "a/b", "..", "@file", "*", "~root", "{a,b}",
	"pg_monitor", "template0", "x_owner", "1a", "", "exаmple", "a\u202eb", "user", "public",
}

func TestAcceptNames(t *testing.T) {
	for _, good := range []string{"a", "Blog", "my-shop_2", "x23456789012345678901234567890ab"} {
		if err := acceptDatabase(good); err != nil {
			t.Errorf("database %q: %v", good, err)
		}
		if err := acceptUser(good); err != nil {
			t.Errorf("user %q: %v", good, err)
		}
	}
	for _, bad := range hostile {
		if acceptDatabase(bad) == nil {
			t.Errorf("the database %q is taken", bad)
		}
		if acceptUser(bad) == nil {
			t.Errorf("the user %q is taken", bad)
		}
	}
	if acceptUser(strings.Repeat("u", 33)) == nil {
		t.Error("MySQL cuts a user's name of 33 characters")
	}
}

func TestAcceptHost(t *testing.T) {
	for _, good := range []string{"localhost", "%", "10.0.0.5", "10.0.%", "2001:db8::1"} {
		if err := acceptHost(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"%'", "a b", "localhost'", "10.0.0.0/8", "$(id)", "10.0.0.%\n", "host.example", "''", "1.2.3.4.5", "22", "65536", "1e3", "256.1.1.1", "10.256.%", "2001:DB8::1", "10.%.0.1", "1.2.3.4.%"} {
		if acceptHost(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestAcceptAddress(t *testing.T) {
	for _, good := range []string{"127.0.0.1", "0.0.0.0", "::", "::1", "10.0.0.5", "2001:db8::1"} {
		if err := acceptAddress(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"localhost", "256.1.1.1", "127.0.0.1/8", "fe80::1%eth0", "224.0.0.1", "::ffff:10.0.0.1", "2001:DB8::1", "127.0.0.1;id", "", "*", "10.0.0.1,10.0.0.2"} {
		if acceptAddress(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if acceptRedisAddress("::") == nil || acceptRedisAddress("0.0.0.0") != nil {
		t.Error("of :: Redis listens on IPv6 alone")
	}
}

func TestNetworks(t *testing.T) {
	got, err := networks("10.1.2.3/8, 192.0.2.7 2001:db8::1/32")
	if err != nil || strings.Join(got, " ") != "10.0.0.0/8 192.0.2.7/32 2001:db8::/32" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"10.0.0.0/33", "all", "10.0.0.0/8;id", "0.0.0.0/0'", "fe80::1%eth0"} {
		if acceptNetworks(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestAcceptLocale(t *testing.T) {
	for _, good := range []string{"C.UTF-8", "de_DE.UTF-8", "en_US.utf8", "sr_RS.UTF-8@latin"} {
		if err := acceptLocale(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"C", "de_DE", "de_DE.ISO-8859-1", "C.UTF-8'", "C.UTF-8;id", "$(id).UTF-8"} {
		if acceptLocale(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestAcceptPassword(t *testing.T) {
	for _, good := range []string{"12345678", " leading and trailing ", `'"$x` + "`" + `\%:#!`, strings.Repeat("ä", 128), "--looks-like-a-flag"} {
		if err := acceptPassword(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "brief", "😀", strings.Repeat("x", 257)} {
		err := acceptPassword(bad)
		if err == nil {
			t.Errorf("%q is taken", bad)
		} else if bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("the reason repeats the password: %v", err)
		}
	}
}
