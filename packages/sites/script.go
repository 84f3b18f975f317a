package sites

import (
	"embed"
	"fmt"
	"regexp"
	"strings"

	"al.essio.dev/pkg/shellescape"
)

//go:embed scripts/*.sh
var scripts embed.FS

// variable is one that a script of ours finds set.
type variable struct{ name, value string }

// compose puts a script together from parts of ours, behind those of the variables that
// they use. Values stand quoted, byte for byte.
func compose(variables []variable, parts ...string) (string, error) {
	var head, body strings.Builder
	for _, part := range parts {
		text, err := scripts.ReadFile("scripts/" + part + ".sh")
		if err != nil {
			return "", fmt.Errorf("read the script %s: %w", part, err)
		}
		body.Write(text)
	}
	for _, v := range variables {
		if regexp.MustCompile(`\$\{?` + v.name + `\b`).MatchString(body.String()) {
			fmt.Fprintf(&head, "%s=%s\n", v.name, shellescape.Quote(v.value))
		}
	}
	return head.String() + strings.TrimSuffix(body.String(), "\n"), nil
}
