package system

import (
	_ "embed"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Scheduler is what scheduled tasks run by: cron, as Debian packages it, and a
// script of ours that runs a task and keeps what came of it.
type Scheduler struct{}

// schedulerName is the package that tasks require.
const schedulerName packages.Name = "scheduler"

// taskRunner is the script that runs a task.
const taskRunner = packages.TasksFolder + "/run-task"

//go:embed task.sh
var taskScript string

// Name returns "scheduler".
func (Scheduler) Name() packages.Name { return schedulerName }

// Type returns the category of the system.
func (Scheduler) Type() packages.Type { return packages.System }

// Credential returns root.
func (Scheduler) Credential() packages.Credential { return packages.Root() }

// Describe tells of the scheduler.
func (Scheduler) Describe() packages.Description {
	return packages.Description{
		Title:    "Scheduler (cron)",
		Summary:  "runs scheduled tasks and keeps what came of them",
		Requires: []packages.Name{packages.Base},
	}
}

// Probe tells whether cron is installed and runs.
func (Scheduler) Probe() string { return apt.Probe("cron", "cron") }

// Install returns the commands that install cron and the script.
func (s Scheduler) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	software, err := apt.Install(s.Name(), "cron")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{packages.Track{Name: "install_software", Label: "Installing software"}}, software...)
	return append(commands,
		packages.Track{Name: "configure_scheduler", Label: "Configuring scheduler"},
		packages.Run{
			Script: "install -d -m 0700 " + packages.TasksFolder,
			Check:  "[ -d " + packages.TasksFolder + " ]",
		},
		packages.Write{Path: taskRunner, Content: taskScript, Mode: 0o755},
		packages.Track{Name: "start_service", Label: "Starting service"},
		apt.Start("cron"),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Script: "systemctl is-active cron", IfChanged: true},
		packages.Persist{Version: apt.Version("cron")},
	), nil
}

// Remove returns the commands that take the scheduler away. A cron that was on
// the server before stays, and so do the tasks of others.
func (s Scheduler) Remove(packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeAdded(s.Name(), "cron")
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		packages.Run{
			Script: "rm -f " + taskRunner + "\nrmdir --ignore-fail-on-non-empty " + packages.TasksFolder,
			Check:  "[ ! -e " + taskRunner + " ] && [ ! -e " + packages.TasksFolder + " ]",
		},
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}
	return append(append(commands, software...), packages.Forget{}), nil
}

// Release returns the commands that take away what BrokeForge has brought to
// a cron that was there before: Remove leaves all else.
func (s Scheduler) Release(ctx packages.Context) ([]packages.Command, error) { return s.Remove(ctx) }
