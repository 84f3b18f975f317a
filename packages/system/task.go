package system

import (
	"fmt"
	"regexp"
	"strconv"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Task is a command that is run at certain times. A server may have many.
type Task struct{}

const (
	taskNameOption   = "name"
	commandOption    = "command"
	frequencyOption  = "frequency"
	expressionOption = "expression"
	userOption       = "user"
	timeoutOption    = "timeout"
	overlapOption    = "overlap"
)

// byExpression is the frequency of a task whose times an expression says.
const byExpression = "expression"

// expressions returns the cron expression of each named frequency.
func expressions() map[string]string {
	return map[string]string{
		"every-minute": "* * * * *",
		"hourly":       "0 * * * *",
		"daily":        "0 0 * * *",
		"weekly":       "0 0 * * 0",
		"monthly":      "0 0 1 * *",
	}
}

// Name returns "scheduled-task".
func (Task) Name() packages.Name { return "scheduled-task" }

// Type returns the category of the system.
func (Task) Type() packages.Type { return packages.System }

// Credential returns root.
func (Task) Credential() packages.Credential { return packages.Root() }

// Describe tells of the task.
func (Task) Describe() packages.Description {
	return packages.Description{
		Title:    "Scheduled task",
		Summary:  "runs a command at certain times and keeps what came of it; a server may have many",
		Requires: []packages.Name{schedulerName},
		Instance: func(v packages.Values) string { return v[taskNameOption] },
		Options: []packages.Option{
			{
				Name: taskNameOption, Label: "Name", Kind: packages.Text, Required: true,
				Help: "what it is known by on the server, such as backup", Validate: acceptName,
			},
			{
				Name: commandOption, Label: "Command", Kind: packages.Text, Required: true,
				Help: "a line of shell; it is recorded as it is, so it is no place for a secret", Validate: acceptCommand,
			},
			{
				Name: frequencyOption, Label: "How often", Kind: packages.Choice, Default: "daily", Required: true,
				Choices: []string{"every-minute", "hourly", "daily", "weekly", "monthly", byExpression},
				Help:    "at minute 0, at midnight, on Sundays, on the first of a month; or by an expression",
			},
			{
				Name: expressionOption, Label: "Expression", Kind: packages.Text,
				Help: "cron's five fields, such as */10 8-18 * * 1-5; in the server's time zone", Validate: acceptExpression,
			},
			{
				Name: userOption, Label: "User", Kind: packages.Text,
				Help: "who runs it; empty means the app user", Validate: acceptUser,
			},
			{
				Name: timeoutOption, Label: "Longest time", Kind: packages.Number, Default: "3600", Required: true, Min: 0, Max: 7 * 24 * 3600,
				Help: "seconds after which it is ended; 0 means never",
			},
			{
				Name: overlapOption, Label: "May overlap", Kind: packages.YesNo, Default: "no",
				Help: "begins also while its last run still goes on",
			},
			packages.SiteOption(),
		},
	}
}

// instancePattern is what tasks and programs are named by: cron leaves out files
// with a dot in their names, see cron(8).
var instancePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

func acceptName(value string) error {
	if !instancePattern.MatchString(value) {
		return fmt.Errorf("is not a name: it starts with a-z and goes on with a-z, 0-9 and -, 32 characters at most")
	}
	return nil
}

// maxCommand is the longest command, in characters.
const maxCommand = 2000

func acceptCommand(value string) error {
	if utf8.RuneCountInString(value) > maxCommand {
		return fmt.Errorf("is longer than %d characters: put it into a script on the server", maxCommand)
	}
	return nil
}

func acceptUser(value string) error {
	if value == "root" {
		return nil
	}
	return acceptLogin(value)
}

// runsAs returns the login that the options choose: the app user where none is
// named.
func runsAs(ctx packages.Context) string {
	if user := ctx.Values[userOption]; user != "" {
		return user
	}
	if record, ok := ctx.Installs(packages.Base); ok && record.Configuration[appUserOption] != "" {
		return record.Configuration[appUserOption]
	}
	return packages.DefaultAppUser
}

// needUser returns the command that refuses a user that the server has not.
func needUser(login string) packages.Run {
	return packages.Run{
		Title:  "refuse if there is no user " + login,
		Script: fmt.Sprintf("echo %s >&2\nexit 1", shellescape.Quote("there is no user "+login+" on this server: make it first")),
		Check:  fmt.Sprintf("getent passwd %s >/dev/null", shellescape.Quote(login)),
	}
}

// when returns the cron expression that the options choose.
func when(v packages.Values) (string, error) {
	frequency, expression := v[frequencyOption], v[expressionOption]
	switch {
	case frequency == byExpression && expression == "":
		return "", &packages.OptionError{Package: Task{}.Name(), Option: expressionOption, Reason: "a value is needed"}
	case frequency == byExpression:
		return expression, nil
	case expression != "":
		return "", &packages.OptionError{
			Package: Task{}.Name(), Option: frequencyOption, Value: frequency,
			Reason: "is not by expression, though one is given: choose frequency=expression, or leave the expression away",
		}
	}
	return expressions()[frequency], nil
}

// Belongs reports whether the task runs as a site's own user.
func (Task) Belongs(ctx packages.SiteContext, place packages.SitePlace) bool {
	return place.Own && ctx.Values[userOption] == place.User
}

// Probe is empty: the records tell which tasks there are.
func (Task) Probe() string { return "" }

// Install returns the commands that add the task. The command stands in a file
// of its own and not in cron's, which reads % and quotes in ways of its own.
func (Task) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	expression, err := when(ctx.Values)
	if err != nil {
		return nil, err
	}
	name, user := ctx.Values[taskNameOption], runsAs(ctx)
	if err := acceptUser(user); err != nil {
		return nil, fmt.Errorf("the user %q %w", user, err)
	}
	seconds, err := strconv.Atoi(ctx.Values[timeoutOption])
	if err != nil {
		return nil, fmt.Errorf("the longest time %q is no number", ctx.Values[timeoutOption])
	}
	overlap := "no"
	if ctx.Values.Yes(overlapOption) {
		overlap = "yes"
	}
	folder := packages.TasksFolder + "/" + name
	readable := "printf '%s\\n' " + shellescape.Quote(ctx.Values[commandOption]) + " | sh -n"
	return []packages.Command{
		packages.Track{Name: "prepare_task", Label: "Preparing task"},
		needUser(user),
		packages.Run{Title: "refuse a command that the shell can't read", Script: readable, Check: readable},
		packages.Run{Script: "install -d -m 0700 " + folder, Check: "[ -d " + folder + " ]"},
		packages.Track{Name: "add_task", Label: "Adding task"},
		// Opened by root, read by the user.
		packages.Write{Path: folder + "/command", Content: ctx.Values[commandOption] + "\n"},
		packages.Write{Path: folder + "/settings", Content: fmt.Sprintf("%s %d %s\n", user, seconds, overlap), Mode: 0o600},
		packages.Write{Path: taskCron(name), Content: fmt.Sprintf(`# Written by BrokeForge, which writes it again when the task is installed again.
# %[1]s/command is what is run.
%[2]s root %[3]s %[4]s
`, folder, expression, taskRunner, name)},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Script: "systemctl is-active cron", IfChanged: true},
		packages.Persist{},
	}, nil
}

func taskCron(name string) string { return "/etc/cron.d/brokeforge-task-" + name }

// Remove returns the commands that take the task away, with what is kept of its
// runs. One that goes on ends by itself.
func (Task) Remove(ctx packages.Context) ([]packages.Command, error) {
	name := ctx.Values[taskNameOption]
	if err := acceptName(name); err != nil {
		return nil, fmt.Errorf("the record of the task is damaged: the name %q %w", name, err)
	}
	folder := packages.TasksFolder + "/" + name
	return []packages.Command{
		packages.Track{Name: "remove_task", Label: "Removing task"},
		packages.Run{Script: "rm -f " + taskCron(name), Check: "[ ! -e " + taskCron(name) + " ]"},
		packages.Run{
			Title:  "remove the task and what is kept of its runs",
			Script: "rm -rf " + folder,
			Check:  "[ ! -e " + folder + " ]",
		},
		packages.Forget{},
	}, nil
}
