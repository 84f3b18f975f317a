package packages

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

// CleanDomain returns a domain in its one written form: in lower case, without a dot
// at its end, and in punycode (RFC 5891) where it has other letters than a to z. The
// error says why it can't be that of a site.
func CleanDomain(value string) (string, error) {
	text := strings.TrimSuffix(strings.TrimSpace(value), ".")
	switch {
	case text == "":
		return "", errors.New("is empty")
	case strings.Contains(text, "*"):
		return "", errors.New("is a wildcard: a site has a name of its own, and aliases")
	case strings.ContainsAny(text, "[]"):
		return "", errors.New("is an address: a site needs a name")
	case strings.Contains(text, "://"):
		return "", errors.New("is an address of the web: give the name alone, as in example.org")
	}
	if strings.ContainsFunc(text, unprintable) {
		return "", errors.New("has characters that can't be printed")
	}
	if _, err := netip.ParseAddr(text); err == nil {
		return "", errors.New("is an address: a site needs a name")
	}
	if at := strings.IndexFunc(text, func(r rune) bool { return r < 0x80 && !domainByte(r) }); at >= 0 {
		return "", fmt.Errorf("has %q, which no domain can have", text[at])
	}
	// Lookup without the mapping of old (transitional) processing, as browsers do.
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.BidiRule(), idna.CheckHyphens(true))
	domain, err := profile.ToASCII(text)
	if again, same := profile.ToASCII(domain); err != nil || same != nil || again != domain {
		return "", errors.New("is no domain: letters, digits and dashes between dots, no dash first or last in a part")
	}
	return domain, checkLabels(domain)
}

func domainByte(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.'
}

// checkLabels holds a domain in ASCII to the limits of RFC 1035 section 2.3.4.
func checkLabels(domain string) error {
	if len(domain) > 253 {
		return fmt.Errorf("has %d characters, 253 are allowed", len(domain))
	}
	labels := strings.Split(domain, ".")
	for _, label := range labels {
		switch {
		case label == "":
			return errors.New("has two dots in a row, or one at its beginning")
		case len(label) > 63:
			return fmt.Errorf("has a part of %d characters, 63 are allowed", len(label))
		case strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-"):
			return fmt.Errorf("has a part that begins or ends with a dash: %s", label)
		}
	}
	last := labels[len(labels)-1]
	switch {
	case len(labels) == 1:
		return errors.New("has no dot: give the whole name, as in example.org")
	case strings.Trim(last, "0123456789") == "":
		return errors.New("ends with a number, as addresses do")
	}
	return nil
}

// ShownDomain is a domain for people: one in punycode with what it stands for behind
// it.
func ShownDomain(domain string) string {
	if !strings.Contains(domain, "xn--") {
		return domain
	}
	text, err := idna.Display.ToUnicode(domain)
	if err != nil || text == domain {
		return domain
	}
	return fmt.Sprintf("%s (%s)", domain, text)
}
