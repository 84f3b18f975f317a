package job

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"brokeforge/store"
)

// NewServer is what somebody gives to add a server.
type NewServer struct {
	Name    string
	Address string
	Port    int    // 0 means what the configuration of ssh says, else the default
	User    string // empty means as Port 0 does
	KeyFile string // a private key; empty means as Port 0 does, in the end the agent and the default keys
	// Credential names one that the configuration has; with it, User and KeyFile are
	// empty. Empty means none.
	Credential string
	Tags       []string
	AcceptNew  bool   // accept the host key at the first contact, whatever it is
	Accept     string // accept host keys with these fingerprints, in the form SHA256:…, with blanks between
}

// The fields of a NewServer, as CheckField and InputError name them.
const (
	FieldName       = "name"
	FieldAddress    = "address"
	FieldPort       = "port"
	FieldUser       = "user"
	FieldKey        = "key"
	FieldCredential = "credential"
	FieldTag        = "tag"
)

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	// The length and first character are those that useradd(8) allows; the
	// rest lets in the login names of directory services.
	userForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.@-]{0,63}$`)
	// Names that only the configuration of ssh knows may have underscores too.
	labelForm = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
	digits    = regexp.MustCompile(`^[0-9.]+$`)
)

// CheckField refuses the value of one field with an *InputError. It looks at
// this machine for a key file, and at no network.
func CheckField(field, value string) error {
	reason := ""
	switch field {
	case FieldName:
		if !nameForm.MatchString(value) {
			reason = fmt.Sprintf("%q can't be a name: use letters, digits, dots, dashes and underscores, 63 at most, a letter or digit first", value)
		}
	case FieldAddress:
		reason = checkAddress(value)
	case FieldPort:
		if n, err := parsePort(value); err != nil || n == 0 {
			reason = fmt.Sprintf("%q is not a port: use a number from 1 to 65535", value)
		}
	case FieldUser:
		if !userForm.MatchString(value) {
			reason = fmt.Sprintf("%q can't be a login name", value)
		}
	case FieldKey:
		reason = checkKeyFile(value)
	case FieldTag:
		if !nameForm.MatchString(value) {
			reason = fmt.Sprintf("%q can't be a tag: use letters, digits, dots, dashes and underscores", value)
		}
	default:
		return fmt.Errorf("there is no field %q to check", field)
	}
	if reason != "" {
		return &InputError{Field: field, Reason: reason}
	}
	return nil
}

func parsePort(s string) (int, error) {
	var n int
	if len(s) == 0 || len(s) > 5 || strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' }) {
		return 0, fmt.Errorf("not a port number")
	}
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil || n > 65535 {
		return 0, fmt.Errorf("not a port number")
	}
	return n, nil
}

// checkAddress accepts IP addresses, the host names of RFC 1123 section 2.1, and
// names like them that the configuration of ssh may know.
func checkAddress(value string) string {
	if _, err := netip.ParseAddr(value); err == nil {
		return ""
	}
	if strings.HasPrefix(value, "[") {
		return fmt.Sprintf("%q has brackets: give an IPv6 address without them, and the port on its own", value)
	}
	if host, port, ok := strings.Cut(value, ":"); ok && checkAddress(host) == "" {
		if _, err := parsePort(port); err == nil {
			return fmt.Sprintf("%q holds a port: give %q as the address, and the port on its own", value, host)
		}
	}
	bad := fmt.Sprintf("%q is neither an IP address nor a host name", value)
	if value == "" || len(value) > 253 || digits.MatchString(value) {
		return bad
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(value, "."), ".") {
		if !labelForm.MatchString(label) {
			return bad
		}
	}
	return ""
}

func checkKeyFile(value string) string {
	if value == "" {
		return ""
	}
	path, err := keyPath(value)
	if err != nil {
		return err.Error()
	}
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return fmt.Sprintf("there is no file %s", path)
	case err != nil:
		return fmt.Sprintf("the file can't be read: %v", err)
	case !info.Mode().IsRegular():
		return fmt.Sprintf("%s is not a file", path)
	case strings.HasSuffix(path, ".pub"):
		return fmt.Sprintf("%s is the public half: give the private key", path)
	}
	return ""
}

// keyPath makes the path of a key file absolute, with ~ as the home folder.
func keyPath(value string) (string, error) {
	if rest, ok := strings.CutPrefix(value, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the home folder for %s: %w", value, err)
		}
		return filepath.Join(home, rest), nil
	}
	return filepath.Abs(value)
}

// Check refuses fields with an *InputError, without any network.
func (n NewServer) Check() error {
	if n.Port < 0 || n.Port > 65535 {
		return CheckField(FieldPort, fmt.Sprint(n.Port))
	}
	if n.Credential != "" && (n.User != "" || n.KeyFile != "") {
		return &InputError{FieldCredential, fmt.Sprintf("%s says who logs in, and with which key: give it without user and key, or none", n.Credential)}
	}
	fields := [][2]string{{FieldName, n.Name}, {FieldAddress, n.Address}, {FieldKey, n.KeyFile}}
	if n.User != "" {
		fields = append(fields, [2]string{FieldUser, n.User})
	}
	for _, tag := range n.Tags {
		fields = append(fields, [2]string{FieldTag, tag})
	}
	for _, f := range fields {
		if err := CheckField(f[0], f[1]); err != nil {
			return err
		}
	}
	return nil
}

// record returns the server as it is stored, not yet reached.
func (n NewServer) record() (store.Server, error) {
	if err := n.Check(); err != nil {
		return store.Server{}, err
	}
	server := store.Server{
		// Upper and lower case are not the same to the configuration of ssh.
		Name: n.Name, Address: strings.TrimSuffix(n.Address, "."), Port: n.Port, User: n.User,
		Credential: n.Credential,
		Tags:       slices.Compact(slices.Sorted(slices.Values(n.Tags))),
	}
	if n.KeyFile != "" {
		path, err := keyPath(n.KeyFile)
		if err != nil {
			return store.Server{}, &InputError{FieldKey, err.Error()}
		}
		server.KeyFile = path
	}
	return server, nil
}
