package firewall_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"brokeforge/packages"
	"brokeforge/packages/firewall"
	"brokeforge/store"
)

func accept(t *testing.T, values packages.Values) packages.Values {
	t.Helper()
	out, err := packages.Complete(firewall.Rule{}, values)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRuleRefusesWhatIsNoRule(t *testing.T) {
	tests := []struct{ option, value, reason string }{
		{"port", "", "a value is needed"},
		{"port", "0", "from 1 to 65535"},
		{"port", "65536", "from 1 to 65535"},
		{"port", "99999999999999999999", "neither a port"},
		{"port", "-1", "neither a port"},
		{"port", "22;id", "neither a port"},
		{"port", "$(id)", "neither a port"},
		{"port", "http", "neither a port"},
		{"port", "80,443", "neither a port"},
		{"port", "8100-8000", "lower than the last"},
		{"port", "80-80", "lower than the last"},
		{"port", "1-2-3", "neither a port"},
		{"protocol", "icmp", "is not one of"},
		{"source", "256.1.1.1", "neither any"},
		{"source", "10.0.0.0/33", "not a network"},
		{"source", "10.0.0.5/8", "say 10.0.0.0/8"},
		{"source", "0.0.0.0/0", "say any"},
		{"source", "::/0", "say any"},
		{"source", "0::0", "say any"},
		{"source", "fe80::1%eth0", "zone"},
		{"source", "::ffff:10.0.0.1", "say 10.0.0.1"},
		{"source", "10.0.0.1; id", "neither any"},
		{"source", "localhost", "neither any"},
		{"source", "010.0.0.1", "neither any"},
		{"action", "reject", "is not one of"},
		{"comment", "it's", "single quote"},
		{"comment", strings.Repeat("x", 81), "80 characters"},
		{"comment", "a\nb", "can't be printed"},
	}
	for _, test := range tests {
		values := packages.Values{"port": "80", test.option: test.value}
		_, err := packages.Complete(firewall.Rule{}, values)
		var refused *packages.OptionError
		if !errors.As(err, &refused) || refused.Option != test.option || !strings.Contains(refused.Reason, test.reason) {
			t.Errorf("%s %q: got %v, want %q", test.option, test.value, err, test.reason)
		}
	}
}

func TestRuleInstance(t *testing.T) {
	tests := []struct {
		values packages.Values
		want   string
	}{
		{packages.Values{"port": "8080"}, "allow-8080-tcp"},
		{packages.Values{"port": "08080", "comment": "x"}, "allow-8080-tcp"},
		{packages.Values{"port": "8000:8100", "protocol": "udp"}, "allow-8000-8100-udp"},
		{packages.Values{"port": "8000-8100", "protocol": "udp"}, "allow-8000-8100-udp"},
		{packages.Values{"port": "53", "protocol": "both", "action": "deny", "source": "10.0.0.0/8"}, "deny-53-both-from-10.0.0.0_8"},
		{packages.Values{"port": "1", "source": "10.0.0.1/32"}, "allow-1-tcp-from-10.0.0.1"},
		{packages.Values{"port": "1", "source": "2001:DB8:0::/32"}, "allow-1-tcp-from-2001:db8::_32"},
	}
	for _, test := range tests {
		if got := (firewall.Rule{}).Describe().Instance(accept(t, test.values)); got != test.want {
			t.Errorf("%v: got %s, want %s", test.values, got, test.want)
		}
	}
}

func facts(ports ...int) packages.Facts {
	return packages.Facts{Systemd: true, SSHPorts: ports, OS: packages.OS{ID: "debian", Version: "12"}}
}

func TestRuleNeverShutsSSH(t *testing.T) {
	refused := []packages.Values{
		{"port": "2222", "action": "deny"},
		{"port": "2222", "action": "deny", "source": "192.0.2.1"},
		{"port": "2000-3000", "action": "deny", "protocol": "both"},
		{"port": "2222"},
		{"port": "2222", "action": "limit"},
	}
	for _, values := range refused {
		ctx := packages.Context{Values: accept(t, values), Facts: facts(2222), Server: store.Server{Port: 22}}
		if _, err := (firewall.Rule{}).Install(ctx); err == nil || !strings.Contains(err.Error(), "sshd listens on port 2222") {
			t.Errorf("%v: got %v, want a refusal", values, err)
		}
	}
	taken := []packages.Values{
		{"port": "2222", "action": "deny", "protocol": "udp"},
		{"port": "2222", "action": "allow", "source": "192.0.2.1"},
		{"port": "22", "action": "deny"},
	}
	for _, values := range taken {
		ctx := packages.Context{Values: accept(t, values), Facts: facts(2222), Server: store.Server{Port: 22}}
		if _, err := (firewall.Rule{}).Install(ctx); err != nil {
			t.Errorf("%v: %v", values, err)
		}
	}
	unknown := packages.Context{Values: accept(t, packages.Values{"port": "22", "action": "deny"}), Server: store.Server{Port: 22}}
	if _, err := (firewall.Rule{}).Install(unknown); err == nil {
		t.Error("denying the port of the connection is taken where sshd's ports are not known")
	}
	if _, err := (firewall.UFW{}).Install(packages.Context{Facts: facts()}); err == nil {
		t.Error("the firewall is installed where sshd's ports are not known")
	}
}

func TestRuleRefusesWhatIsThere(t *testing.T) {
	there := []store.ServerPackage{
		{Name: "firewall", Configuration: map[string]string{"http": "yes", "https": "no"}},
		{Name: "firewall-rule", Instance: "allow-8080-tcp", Configuration: accept(t, packages.Values{"port": "8080"})},
	}
	for values, want := range map[string]string{"80": "option http", "8080": "rule firewall-rule@allow-8080-tcp"} {
		ctx := packages.Context{Values: accept(t, packages.Values{"port": values, "action": "deny"}), Facts: facts(22), Installed: there}
		if _, err := (firewall.Rule{}).Install(ctx); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("port %s: got %v, want %q", values, err, want)
		}
	}
	for _, values := range []packages.Values{{"port": "443"}, {"port": "8080"}, {"port": "80", "source": "192.0.2.1"}, {"port": "8080", "protocol": "udp"}} {
		ctx := packages.Context{Values: accept(t, values), Facts: facts(22), Installed: there}
		if _, err := (firewall.Rule{}).Install(ctx); err != nil {
			t.Errorf("%v: %v", values, err)
		}
	}
}

// arguments returns the words of a script that is one simple command, as the
// shell would give them to it. It reports whether the script is that.
func arguments(script string) ([]string, bool) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil, false
	}
	call, ok := file.Stmts[0].Cmd.(*syntax.CallExpr)
	if !ok || len(file.Stmts[0].Redirs) > 0 {
		return nil, false
	}
	var out []string
	for _, word := range call.Args {
		var text strings.Builder
		for _, part := range word.Parts {
			switch p := part.(type) {
			case *syntax.Lit:
				text.WriteString(p.Value)
			case *syntax.SglQuoted:
				text.WriteString(p.Value)
			default:
				return nil, false
			}
		}
		out = append(out, text.String())
	}
	return out, true
}

func FuzzRule(f *testing.F) {
	f.Add("8080", "any", "the web")
	f.Add("8000-8100", "10.0.0.0/8", "$(touch /tmp/pwn)")
	f.Add("22;id", "::1", "`id`")
	f.Add("1", "2001:db8::/32", "a\"b\\ !! {a,b} ~root *")
	f.Fuzz(func(t *testing.T, port, source, comment string) {
		values, err := packages.Complete(firewall.Rule{}, packages.Values{"port": port, "source": source, "comment": comment, "protocol": "both"})
		if err != nil {
			return
		}
		commands, err := firewall.Rule{}.Install(packages.Context{Values: values, Facts: facts(22)})
		if err != nil {
			return
		}
		script := commands[1].(packages.Run).Script
		words, ok := arguments(script)
		if !ok || words[0] != "ufw" {
			t.Fatalf("%q is not one command of ufw", script)
		}
		if c := values["comment"]; c != "" && words[len(words)-1] != c {
			t.Errorf("the comment %q becomes %q", c, words[len(words)-1])
		}
		for i, w := range words {
			if w != "from" || i > 3 {
				continue
			}
			_, addrErr := netip.ParseAddr(words[i+1])
			_, prefixErr := netip.ParsePrefix(words[i+1])
			if addrErr != nil && prefixErr != nil {
				t.Errorf("the source %q becomes %q", source, words[i+1])
			}
		}
		if instance := (firewall.Rule{}).Describe().Instance(values); strings.ContainsAny(instance, " /'\"\n$;") {
			t.Errorf("the instance is %q", instance)
		}
	})
}
