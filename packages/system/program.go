package system

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Program is a program that supervisor keeps running. A server may have many.
type Program struct{}

const (
	directoryOption   = "directory"
	processesOption   = "processes"
	restartOption     = "restart"
	environmentOption = "environment"
	stopSignalOption  = "stop-signal"
	startOption       = "start-seconds"
)

// restarts returns what supervisor calls each choice of when a program is
// started again.
func restarts() map[string]string {
	return map[string]string{"always": "true", "on-failure": "unexpected", "never": "false"}
}

// Name returns "program".
func (Program) Name() packages.Name { return "program" }

// Type returns the category of the system.
func (Program) Type() packages.Type { return packages.System }

// Credential returns root.
func (Program) Credential() packages.Credential { return packages.Root() }

// Describe tells of the program.
func (Program) Describe() packages.Description {
	return packages.Description{
		Title:    "Program",
		Summary:  "a program that supervisor keeps running; a server may have many",
		Requires: []packages.Name{supervisorName},
		Instance: func(v packages.Values) string { return v[taskNameOption] },
		Options: []packages.Option{
			{
				Name: taskNameOption, Label: "Name", Kind: packages.Text, Required: true,
				Help: "what it is known by on the server, such as queue", Validate: acceptName,
			},
			{
				Name: commandOption, Label: "Command", Kind: packages.Text, Required: true,
				Help: "a program with its arguments, quoted as in a shell; a shell itself is sh -c '…'", Validate: acceptProgram,
			},
			{
				Name: directoryOption, Label: "Folder", Kind: packages.Text,
				Help: "where it runs; empty means /", Validate: acceptDirectory,
			},
			{
				Name: userOption, Label: "User", Kind: packages.Text,
				Help: "who runs it; empty means the app user", Validate: acceptUser,
			},
			{
				Name: processesOption, Label: "Processes", Kind: packages.Number, Default: "1", Required: true, Min: 1, Max: 64,
				Help: "how many of it run side by side",
			},
			{
				Name: restartOption, Label: "Restart", Kind: packages.Choice, Default: "always", Required: true,
				Choices: []string{"always", "on-failure", "never"}, Help: "when it is started again after it ended",
			},
			{
				Name: environmentOption, Label: "Environment", Kind: packages.Text,
				Help: "NAME=VALUE by spaces, quoted as in a shell; no place for secrets, as it is recorded", Validate: acceptEnvironment,
			},
			{
				Name: stopSignalOption, Label: "Stop signal", Kind: packages.Choice, Default: "TERM", Required: true,
				Choices: []string{"TERM", "INT", "QUIT", "HUP", "USR1", "USR2", "KILL"}, Help: "asks it to end; after 10 seconds it is killed",
			},
			{
				Name: startOption, Label: "Start seconds", Kind: packages.Number, Default: "1", Required: true, Min: 0, Max: 600,
				Help: "how long it must run to count as started",
			},
			packages.SiteOption(),
		},
	}
}

func acceptProgram(value string) error {
	if err := acceptCommand(value); err != nil {
		return err
	}
	list, err := words(value)
	switch {
	case err != nil:
		return err
	case len(list) == 0 || list[0] == "":
		return fmt.Errorf("names no program")
	}
	return nil
}

func acceptDirectory(value string) error {
	switch {
	case !path.IsAbs(value):
		return fmt.Errorf("is not an absolute path")
	case path.Clean(value) != value:
		return fmt.Errorf("is not in its short form: say %s", path.Clean(value))
	case len(value) > 1000:
		return fmt.Errorf("is longer than 1000 bytes")
	}
	_, err := confText(value)
	return err
}

func acceptEnvironment(value string) error {
	if err := acceptCommand(value); err != nil {
		return err
	}
	list, err := words(value)
	if err != nil {
		return err
	}
	_, err = confEnvironment(list)
	return err
}

// Probe is empty: the records tell which programs there are.
func (Program) Probe() string { return "" }

// label is what supervisor knows the program by. The name in front keeps it
// apart from programs of others, which supervisor would join with it.
func label(name string) string { return "brokeforge-" + name }

// Belongs reports whether the program runs as a site's own user, or in its folder.
func (Program) Belongs(ctx packages.SiteContext, place packages.SitePlace) bool {
	return place.Own && ctx.Values[userOption] == place.User ||
		place.Root != "" && strings.HasPrefix(path.Clean(ctx.Values[directoryOption])+"/", place.Root+"/")
}

// Install returns the commands that add the program.
func (Program) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	user := runsAs(ctx)
	if err := acceptUser(user); err != nil {
		return nil, fmt.Errorf("the user %q %w", user, err)
	}
	conf, err := programConf(ctx.Values, user)
	if err != nil {
		return nil, err
	}
	name := ctx.Values[taskNameOption]
	commands := []packages.Command{
		packages.Track{Name: "prepare_program", Label: "Preparing program"},
		needUser(user),
	}
	if folder := ctx.Values[directoryOption]; folder != "" {
		commands = append(commands, needFolder(folder))
	}
	return append(commands,
		packages.Write{Path: staged(name), Content: conf},
		packages.Track{Name: "add_program", Label: "Adding program"},
		packages.Run{Title: "have supervisor read the program, and put the former one back if it is refused", Script: take(name), Check: taken(name)},
		packages.Run{Title: "start what does not run", Script: "supervisorctl start '" + label(name) + ":*'", Check: runs(name)},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that it runs", Script: verifyProgram(ctx.Values), IfChanged: true},
		packages.Persist{},
	), nil
}

// programConf writes the program as supervisor reads it.
func programConf(v packages.Values, user string) (string, error) {
	list, err := words(v[commandOption])
	if err != nil {
		return "", fmt.Errorf("the command %w", err)
	}
	processes, err := strconv.Atoi(v[processesOption])
	if err != nil {
		return "", fmt.Errorf("the number of processes %q is none", v[processesOption])
	}
	log := "/var/log/supervisor/" + label(v[taskNameOption])
	var b strings.Builder
	b.WriteString("; Written by BrokeForge, which writes it again when the program is installed again.\n")
	fmt.Fprintf(&b, "[program:%s]\ncommand=%s\n", label(v[taskNameOption]), confCommand(list))
	if processes > 1 {
		b.WriteString("process_name=%(program_name)s_%(process_num)02d\n")
		log += "_%(process_num)02d"
	}
	if v[directoryOption] != "" {
		folder, err := confText(v[directoryOption])
		if err != nil {
			return "", fmt.Errorf("the folder %w", err)
		}
		fmt.Fprintf(&b, "directory=%s\n", folder)
	}
	environmentWords, err := words(v[environmentOption])
	if err != nil {
		return "", fmt.Errorf("the environment %w", err)
	}
	environment, err := confEnvironment(environmentWords)
	if err != nil {
		return "", fmt.Errorf("the environment %w", err)
	}
	if environment != "" {
		fmt.Fprintf(&b, "environment=%s\n", environment)
	}
	fmt.Fprintf(&b, `user=%s
numprocs=%d
autostart=true
autorestart=%s
startsecs=%s
stopsignal=%s
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile=%s.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=5
`, user, processes, restarts()[v[restartOption]], v[startOption], v[stopSignalOption], log)
	return b.String(), nil
}
