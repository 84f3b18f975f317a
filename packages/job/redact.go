package job

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/sshrun/clean"
)

const (
	// hidden takes the place of a secret in the output of a server.
	hidden = "[hidden]"
	// withheld takes the place of a line that can't be cleared of secrets.
	withheld = "[withheld: this server has secrets, and they can't be read now to look for them in its output]"

	// minHidden is how many characters a secret must have, without spaces around
	// them, to be looked for: a shorter one would blank what has nothing to do
	// with it.
	minHidden = 4
	// gram is how many bytes of a long secret are enough to know it by.
	gram = 16
	// cut is how many bytes of a secret at the end of a text are taken for one
	// that was cut off.
	cut = 6
)

// redactor takes the values of secrets out of lines of text. The zero value and
// nil know none.
type redactor struct {
	forms map[string][]string // by their first bytes, the forms of values
	grams map[string]bool     // each run of bytes of the longer forms
	blind bool                // the values could not be read
}

// newRedactor returns a redactor of the values, of which each line counts by
// itself. It knows a value as it is, in base64 whatever stands before it, in hex,
// percent-encoded, and quoted as shells, SQL, JSON and HTML do. Of a public SSH
// key, which its private key holds, it takes nothing out.
func newRedactor(values []string) *redactor {
	r := &redactor{forms: map[string][]string{}, grams: map[string]bool{}}
	r.learn(values)
	return r
}

// with returns a redactor that takes further values out, too.
func (r *redactor) with(values []string) *redactor {
	switch {
	case len(values) == 0, r != nil && r.blind:
		return r
	case r == nil:
		return newRedactor(values)
	}
	r.learn(values)
	return r
}

// learn notes values that are to be taken out.
func (r *redactor) learn(values []string) {
	for _, value := range values {
		for line := range strings.Lines(value) {
			line = strings.TrimRight(line, "\r\n")
			if !strings.HasPrefix(line, "-----") { // the frame of a key
				r.add(forms(line))
			}
		}
		r.add(encoded(value))
	}
	for _, value := range values {
		if public, err := packages.PublicKey(value); err == nil {
			for i := range max(0, len(public)-gram+1) {
				delete(r.grams, public[i:i+gram])
			}
		}
	}
}

func (r *redactor) add(forms []string) {
	for _, form := range forms {
		if utf8.RuneCountInString(strings.TrimSpace(form)) < minHidden {
			continue
		}
		head := form[:minHidden]
		if !slices.Contains(r.forms[head], form) {
			r.forms[head] = append(r.forms[head], form)
		}
		for i := range max(0, len(form)-gram+1) {
			r.grams[form[i:i+gram]] = true
		}
	}
}

// forms are the ways in which a line may be printed.
func forms(s string) []string {
	if utf8.RuneCountInString(s) < minHidden {
		return nil
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		quoted = nil // of a string that is impossible
	}
	escaped := strings.NewReplacer(`\`, `\\`, `'`, `\'`, `"`, `\"`, "`", "\\`", "$", `\$`).Replace(s)
	list := []string{
		s, clean.Line(s), strings.TrimSpace(s), strings.Join(strings.Fields(s), " "),
		url.QueryEscape(s), url.PathEscape(s), strings.ReplaceAll(url.QueryEscape(s), "+", "%20"),
		shellescape.Quote(s), strings.Trim(shellescape.Quote(s), "'"), strings.ReplaceAll(s, "'", `'\''`), backslashed(s), escaped,
		strings.Trim(string(quoted), `"`), html.EscapeString(s),
		strings.ReplaceAll(s, "'", "''"), strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''"),
	}
	for _, form := range list[4:7] {
		list = append(list, lowerPercent(form))
	}
	return append(list, encoded(s)...)
}

// encoded are a text in base64, of which up to two bytes at either end depend on
// what stands beside it, and in hex.
func encoded(s string) []string {
	if len(s) < minHidden {
		return nil
	}
	list := []string{hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s)))}
	for _, b64 := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		list = append(list, b64.EncodeToString([]byte(s)), strings.TrimRight(b64.EncodeToString([]byte(s)), "="), b64.EncodeToString([]byte(s+"\n")))
		for before := 1; before < 3; before++ {
			whole := strings.TrimRight(b64.EncodeToString(append(make([]byte, before), s...)), "=")
			core := whole[before+1:]
			list = append(list, core)
			if (before+len(s))%3 != 0 {
				list = append(list, core[:len(core)-1])
			}
		}
		if core := strings.TrimRight(b64.EncodeToString([]byte(s)), "="); len(s)%3 != 0 {
			list = append(list, core[:len(core)-1])
		}
	}
	return slices.DeleteFunc(list, func(form string) bool { return len(form) <= minHidden })
}

// backslashed is how printf %q of several shells writes a word.
func backslashed(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < utf8.RuneSelf && !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+=,", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

func lowerPercent(s string) string {
	out := []byte(s)
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '%' {
			copy(out[i+1:i+3], strings.ToLower(string(out[i+1:i+3])))
		}
	}
	return string(out)
}

// text returns a line without the secrets in it.
func (r *redactor) text(s string) string {
	switch {
	case r == nil:
		return s
	case r.blind:
		return withheld
	case len(r.forms) == 0:
		return s
	}
	var b strings.Builder
	done, secretTo := 0, -1 // what is copied; where the secret that was met ends
	for i := range len(s) {
		to := r.at(s[i:])
		if to == 0 {
			continue
		}
		if i > secretTo || secretTo < 0 {
			b.WriteString(s[done:i])
			b.WriteString(hidden)
		}
		secretTo = max(secretTo, i+to)
		done = secretTo
	}
	b.WriteString(s[done:])
	return strings.ToValidUTF8(b.String(), "") // a part may end within a character
}

// at returns how many bytes at the beginning of a text are of a secret.
func (r *redactor) at(s string) int {
	n := 0
	if len(s) >= minHidden {
		for _, form := range r.forms[s[:minHidden]] {
			if strings.HasPrefix(s, form) || len(s) >= cut && strings.HasPrefix(form, strings.TrimSuffix(s, "…")) {
				n = max(n, min(len(form), len(s)))
			}
		}
	}
	if len(s) >= gram && r.grams[s[:gram]] {
		n = max(n, gram)
	}
	return n
}
