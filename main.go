// BrokeForge is a terminal program that installs and manages software on Debian
// and Ubuntu servers over SSH.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"brokeforge/cmd"
	"brokeforge/cmd/config"
	"brokeforge/packages/apt"
	"brokeforge/packages/catalog"
	"brokeforge/packages/job"
	"brokeforge/packages/job/inventory"
	"brokeforge/packages/job/notify"
	"brokeforge/sshrun"
	"brokeforge/store"
	"brokeforge/ui"
	"brokeforge/ui/term"
)

// version is set by the build.
var version = ""

func main() {
	// What is written is for this user alone.
	syscall.Umask(0o077)
	os.Exit(cmd.Main(context.Background(), os.Args[1:], cmd.Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv, Now: time.Now, UTF8: term.UTF8(os.Environ()), Version: versionOf(version),
		Catalog: catalog.New(), Open: open, Patience: 2 * time.Second,
		Copy:    func(ctx context.Context, text string) error { return term.Copy(ctx, os.Environ(), text) },
		CanShow: func() error { return term.Check(os.Stdin, os.Stdout, os.Environ()) },
	}))
}

// versionOf returns the version that the build has set or, without one, the
// revision that the Go tool has noted.
func versionOf(set string) string {
	if set != "" {
		return set
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}

// open opens the state folder and puts an engine to work on it.
func open(_ context.Context, s cmd.Settings) (*cmd.Session, error) {
	by := loginName(os.Getenv)
	known, err := s.Config.AddStacks(catalog.New(catalog.Repositories(s.Config.Repositories.Over(apt.Known()))))
	if err != nil {
		return nil, err
	}
	db, err := store.Open(s.StateDir, store.Options{By: by, Vault: store.Vault{
		KeyFile: s.Config.Secrets.KeyFile, Wrap: s.Config.Secrets.Passphrase, Passphrase: s.Passphrase,
	}})
	if err != nil {
		return nil, err
	}
	notice, err := lostSecrets(db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	file, err := openLog(filepath.Join(db.Dir(), "brokeforge.log"))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	settings := s.Config.File
	if settings == "" {
		settings, _ = config.File(os.Getenv) // without a place it has no name
	}
	questions := job.NewQuestions()
	pool := sshrun.NewPool(sshrun.Options{
		KnownHosts: s.Config.SSH.KnownHosts, AgentSocket: s.Config.SSH.AgentSocket, SSHConfig: sshConfig(s.Config.SSH.Config),
		DialTimeout: s.Config.SSH.DialTimeout, KeepAlive: s.Config.SSH.KeepAlive, Asker: questions,
		Port: s.Config.Server.Port, User: s.Config.Server.User, KeyFile: s.Config.Server.Key,
	})
	engine := job.New(job.Config{
		Store: db, Catalog: known,
		Connector: job.Pool(pool), Questions: questions,
		Credentials: s.Config.JobCredentials(), SettingsFile: settings,
		Parallel: s.Config.Parallel, Notifier: sender(s.Config.Alerts), By: by, Log: slog.New(slog.NewTextHandler(file, nil)),
	})
	release := sync.OnceValue(func() error {
		return errors.Join(engine.Close(), db.Close(), file.Close())
	})
	return &cmd.Session{
		Engine:  sessionEngine{engine},
		Release: release,
		Notice:  notice,
		Screens: func(ctx context.Context) error {
			if err := unlock(ctx, db); err != nil {
				return err
			}
			return showScreens(ctx, s, engine, by)
		},
		Close: func() error {
			return errors.Join(release(), pool.Close())
		},
	}, nil
}

// lostSecrets says what is lost where the key of the secrets is not here.
func lostSecrets(db *store.DB) (string, error) {
	lost, err := db.Lost()
	if lost == nil {
		return "", err
	}
	return lost.Error(), nil
}

// unlock asks for the passphrase of the secrets, if they have one, while there is
// still a terminal to ask on.
func unlock(ctx context.Context, db *store.DB) error {
	locked, err := db.Locked()
	if err != nil || !locked {
		return nil // what is wrong with the key is told where it is needed
	}
	return db.Unlock(ctx)
}

// sshConfig returns the files of ssh's configuration: the one that the settings
// name, and that of the system.
func sshConfig(file string) []string {
	if file == "none" {
		return []string{}
	}
	return []string{file, "/etc/ssh/ssh_config"}
}

// sessionEngine is an engine as the commands want it.
type sessionEngine struct{ *job.Engine }

func (e sessionEngine) Subscribe() cmd.Subscription { return e.Engine.Subscribe() }

// sender is what tells people of alerts.
func sender(c config.Alerts) notify.Sender {
	from := c.From
	if from == "" {
		host, err := os.Hostname()
		if err != nil {
			host = "localhost" // the name of the sender is not worth an end
		}
		from = "brokeforge@" + host
	}
	return notify.Sender{SMTP: c.SMTP, From: from, User: c.User, PasswordFile: c.PasswordFile}
}

// loginName is who works with this program: behind sudo, who called it.
func loginName(getenv func(string) string) string {
	uid := os.Geteuid()
	if by := getenv("SUDO_USER"); uid == 0 && by != "" && !strings.ContainsFunc(by, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return by
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return strconv.Itoa(uid)
}

// maxLog is the size in bytes at which a log is put aside.
const maxLog = 1 << 20

// openLog opens the program's own log, which holds what is of no use on a
// screen. The one before it is kept.
func openLog(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxLog {
		err = os.Rename(path, path+".1")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("put the log %s aside: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return file, nil
}

// sshHosts reads the hosts of ~/.ssh/config, of which there may be none.
func sshHosts() (inventory.List, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return inventory.List{}, nil // then there is no such file
	}
	list, err := inventory.SSHConfig(filepath.Join(home, ".ssh", "config"), home)
	if errors.Is(err, fs.ErrNotExist) {
		return inventory.List{}, nil
	}
	return list, err
}

// showScreens shows the screens until they are left.
func showScreens(ctx context.Context, s cmd.Settings, engine *job.Engine, by string) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find the name of this machine: %w", err)
	}
	environ := os.Environ()
	if s.Config.Screen.ASCII == "never" {
		environ = append(environ, "LC_ALL=C.UTF-8") // of several, the last counts
	}
	engine.StartMonitor()
	err = ui.Run(ctx, ui.Options{
		Engine: engine, Environ: environ, By: by, Host: host,
		Hosts: sshHosts,
		Mouse: s.Config.Screen.Mouse, Theme: s.Config.Screen.Theme, ASCII: s.Config.Screen.ASCII == "always",
	})
	var end *term.SignalError
	if errors.As(err, &end) {
		return &cmd.SignalError{Signal: end.Signal}
	}
	return err
}
