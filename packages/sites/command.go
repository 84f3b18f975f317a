package sites

import (
	"fmt"
	"strconv"
	"time"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
)

// Command is a command that is run in a site's folder as the site's user. Each time
// is kept, also of one that fails.
type Command struct{}

const (
	// maxCommand is how many bytes a command may have.
	maxCommand = 4096
	// commandTimeout is how many seconds a command has unless one says otherwise.
	commandTimeout = 120
)

// Name returns "command".
func (Command) Name() packages.Name { return packages.CommandName }

// Type returns the category of sites.
func (Command) Type() packages.Type { return packages.SiteType }

// Credential returns that of the app user, for want of a site; CredentialOn says
// whose it is.
func (Command) Credential() packages.Credential { return packages.User(packages.DefaultAppUser) }

// CredentialOn returns that of the site's user.
func (Command) CredentialOn(ctx packages.SiteContext) packages.Credential {
	return packages.User(layoutOf(ctx).user)
}

// Describe tells of the command.
func (Command) Describe() packages.Description {
	return packages.Description{
		Title:    "Command",
		Summary:  "a command that is run in the site's folder as its user; what came of each is kept",
		Requires: []packages.Name{siteName},
		Does:     "run command",
		Options: []packages.Option{
			{
				Name: packages.CommandOption, Label: "Command", Kind: packages.Text, Required: true,
				Help: "as a shell reads it, on one line; no place for secrets, as it is recorded", Validate: acceptCommand,
			},
			{
				Name: timeoutOption, Label: "Time limit", Kind: packages.Number, Default: strconv.Itoa(commandTimeout), Required: true, Min: 1, Max: 86400,
				Help: "in seconds; then it is ended, and has failed",
			},
		},
	}
}

func acceptCommand(value string) error {
	if len(value) > maxCommand {
		return fmt.Errorf("is longer than %d bytes", maxCommand)
	}
	return nil
}

// Install returns the commands that run it once.
func (Command) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	seconds, err := strconv.Atoi(ctx.Values[timeoutOption])
	if err != nil {
		return nil, fmt.Errorf("the time limit %q is no number", ctx.Values[timeoutOption])
	}
	command := ctx.Values[packages.CommandOption]
	folder := shellescape.Quote(layoutOf(ctx).current())
	return []packages.Command{
		packages.Track{Name: "run_command", Label: "Running the command"},
		packages.Run{
			Title: shortened(command, 120),
			// A shell of its own, so that what is wrong with the command is not
			// taken for wrong with the script.
			Script:  "cd " + folder + " || exit\nexec sh -c " + shellescape.Quote(command),
			Timeout: time.Duration(seconds) * time.Second,
		},
		packages.Persist{History: true, Failures: true},
	}, nil
}

// Remove returns the command that forgets the history.
func (Command) Remove(packages.SiteContext) ([]packages.Command, error) {
	return []packages.Command{
		packages.Track{Name: "forget_commands", Label: "Forgetting its commands"},
		packages.Forget{},
	}, nil
}

// shortened cuts a line to so many characters.
func shortened(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
