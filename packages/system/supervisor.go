package system

import (
	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Supervisor is supervisor, as Debian packages it: it starts programs, and starts
// them again when they end.
type Supervisor struct{}

// supervisorName is the package that programs require.
const supervisorName packages.Name = "supervisor"

// programs is where programs stand before supervisor is shown them.
const programs = apt.Folder + "/programs"

// Name returns "supervisor".
func (Supervisor) Name() packages.Name { return supervisorName }

// Type returns the category of the system.
func (Supervisor) Type() packages.Type { return packages.System }

// Credential returns root.
func (Supervisor) Credential() packages.Credential { return packages.Root() }

// Describe tells of supervisor.
func (Supervisor) Describe() packages.Description {
	return packages.Description{
		Title:    "Supervisor",
		Summary:  "keeps programs running, such as queue workers",
		Requires: []packages.Name{packages.Base},
	}
}

// Probe tells whether supervisor is installed and runs.
func (Supervisor) Probe() string { return apt.Probe("supervisor", "supervisor") }

// Install returns the commands that install supervisor.
func (s Supervisor) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	software, err := apt.Install(s.Name(), "supervisor")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{packages.Track{Name: "install_software", Label: "Installing software"}}, software...)
	return append(commands,
		packages.Run{Script: "install -d -m 0700 " + programs, Check: "[ -d " + programs + " ]"},
		packages.Track{Name: "start_service", Label: "Starting service"},
		apt.Start("supervisor"),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "see that supervisor answers",
			Script: `tries=0
until supervisorctl pid; do
	tries=$((tries + 1))
	[ "$tries" -lt 20 ] || exit 1
	sleep 0.2
done`,
			IfChanged: true,
		},
		packages.Persist{Version: apt.Version("supervisor")},
	), nil
}

// foreign passes where supervisor would stay, or has no programs of others.
const foreign = `[ ! -e ` + apt.Folder + `/added/supervisor ] ||
! grep -qx supervisor ` + apt.Folder + `/added/supervisor ||
[ -z "$(find /etc/supervisor/conf.d -name '*.conf' ! -name 'brokeforge-*')" ]`

// Remove returns the commands that take supervisor away. One that was on the
// server before stays. It is refused while supervisor has programs of others.
func (s Supervisor) Remove(packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeAdded(s.Name(), "supervisor")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{
		packages.Track{Name: "prepare_removal", Label: "Preparing removal"},
		packages.Run{
			Title: "refuse if supervisor has programs of others",
			Script: `ls /etc/supervisor/conf.d
echo "supervisor runs programs that BrokeForge did not make: take their files out of /etc/supervisor/conf.d first; nothing was removed" >&2
exit 1`,
			Check: foreign,
		},
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}, software...)
	return append(commands,
		packages.Run{
			Script: "rmdir --ignore-fail-on-non-empty " + programs,
			Check:  "[ ! -e " + programs + " ]",
		},
		packages.Forget{},
	), nil
}

// Release returns the commands that take away what BrokeForge has brought to
// a supervisor that was there before: Remove leaves all else.
func (s Supervisor) Release(ctx packages.Context) ([]packages.Command, error) { return s.Remove(ctx) }
