package packages

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"
)

// A SecretName names a secret of a server: the package, the instance if it has
// one, and the option, such as "redis.password" or "database@blog.password". Of a
// site's package the site's domain and "/" go before it.
type SecretName string

// SecretOf names the secret of a package's option.
func SecretOf(name Name, instance, option string) SecretName {
	return secretOf(Label(name, instance), option)
}

func secretOf(label, option string) SecretName { return SecretName(label + "." + option) }

// SecretsOf is what the names of all secrets of a part's package begin with.
func SecretsOf(p *Part) string { return p.Label() + "." }

// SecretsOfSite is what the names of all secrets of a site begin with.
func SecretsOfSite(domain string) string { return domain + "/" }

// Encoding says how a secret's value is put into a text. A package that needs
// another one is a [SecretEncoder].
type Encoding string

// The encodings that every package may use.
const (
	AsIs    Encoding = ""      // byte for byte
	ForSh   Encoding = "sh"    // as one word of POSIX sh
	ForSQL  Encoding = "sql"   // as a string literal of standard SQL, PostgreSQL and SQLite
	ForMy   Encoding = "mysql" // as a string literal of MySQL and MariaDB
	ForURL  Encoding = "url"   // as a part of a URL
	ForJSON Encoding = "json"  // as a string of JSON
)

// A SecretEncoder is a package with encodings of its own.
type SecretEncoder interface {
	// EncodeSecret returns a value in an encoding that is none of those that
	// every package may use. Its error must not repeat the value.
	EncodeSecret(as Encoding, value string) (string, error)
}

// secretMark begins every reference. No value that a person gives may hold it.
const secretMark = "‹secret:"

// references match what SecretRef returns.
var references = regexp.MustCompile(`‹secret:([^›|\s]+)(?:\|([a-z0-9-]+))?›`)

// SecretRef returns the reference that stands for a secret in a plan, to be put
// into Write.Content and Run.Secrets. It is resolved when the run is shipped.
func SecretRef(name SecretName, as Encoding) string {
	if as == AsIs {
		return secretMark + string(name) + "›"
	}
	return secretMark + string(name) + "|" + string(as) + "›"
}

// HasSecrets reports whether a text holds a reference, or the beginning of one.
func HasSecrets(text string) bool { return strings.Contains(text, secretMark) }

// Secrets are the values of secrets, by name. They can't be printed.
type Secrets map[SecretName]string

// String says how many there are.
func (s Secrets) String() string { return fmt.Sprintf("%d secrets", len(s)) }

// GoString is String.
func (s Secrets) GoString() string { return s.String() }

// MarshalJSON refuses: values of secrets are not written.
func (s Secrets) MarshalJSON() ([]byte, error) { return nil, fmt.Errorf("secrets can't be written") }

// SecretsIn returns the names of the secrets that texts refer to, sorted.
func SecretsIn(texts ...string) []SecretName {
	found := map[SecretName]bool{}
	for _, text := range texts {
		for _, m := range references.FindAllStringSubmatch(text, -1) {
			found[SecretName(m[1])] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// MissingSecretError says that a plan refers to a secret that has no value.
type MissingSecretError struct{ Name SecretName }

// Error names the secret.
func (e *MissingSecretError) Error() string { return fmt.Sprintf("the secret %s has no value", e.Name) }

// Expand puts the values of secrets in the place of their references in a text of
// the package. What a value holds is not looked at again. It returns a
// *MissingSecretError, or the error of an encoder.
func Expand(text string, values Secrets, p Package) (string, error) {
	var failed error
	out := references.ReplaceAllStringFunc(text, func(ref string) string {
		m := references.FindStringSubmatch(ref)
		value, ok := values[SecretName(m[1])]
		if !ok {
			failed = &MissingSecretError{SecretName(m[1])}
			return ""
		}
		encoded, err := encode(p, Encoding(m[2]), value)
		if err != nil {
			failed = fmt.Errorf("put the secret %s in place: %w", m[1], err)
		}
		return encoded
	})
	if failed != nil {
		return "", failed
	}
	return out, nil
}

func encode(p Package, as Encoding, value string) (string, error) {
	switch as {
	case AsIs:
		return value, nil
	case ForSh:
		return shellescape.Quote(value), nil
	case ForSQL:
		return "'" + strings.ReplaceAll(value, "'", "''") + "'", nil
	case ForMy:
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(value) + "'", nil
	case ForURL:
		return strings.ReplaceAll(url.QueryEscape(value), "+", "%20"), nil
	case ForJSON:
		text, err := json.Marshal(value)
		return string(text), err
	case ForAuthorizedKeys:
		return PublicKey(value)
	}
	own, ok := p.(SecretEncoder)
	if !ok {
		return "", fmt.Errorf("there is no encoding %q", as)
	}
	return own.EncodeSecret(as, value)
}

// Seal puts references in the place of the values of a package's secret options,
// and returns the values. What is a reference already stays one.
func Seal(p Package, instance string, values Values) (Values, Secrets) {
	return seal(p, Label(p.Name(), instance), values)
}

func seal(p Package, label string, values Values) (Values, Secrets) {
	out, secrets := maps.Clone(values), Secrets{}
	for _, o := range p.Describe().Options {
		value := values[o.Name]
		if o.Kind != Secret || value == "" {
			continue
		}
		if HasSecrets(value) {
			continue
		}
		name := secretOf(label, o.Name)
		out[o.Name], secrets[name] = SecretRef(name, AsIs), value
	}
	return out, secrets
}

// Shown is a recorded value as people see it.
func Shown(value string) string {
	if HasSecrets(value) {
		return "(set)"
	}
	return value
}

// Generate says that a value is made where none is given.
type Generate struct {
	Length   int    // in characters; 0 means that none is made
	Alphabet string // ASCII; empty means letters and digits
}

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// value makes one.
func (g Generate) value() (string, error) {
	alphabet := g.Alphabet
	if alphabet == "" {
		alphabet = letters
	}
	out := make([]byte, g.Length)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			return "", fmt.Errorf("make a secret: %w", err)
		}
		out[i] = alphabet[n.Int64()]
	}
	return string(out), nil
}

// maxSecretRunes bounds a secret that a person gives.
const maxSecretRunes = 4096

// maxSecretLines bounds one of several lines, in bytes.
const maxSecretLines = 60 << 10

// acceptSecret refuses what can't be a secret. The reason never repeats it.
func acceptSecret(value string, lines bool) error {
	switch {
	case lines && len(value) > maxSecretLines:
		return fmt.Errorf("is longer than %d KiB", maxSecretLines>>10)
	case lines:
		return nil
	case strings.ContainsAny(value, "\r\n"):
		return fmt.Errorf("has more than one line")
	case utf8.RuneCountInString(value) > maxSecretRunes:
		return fmt.Errorf("is longer than %d characters", maxSecretRunes)
	}
	return nil
}
