package sites

import (
	"embed"
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"
)

//go:embed scripts/*.sh
var scripts embed.FS

// variable is one that a script of ours finds set.
type variable struct{ name, value string }

// compose puts a script together from parts of ours, behind the variables that they
// use. Values stand quoted, byte for byte.
func compose(variables []variable, parts ...string) (string, error) {
	var b strings.Builder
	for _, v := range variables {
		fmt.Fprintf(&b, "%s=%s\n", v.name, shellescape.Quote(v.value))
	}
	for _, part := range parts {
		text, err := scripts.ReadFile("scripts/" + part + ".sh")
		if err != nil {
			return "", fmt.Errorf("read the script %s: %w", part, err)
		}
		b.Write(text)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
