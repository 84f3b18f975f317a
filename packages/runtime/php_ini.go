package runtime

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"brokeforge/packages"
)

//go:embed templates
var templates embed.FS

func iniFile(branch string) string { return "/etc/php/" + branch + "/fpm/conf.d/90-brokeforge.ini" }

// PHP's shorthand notation for bytes, in capitals.
var sizePattern = regexp.MustCompile(`^[1-9][0-9]{0,8}[KMG]$`)

func acceptSize(value string) error {
	if !sizePattern.MatchString(value) {
		return fmt.Errorf("is not a size: a number with K, M or G, such as 64M")
	}
	return nil
}

func acceptMemory(value string) error {
	if value == "-1" {
		return nil
	}
	return acceptSize(value)
}

const maxINI = 2000

// What php.ini takes without quotes and means as it is written, see "The
// configuration file" in PHP's manual. Quotes, $, ; and brackets are not in it.
var (
	iniKeyPattern   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*$`)
	iniValuePattern = regexp.MustCompile(`^[A-Za-z0-9._/:,+*@%~&|^ -]{1,500}$`)
)

// iniPairs reads settings of php.ini: KEY=VALUE, with a semicolon between them.
func iniPairs(text string) ([][2]string, error) {
	var pairs [][2]string
	if len(text) > maxINI {
		return nil, fmt.Errorf("is longer than %d characters", maxINI)
	}
	for part := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		key, value, ok := strings.Cut(part, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case !ok:
			return nil, fmt.Errorf("has %q, which is not in the form key=value", strings.TrimSpace(part))
		case !iniKeyPattern.MatchString(key):
			return nil, fmt.Errorf("has %q, which is no name of a setting", key)
		case !iniValuePattern.MatchString(value):
			return nil, fmt.Errorf("gives %s the value %q: only letters, digits, spaces and ._/:,+*@%%~&|^- are taken", key, value)
		case slices.Contains([]string{"memory_limit", "upload_max_filesize", "post_max_size"}, key):
			return nil, fmt.Errorf("has %s, for which there is an option", key)
		case slices.ContainsFunc(pairs, func(p [2]string) bool { return p[0] == key }):
			return nil, fmt.Errorf("has %s twice", key)
		}
		pairs = append(pairs, [2]string{key, value})
	}
	return pairs, nil
}

func acceptINI(text string) error {
	_, err := iniPairs(text)
	return err
}

func settings(values packages.Values) (string, error) {
	pairs, err := iniPairs(values[iniOption])
	if err != nil {
		return "", fmt.Errorf("%s %w", iniOption, err)
	}
	t, err := template.ParseFS(templates, "templates/php.ini.tmpl")
	if err != nil {
		return "", fmt.Errorf("read template: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"MemoryLimit": values[memoryLimitOption],
		"UploadMax":   values[uploadMaxOption],
		"More":        pairs,
	})
	if err != nil {
		return "", fmt.Errorf("fill template: %w", err)
	}
	return b.String(), nil
}
