package hosts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mirror is where this machine gets Debian from.
type mirror struct {
	archive, security string // URIs without a slash at the end
}

// sources returns a sources.list(5) of the suite, its updates and its security updates.
func (m mirror) sources(suite Suite) string {
	return fmt.Sprintf("deb %[1]s %[3]s main\ndeb %[1]s %[3]s-updates main\ndeb %[2]s %[3]s-security main\n",
		m.archive, m.security, string(suite))
}

// machineMirror asks apt which mirrors this machine uses for its own release, and falls back to
// Debian's own for what it doesn't say.
func machineMirror(ctx context.Context) (mirror, error) {
	codename, err := osRelease("VERSION_CODENAME")
	if err != nil {
		return mirror{}, fmt.Errorf("find this machine's mirror: %w", err)
	}
	targets, err := run(ctx, "", "apt-get", "indextargets", "--no-release-info",
		"--format", "$(CREATED_BY) $(RELEASE) $(REPO_URI)")
	if err != nil {
		return mirror{}, fmt.Errorf("find this machine's mirror: %w", err)
	}
	return parseTargets(string(targets), codename), nil
}

// parseTargets reads lines of "Packages RELEASE URI".
func parseTargets(targets, codename string) mirror {
	m := mirror{archive: "http://deb.debian.org/debian", security: "http://deb.debian.org/debian-security"}
	releases := []string{codename, "stable", "oldstable", "testing", "unstable", "sid"}
	var archive, security bool
	for line := range strings.Lines(targets) {
		f := strings.Fields(line)
		if len(f) != 3 || f[0] != "Packages" || !(strings.HasPrefix(f[2], "http://") || strings.HasPrefix(f[2], "https://")) {
			continue
		}
		uri := strings.TrimRight(f[2], "/")
		base, isSecurity := strings.CutSuffix(f[1], "-security")
		switch {
		case !slices.Contains(releases, base):
		case isSecurity && !security:
			m.security, security = uri, true
		case !isSecurity && !archive:
			m.archive, archive = uri, true
		}
	}
	return m
}

// aptSettings are this machine's settings of how apt reaches its mirrors, as lines of apt.conf(5).
type aptSettings []string

// machineAptSettings reads the settings a host needs to reach the mirrors as this machine does:
// proxies, retries, and whether dates of the archive are checked.
func machineAptSettings(ctx context.Context) (aptSettings, error) {
	dump, err := run(ctx, "", "apt-config", "dump", "--no-empty")
	if err != nil {
		return nil, fmt.Errorf("read this machine's apt settings: %w", err)
	}
	return parseAptSettings(string(dump), os.Getenv), nil
}

func parseAptSettings(dump string, getenv func(string) string) aptSettings {
	var settings aptSettings
	for line := range strings.Lines(dump) {
		line = strings.TrimSpace(line)
		key, _, ok := strings.Cut(line, " ")
		key = strings.ToLower(key)
		if !ok || strings.Contains(key, "auto-detect") || strings.Contains(key, "autodetect") {
			continue // names a program of this machine
		}
		for _, prefix := range []string{
			"acquire::http::proxy", "acquire::https::proxy", "acquire::retries", "acquire::forceipv4",
			"acquire::check-valid-until", "acquire::check-date",
		} {
			if key == prefix || strings.HasPrefix(key, prefix+"::") {
				settings = append(settings, line)
			}
		}
	}
	for _, scheme := range []string{"http", "https"} {
		proxy := getenv(scheme + "_proxy")
		if proxy != "" && settings.value("Acquire::"+scheme+"::Proxy") == "" {
			settings = append(settings, fmt.Sprintf("Acquire::%s::Proxy %q;", scheme, proxy))
		}
	}
	return settings
}

// value returns the value of a setting, "" when it is not there.
func (s aptSettings) value(key string) string {
	for _, line := range s {
		name, value, _ := strings.Cut(line, " ")
		if strings.EqualFold(name, key) {
			return strings.Trim(value, `";`)
		}
	}
	return ""
}

// proxyEnv gives the proxies to debootstrap, which downloads with wget.
func (s aptSettings) proxyEnv() []string {
	var env []string
	for _, scheme := range []string{"http", "https"} {
		if proxy := s.value("Acquire::" + scheme + "::Proxy"); proxy != "" && proxy != "DIRECT" {
			env = append(env, scheme+"_proxy="+proxy)
		}
	}
	return env
}

// file returns the settings as a file for a host. A proxy on this machine's loopback is at the
// gateway for a host.
func (s aptSettings) file(gateway netip.Addr) string {
	text := strings.Join(s, "\n")
	for _, loopback := range []string{"127.0.0.1", "localhost", "[::1]"} {
		text = strings.ReplaceAll(text, "//"+loopback+":", "//"+gateway.String()+":")
	}
	if text != "" {
		text += "\n"
	}
	return text
}

// resolvConf returns this machine's resolv.conf(5). Where that names a resolver on the loopback, a
// host can't reach it, so the servers systemd-resolved asks are taken instead.
func resolvConf() ([]byte, error) {
	text, err := os.ReadFile("/etc/resolv.conf")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil || !onlyLoopback(string(text)) {
		return text, err
	}
	upstream, err := os.ReadFile("/run/systemd/resolve/resolv.conf")
	if errors.Is(err, fs.ErrNotExist) {
		return text, nil
	}
	return upstream, err
}

func onlyLoopback(resolv string) bool {
	found := false
	for line := range strings.Lines(resolv) {
		f := strings.Fields(line)
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		addr, err := netip.ParseAddr(f[1])
		if err != nil || !addr.IsLoopback() {
			return false
		}
		found = true
	}
	return found
}

// authority is a certificate authority the operator of this machine added to Debian's.
type authority struct {
	name string // of its file
	pem  []byte
}

// localAuthorities returns the added authorities, see update-ca-certificates(8): a machine whose way
// out ends at such an authority gives hosts the same way out.
func localAuthorities() ([]authority, error) {
	const dir = "/usr/local/share/ca-certificates"
	var found []authority
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".crt" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		found = append(found, authority{strings.ReplaceAll(name, "/", "-"), text})
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read this machine's certificate authorities: %w", err)
	}
	return found, nil
}
