package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

// debs are what the tests install, as Debian packages.
var debs = []string{
	"ca-certificates", "curl", "nginx", "apache2", "ufw", "fail2ban", "python3-systemd", "chrony", "unattended-upgrades",
	"php-fpm", "php-cli", "php-bcmath", "php-curl", "php-intl", "php-mbstring", "php-mysql", "php-xml", "php-zip", "composer",
	"mariadb-server", "postgresql", "redis-server", "valkey-server", "memcached", "supervisor", "cron", "certbot",
	"nodejs", "npm", "python3-venv", "python3-yaml", "pipx", "git", "gpg", "fish", "tcsh",
}

// binary and lab are made once for all tests of this package.
var (
	binary string
	lab    *hosts.Lab
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "brokeforge-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "brokeforge")
	build := exec.Command("go", "build", "-o", binary, "..")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the program: %v\n%s", err, out)
	}
	if hosts.Check() == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute)
		defer cancel()
		lab, err = hosts.Open(ctx, hosts.Options{Debs: debs, Progress: func(line string) { fmt.Println(line) }})
		if err != nil {
			return 0, err
		}
		defer func() {
			if closeErr := lab.Close(); err == nil {
				err = closeErr
			}
		}()
	}
	return m.Run(), nil
}
