package job

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckField(t *testing.T) {
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	good := map[string][]string{
		FieldName:    {"web1", "WEB-1.example_2", "a", strings.Repeat("a", 63)},
		FieldAddress: {"10.0.0.1", "fe80::1", "2001:db8::5", "web1", "web1.example.org", "web1.example.org.", "xn--bcher-kva.example"},
		FieldPort:    {"1", "22", "65535"},
		FieldUser:    {"root", "deploy", "j.doe", "_svc", "ops@corp"},
		FieldKey:     {"", key},
		FieldTag:     {"web", "eu-west.1"},
	}
	for field, values := range good {
		for _, value := range values {
			if err := CheckField(field, value); err != nil {
				t.Errorf("%s %q is refused: %v", field, value, err)
			}
		}
	}
	hostile := []string{
		"a b", "a'b", `a"b`, "a;b", "$(id)", "`id`", "a\nb", "a\x00b", "-oProxyCommand=x", "bücher", "a|b", "a&b", "../x", "a\x1b[2J", "",
	}
	bad := map[string][]string{
		FieldName:    append(hostile, strings.Repeat("a", 64), ".a"),
		FieldAddress: append(hostile, "256.1.1.1", "1.2.3", "10.0.0.1:22", "[::1]", "a..b", "-a.com", strings.Repeat("a", 64)+".com", strings.Repeat("a.", 130), "10.0.0.1/24", "a__b..c"),
		FieldPort:    append(hostile, "0", "70000", "65536", "-1", "22;id", "2 2", "0x16", "٢٢"),
		FieldUser:    append(hostile, "1a"),
		FieldKey:     {filepath.Join(dir, "none"), dir, key + ".pub"},
		FieldTag:     hostile,
	}
	if err := os.WriteFile(key+".pub", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for field, values := range bad {
		for _, value := range values {
			var input *InputError
			if err := CheckField(field, value); !errors.As(err, &input) || input.Field != field {
				t.Errorf("%s %q gives %v", field, value, err)
			} else if strings.ContainsAny(err.Error(), "\x00\x1b\n") {
				t.Errorf("%s %q comes back raw", field, value)
			}
		}
	}
}
