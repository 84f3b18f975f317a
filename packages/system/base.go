// Package system holds the packages of a server itself.
package system

import (
	"fmt"
	"regexp"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Base prepares a server: what every other package and the engine need there.
type Base struct{}

// What base's options are called.
const (
	appUserOption    = packages.AppUserOption
	workerUserOption = "worker-user"
)

// ours is the folder that remembers which accounts base has made.
const ours = apt.Folder + "/accounts"

// Name returns "base".
func (Base) Name() packages.Name { return packages.Base }

// Type returns the category of the system.
func (Base) Type() packages.Type { return packages.System }

// Credential returns root.
func (Base) Credential() packages.Credential { return packages.Root() }

// Describe tells of base.
func (Base) Describe() packages.Description {
	return packages.Description{
		Title:   "Base",
		Summary: "prepares a server: the users of sites and tasks with SSH keys, folders, curl, certificates",
		Options: append([]packages.Option{
			{
				Name: appUserOption, Label: "App user", Kind: packages.Text, Default: packages.DefaultAppUser, Required: true,
				Help: "owns the sites; one that exists is taken as it is", Validate: acceptLogin,
			},
			{
				Name: workerUserOption, Label: "Worker user", Kind: packages.Text, Default: packages.DefaultWorkerUser, Required: true,
				Help: "fetches from git servers and the like; one that exists is taken as it is", Validate: acceptLogin,
			},
		}, extraOptions()...),
	}
}

// What adduser(8) of Debian takes by its NAME_REGEX, with the limit of
// useradd(8).
var loginPattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

func acceptLogin(name string) error {
	switch {
	case !loginPattern.MatchString(name):
		return fmt.Errorf("is not a user name: it starts with a-z and goes on with a-z, 0-9, - and _, 32 characters at most")
	case name == "root":
		return fmt.Errorf("may not be root")
	}
	return nil
}

// Probe tells whether base's folder is there.
func (Base) Probe() string {
	return "[ -d " + apt.Folder + "/accounts ]"
}

// tools are what other packages and the engine use.
var tools = []string{"ca-certificates", "curl", "iproute2", "procps", "util-linux"}

// Install returns the commands that prepare the server.
func (Base) Install(ctx packages.Context) ([]packages.Command, error) {
	app, worker := ctx.Values[appUserOption], ctx.Values[workerUserOption]
	if app == worker {
		return nil, fmt.Errorf("the app user and the worker user may not be the same: %q", app)
	}
	software, err := apt.Install(packages.Base, tools...)
	if err != nil {
		return nil, err
	}
	if ctx.Facts.OS.ID != "debian" && ctx.Facts.OS.ID != "ubuntu" {
		return nil, fmt.Errorf("this server runs %s: only Debian and Ubuntu are supported", ctx.Facts.OS)
	}
	appKey, workerKey := newKey(ctx.Server, app), newKey(ctx.Server, worker)
	extras, err := installExtras(ctx)
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{packages.Track{Name: "prepare_system", Label: "Preparing system"}}, software...)
	commands = append(commands,
		packages.Track{Name: "create_users", Label: "Creating users"},
		packages.Run{
			Script: "install -d -m 0700 " + ours,
			Check:  "[ -d " + ours + " ]",
		},
		makeUser(app, "/bin/bash"),
		makeUser(worker, "/usr/sbin/nologin"),
		packages.Track{Name: "make_keys", Label: "Making SSH keys"},
		packages.Make{Secret: appKey.secret, Comment: appKey.comment},
		appKey.install(),
		packages.Make{Secret: workerKey.secret, Comment: workerKey.comment},
		workerKey.install(),
	)
	commands = append(commands, extras...)
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title:     "see that both users work",
			Script:    fmt.Sprintf("runuser -u %s -- true &&\nrunuser -u %s -- true", shellescape.Quote(app), shellescape.Quote(worker)),
			IfChanged: true,
		},
		packages.Persist{},
		appKey.record(),
		workerKey.record(),
	), nil
}

// makeUser makes an account without a password, and remembers that it did.
func makeUser(name, shell string) packages.Run {
	quoted := shellescape.Quote(name)
	return packages.Run{
		Title: "make the user " + name,
		Script: fmt.Sprintf(`touch %[3]s/%[1]s &&
if getent group %[1]s >/dev/null; then
	useradd --create-home --shell %[2]s --gid %[1]s %[1]s
else
	useradd --create-home --shell %[2]s --user-group %[1]s
fi`, quoted, shell, ours),
		Check: fmt.Sprintf("getent passwd %s >/dev/null", quoted),
	}
}

// Remove returns the commands that take away what base has made, but for home
// folders and the logs of runs.
func (Base) Remove(ctx packages.Context) ([]packages.Command, error) {
	var keys, users []packages.Command
	commands, err := removeExtras(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{ctx.Values[appUserOption], ctx.Values[workerUserOption]} {
		if acceptLogin(name) != nil {
			continue
		}
		keys = append(keys, newKey(ctx.Server, name).remove())
		users = append(users, removeUser(name))
	}
	if len(users) > 0 {
		commands = append(commands, packages.Track{Name: "remove_keys", Label: "Removing SSH keys"})
		commands = append(commands, keys...)
		commands = append(commands, packages.Track{Name: "remove_users", Label: "Removing users"})
		commands = append(commands, users...)
	}
	return append(commands,
		packages.Track{Name: "clean_up", Label: "Cleaning up"},
		packages.Run{
			Title: "remove BrokeForge's files, but for the logs of runs",
			Script: fmt.Sprintf(`rm -rf %[1]s/accounts %[1]s/added %[1]s/apt %[1]s/apt-updated %[1]s/ssh-undo %[1]s/written
echo "the logs of runs stay in %[1]s/runs"`, apt.Folder),
			Check: fmt.Sprintf("[ ! -e %[1]s/accounts ] && [ ! -e %[1]s/added ] && [ ! -e %[1]s/apt ]", apt.Folder),
		},
		packages.Forget{},
	), nil
}

// removeUser removes an account that base has made. Its home folder stays.
func removeUser(name string) packages.Run {
	quoted := shellescape.Quote(name)
	return packages.Run{
		Title: "remove the user " + name + ", and keep the home folder",
		Script: fmt.Sprintf(`home=$(getent passwd %[1]s | cut -d: -f6)
if getent passwd %[1]s >/dev/null; then
	userdel %[1]s || exit 1
	echo "the files of %[1]s stay in $home"
fi
rm -f %[2]s/%[1]s`, quoted, ours),
		Check: fmt.Sprintf("[ ! -e %s/%s ]", ours, quoted),
	}
}
