package firewall

import (
	"fmt"
	"regexp"
	"strings"

	"brokeforge/packages"
)

var instancePattern = regexp.MustCompile(`^(allow|deny|limit)-([0-9]+(?:-[0-9]+)?)-(tcp|udp|both)(?:-from-([0-9a-f.:]+(?:_[0-9]+)?))?$`)

// Named returns the values that choose a rule by its name.
func (Rule) Named(instance string) packages.Values {
	m := instancePattern.FindStringSubmatch(instance)
	if m == nil {
		return nil
	}
	source := "any"
	if m[4] != "" {
		source = strings.ReplaceAll(m[4], "_", "/")
	}
	return packages.Values{actionOption: m[1], portOption: m[2], protocolOption: m[3], sourceOption: source}
}

// Adopt has a rule recorded that ufw has already.
func (Rule) Adopt(ctx packages.Context) (packages.Adoption, error) {
	r := parse(ctx.Values)
	if err := r.refuse(ctx); err != nil {
		return packages.Adoption{}, &packages.RefusedError{Reason: err.Error()}
	}
	var held []string
	for _, protocol := range r.protocols() {
		held = append(held, inFiles(r.head(protocol), r.source, r.comment))
	}
	return packages.Adoption{Version: fmt.Sprintf(`%s ||
{ ufw show added >&2 && echo "ufw has no rule %s" >&2 && exit 1; }`, strings.Join(held, " &&\n"), r.instance())}, nil
}

// Release returns the commands that take away what BrokeForge has brought to a
// firewall that was there before: Remove leaves all else.
func (u UFW) Release(ctx packages.Context) ([]packages.Command, error) { return u.Remove(ctx) }
