package firewall

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"brokeforge/packages"
)

// rule is what a rule's options choose, in ufw's own forms.
type rule struct {
	action   string
	port     string // "80" or "8000:8100"
	protocol string // "tcp", "udp" or "both"
	source   string // everybody, an address or a network
	comment  string
}

// parse reads values that the options have accepted.
func parse(v packages.Values) rule {
	r := rule{
		action:   v[actionOption],
		port:     strings.ReplaceAll(v[portOption], "-", ":"),
		protocol: v[protocolOption],
		comment:  v[commentOption],
	}
	if first, last, err := ports(v[portOption]); err == nil {
		r.port = strconv.Itoa(first)
		if last != first {
			r.port += ":" + strconv.Itoa(last)
		}
	}
	if source, err := source(v[sourceOption]); err == nil {
		r.source = source
	}
	return r
}

// ports reads a port or a range of ports.
func ports(value string) (first, last int, err error) {
	from, to, isRange := strings.Cut(strings.ReplaceAll(value, "-", ":"), ":")
	if first, err = port(from); err != nil {
		return 0, 0, err
	}
	if !isRange {
		return first, first, nil
	}
	if last, err = port(to); err != nil {
		return 0, 0, err
	}
	if last <= first {
		return 0, 0, fmt.Errorf("is not a range: the first port must be lower than the last")
	}
	return first, last, nil
}

func port(value string) (int, error) {
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("is neither a port, such as 8080, nor a range, such as 8000-8100")
	}
	if n < 1 || n > 65535 {
		return 0, fmt.Errorf("has %d, but ports go from 1 to 65535", n)
	}
	return int(n), nil
}

func acceptPort(value string) error {
	_, _, err := ports(value)
	return err
}

// source reads who a rule is for. What it returns is everybody, an address or
// a network, as ufw writes it.
func source(value string) (string, error) {
	if value == "any" {
		return everybody, nil
	}
	prefix, err := netip.ParsePrefix(value)
	if addr, addrErr := netip.ParseAddr(value); addrErr == nil {
		prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		if addr.Zone() != "" {
			return "", fmt.Errorf("has a zone: leave %q away", "%"+addr.Zone())
		}
	}
	switch {
	case err != nil && strings.Contains(value, "/"):
		return "", fmt.Errorf("is not a network, such as 10.0.0.0/8 or 2001:db8::/32")
	case err != nil:
		return "", fmt.Errorf("is neither any, nor an address, nor a network such as 10.0.0.0/8")
	case prefix.Addr().Is4In6():
		return "", fmt.Errorf("is an IPv4 address in IPv6's form: say %s", prefix.Addr().Unmap())
	case prefix.Bits() == 0 || prefix.Addr().IsUnspecified():
		return "", fmt.Errorf("is everybody: say any")
	case prefix != prefix.Masked():
		return "", fmt.Errorf("is not the beginning of a network: say %s", prefix.Masked())
	case prefix.IsSingleIP():
		return prefix.Addr().String(), nil
	}
	return prefix.String(), nil
}

func acceptSource(value string) error {
	_, err := source(value)
	return err
}

func acceptComment(value string) error {
	switch {
	case strings.ContainsRune(value, '\''):
		return fmt.Errorf("has a single quote, which ufw does not take")
	case utf8.RuneCountInString(value) > 80:
		return fmt.Errorf("is longer than 80 characters")
	}
	return nil
}

func (r rule) isRange() bool { return strings.Contains(r.port, ":") }

// covers reports whether the rule is for a port on which TCP is spoken.
func (r rule) covers(tcpPort int) bool {
	first, last, err := ports(r.port)
	return err == nil && r.protocol != "udp" && first <= tcpPort && tcpPort <= last
}

// protocols lists the protocols that ufw needs a rule for. It takes a range of
// ports with one protocol only.
func (r rule) protocols() []string {
	if r.protocol == "both" {
		return []string{"tcp", "udp"}
	}
	return []string{r.protocol}
}

// clashes reports whether ufw would take both for one rule.
func (r rule) clashes(other rule) bool {
	return r.port == other.port && r.source == other.source &&
		(r.protocol == other.protocol || r.protocol == "both" || other.protocol == "both")
}

// instance names the rule: the same for the same rule, without spaces.
func (r rule) instance() string {
	name := fmt.Sprintf("%s-%s-%s", r.action, strings.ReplaceAll(r.port, ":", "-"), r.protocol)
	if r.source != everybody {
		name += "-from-" + strings.ReplaceAll(r.source, "/", "_")
	}
	return name
}
