package job

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/sshrun"
)

// checkScript returns the script that prints the index of each step that finds
// everything as it wants it, and then what the others would change. The checks
// change nothing, so they go side by side.
//
// Of secrets it holds the hashes of files, and those files of a step that its
// check reads, which are then in a folder in /run as long as it takes. Only what
// is kept already, and so was agreed to, goes to the server: a step with a secret
// that is new is not checked.
func (e *Engine) checkScript(steps []packages.Step, kept packages.Secrets) (string, error) {
	var b, files strings.Builder
	for i, step := range steps {
		pkg, _ := packages.Find(e.cfg.Catalog, step.Part.Package)
		check, secrets, err := checkOf(step, kept, pkg)
		var missing *packages.MissingSecretError
		switch {
		case errors.As(err, &missing):
			continue
		case err != nil:
			return "", err
		case check == "":
			continue
		}
		if len(secrets) > 0 {
			fmt.Fprintf(&files, "mkdir \"$d/%d\" || exit\n", i)
			for _, name := range slices.Sorted(maps.Keys(secrets)) {
				// By printf, which is part of every sh: arguments are seen by all.
				fmt.Fprintf(&files, "printf %%s %s >\"$d/%d/%s\" || exit\n", shellescape.Quote(string(secrets[name])), i, name)
			}
			check = fmt.Sprintf("SECRETS=$d/%d; export SECRETS\n%s", i, check)
		}
		fmt.Fprintf(&b, "( eval %s ) </dev/null >/dev/null 2>&1 && echo %d &\n", shellescape.Quote(check), i)
	}
	if b.Len() > 0 {
		b.WriteString("wait\n")
	}
	checks := andForesee(b.String(), steps)
	if files.Len() == 0 {
		return checks, nil
	}
	const folder = "umask 077\nd=$(mktemp -d /run/brokeforge-check-XXXXXX) || exit\n" +
		"trap 'rm -rf \"$d\"' EXIT\ntrap 'exit 143' HUP INT PIPE TERM\n"
	return folder + files.String() + checks, nil
}

// secretFile matches where a script names a file with secrets.
var secretFile = regexp.MustCompile(`\$SECRETS/([a-z0-9][a-z0-9._-]*)`)

// checkOf returns the check of a step, and the files with secrets that it reads.
// The error is a *packages.MissingSecretError where one of its secrets is new.
func checkOf(step packages.Step, kept packages.Secrets, pkg packages.Package) (check string, secrets map[string][]byte, err error) {
	switch c := step.Command.(type) {
	case packages.Run:
		if c.IfChanged {
			return sshrun.Settled(step.Part.Label()), nil, nil
		}
		read := map[string]string{}
		for _, m := range secretFile.FindAllStringSubmatch(c.Check, -1) {
			if text, ok := c.Secrets[m[1]]; ok {
				read[m[1]] = text
			}
		}
		secrets, err = expandFiles(read, kept, pkg)
		return c.Check, secrets, err
	case packages.Prove:
		return c.Check, nil, nil
	case packages.Write:
		content, err := packages.Expand(c.Content, kept, pkg)
		return writeCheck(c, content), nil, err
	}
	return "", nil, nil
}

// expandFiles puts the values of secrets in the place of their references.
func expandFiles(files map[string]string, values packages.Secrets, pkg packages.Package) (map[string][]byte, error) {
	var out map[string][]byte
	for _, name := range slices.Sorted(maps.Keys(files)) {
		text, err := packages.Expand(files[name], values, pkg)
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = map[string][]byte{}
		}
		out[name] = []byte(text)
	}
	return out, nil
}

func writeCheck(w packages.Write, content string) string {
	owner, group, mode := ownership(w)
	path := shellescape.Quote(w.Path)
	sum := sha256.Sum256([]byte(content))
	return fmt.Sprintf(`[ -f %[1]s ] && [ ! -L %[1]s ] && [ "$(stat -c '%%U:%%G:%%a' %[1]s)" = %[2]s ] && [ "$(sha256sum <%[1]s)" = '%[3]s  -' ]`,
		path, shellescape.Quote(fmt.Sprintf("%s:%s:%o", owner, group, mode)), hex.EncodeToString(sum[:]))
}

// ownership returns a file's owner, group and mode with defaults filled in.
func ownership(w packages.Write) (owner, group string, mode fs.FileMode) {
	owner, group, mode = w.Owner, w.Group, w.Mode.Perm()
	if owner == "" {
		owner = "root"
	}
	if group == "" {
		group = "root"
	}
	if mode == 0 {
		mode = 0o644
	}
	return owner, group, mode
}
