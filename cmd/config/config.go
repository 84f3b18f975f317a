package config

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config holds all settings. Its zero value is of no use: begin with Default.
type Config struct {
	// Parallel is how many servers are worked on side by side.
	Parallel int       `toml:"parallel"`
	SSH      SSH       `toml:"ssh"`
	Server   NewServer `toml:"server"`
	Screen   Screen    `toml:"screen"`
	Secrets  Secrets   `toml:"secrets"`
	Alerts   Alerts    `toml:"alerts"`
	// Servers are what "import config" records.
	Servers []Server `toml:"servers"`
	// Credentials are ways to log in that a server's record may name.
	Credentials []Credential `toml:"credentials"`
	// Stacks are sets of packages that are chosen by one name.
	Stacks []Stack `toml:"stacks"`

	// File is where the settings are from; empty where no file was read.
	File string `toml:"-"`
	// Repositories are the third-party repositories of Debian packages, where
	// they are not to be taken from their makers.
	Repositories Repositories `toml:"repositories"`
}

// SSH holds how servers are reached.
type SSH struct {
	// KnownHosts are the files with the host keys that are known, in the form
	// of sshd(8). One that is not there is taken as empty. They are read only.
	KnownHosts []string `toml:"known_hosts"`
	// AgentSocket is the socket of the ssh agent. Empty means the one that
	// the environment variable SSH_AUTH_SOCK names, "none" that no agent is
	// used.
	AgentSocket string `toml:"agent_socket"`
	// Config is the file of ssh_config(5) that says how servers are reached where
	// their records don't; the one of the system counts behind it. "none" means
	// that neither is read.
	Config string `toml:"config"`
	// DialTimeout bounds how long it may take until a server has shown its
	// host key.
	DialTimeout time.Duration `toml:"dial_timeout"`
	// KeepAlive is how often a connection is asked whether the server is
	// there. It is given up after three times as long without an answer.
	KeepAlive time.Duration `toml:"keep_alive"`
}

// NewServer holds how a server is reached where neither its record nor the
// configuration of ssh says it.
type NewServer struct {
	Port int    `toml:"port"`
	User string `toml:"user"`
	Key  string `toml:"key"` // a private key file; empty means the agent and the usual keys
}

// Server is a server that is written down in the file. What is empty is as
// NewServer says.
type Server struct {
	Name    string `toml:"name"`
	Address string `toml:"address"`
	Port    int    `toml:"port"`
	User    string `toml:"user"`
	Key     string `toml:"key"`
	// Credential names one, in the place of User and Key.
	Credential string   `toml:"credential"`
	Tags       []string `toml:"tags"`
}

// Screen holds how the screens look.
type Screen struct {
	Mouse bool   `toml:"mouse"`
	Theme string `toml:"theme"` // one of Themes
	ASCII string `toml:"ascii"` // one of ASCIIs
}

// Secrets holds how secrets are kept.
type Secrets struct {
	// KeyFile is the file with the key that the secrets are encrypted with. Empty
	// means the one of the function KeyFile.
	KeyFile string `toml:"key_file"`
	// Passphrase has a new key wrapped with a passphrase.
	Passphrase bool `toml:"passphrase"`
}

// Alerts holds how people are told of alerts by mail.
type Alerts struct {
	SMTP         string `toml:"smtp"`          // host:port of the server that takes mail
	From         string `toml:"from"`          // empty means brokeforge@ and the name of this machine
	User         string `toml:"user"`          // empty means no login
	PasswordFile string `toml:"password_file"` // its first line is the password
}

// Themes are the values of Screen.Theme. With "auto" the terminal is asked.
func Themes() []string { return []string{"auto", "dark", "light", "mono"} }

// ASCIIs are the values of Screen.ASCII. With "auto" the locale decides.
func ASCIIs() []string { return []string{"auto", "always", "never"} }

// Default returns the settings that hold where no file says otherwise.
func Default() Config {
	return Config{
		Parallel: 10,
		SSH: SSH{
			KnownHosts:  []string{"~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts"},
			Config:      "~/.ssh/config",
			DialTimeout: 10 * time.Second,
			KeepAlive:   5 * time.Second,
		},
		Server: NewServer{Port: 22, User: "root"},
		Screen: Screen{Theme: "auto", ASCII: "auto"},
		Alerts: Alerts{SMTP: "localhost:25"},
	}
}

// invalid refuses the value of one setting.
type invalid struct {
	key    []string // its name, a part for each table
	reason string
}

func (e *invalid) Error() string { return strings.Join(e.key, ".") + " " + e.reason }

// check refuses values out of range.
func (c Config) check() error {
	switch {
	case c.Parallel < 1 || c.Parallel > 1000:
		return refuse("must be from 1 to 1000", "parallel")
	case c.Server.Port < 1 || c.Server.Port > 65535:
		return refuse("must be from 1 to 65535", "server", "port")
	case c.Server.User == "":
		return refuse("must not be empty", "server", "user")
	case c.SSH.DialTimeout < time.Second || c.SSH.DialTimeout > 10*time.Minute:
		return refuse(`must be from "1s" to "10m"`, "ssh", "dial_timeout")
	case c.SSH.KeepAlive < time.Second || c.SSH.KeepAlive > time.Hour:
		return refuse(`must be from "1s" to "1h"`, "ssh", "keep_alive")
	case c.Secrets.KeyFile != "" && !filepath.IsAbs(c.Secrets.KeyFile) && !strings.HasPrefix(c.Secrets.KeyFile, "~/"):
		return refuse(`must be an absolute path, or begin with "~/"`, "secrets", "key_file")
	case !isHostPort(c.Alerts.SMTP):
		return refuse(`must be a server and a port, such as "mail.example.org:587"`, "alerts", "smtp")
	case c.Alerts.User != "" && c.Alerts.PasswordFile == "":
		return refuse("is needed with user", "alerts", "password_file")
	case !slices.Contains(Themes(), c.Screen.Theme):
		return refuse("must be one of "+strings.Join(Themes(), ", "), "screen", "theme")
	case !slices.Contains(ASCIIs(), c.Screen.ASCII):
		return refuse("must be one of "+strings.Join(ASCIIs(), ", "), "screen", "ascii")
	}
	if err := c.Repositories.check(); err != nil {
		return err
	}
	if err := c.checkCredentials(); err != nil {
		return err
	}
	return c.checkServers()
}

// checkServers refuses tables that can't be told apart or lead nowhere. What a
// name and an address may be is seen when they are recorded.
func (c Config) checkServers() error {
	seen := map[string]bool{}
	for i, s := range c.Servers {
		switch {
		case s.Name == "":
			return refuse(fmt.Sprintf("number %d has no name", i+1), "servers")
		case s.Address == "":
			return refuse(s.Name+" has no address", "servers")
		case s.Port < 0 || s.Port > 65535:
			return refuse(s.Name+" has a port that is not from 1 to 65535", "servers")
		case seen[s.Name]:
			return refuse(s.Name+" is there twice", "servers")
		}
		seen[s.Name] = true
	}
	return nil
}

func isHostPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	n, numberErr := strconv.ParseUint(port, 10, 16)
	return err == nil && numberErr == nil && n > 0 && host != ""
}

func refuse(reason string, key ...string) error { return &invalid{key, reason} }

// Expand makes the paths in the settings absolute: "~/" at the beginning is
// the home folder. Where the home folder is not known, known_hosts files and the
// configuration of ssh in it are left out, and other paths in it are an error.
func (c Config) Expand(home string) (Config, error) {
	files := []string{} // not nil, which would mean the usual ones
	for _, f := range c.SSH.KnownHosts {
		if path, err := expand(f, home); err == nil {
			files = append(files, path)
		}
	}
	c.SSH.KnownHosts = files
	if path, err := expand(c.SSH.Config, home); err == nil {
		c.SSH.Config = path
	} else {
		c.SSH.Config = "none" // there is no home to look in
	}
	paths := []*string{&c.SSH.AgentSocket, &c.Server.Key, &c.Alerts.PasswordFile, &c.Secrets.KeyFile}
	c.Credentials = slices.Clone(c.Credentials)
	for i := range c.Credentials {
		paths = append(paths, &c.Credentials[i].Key)
	}
	for _, path := range paths {
		var err error
		if *path, err = expand(*path, home); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

func expand(path, home string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path, nil
	}
	if home == "" {
		return "", fmt.Errorf("find %s: HOME is not set", path)
	}
	return filepath.Join(home, rest), nil
}
