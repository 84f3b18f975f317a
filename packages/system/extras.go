package system

import (
	"slices"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// extraOptions are those of base's options that are off unless asked for.
func extraOptions() []packages.Option {
	return slices.Concat(timeZoneOptions(), swapOptions(), updatesOptions(), hardeningOptions())
}

// installExtras returns the commands of base's options that may be off, sshd
// last: what fails before leaves logins as they are.
func installExtras(ctx packages.Context) ([]packages.Command, error) {
	var commands, off []packages.Command
	for _, extra := range []func(packages.Context) ([]packages.Command, error){swap, timeZone, updates} {
		part, err := extra(ctx)
		if err != nil {
			return nil, err
		}
		if _, on := first(part).(packages.Track); on {
			commands = append(commands, part...)
		} else {
			off = append(off, part...)
		}
	}
	if len(off) > 0 {
		commands = append(commands, packages.Track{Name: "switch_off", Label: "Switching off what is not wanted"})
		commands = append(commands, off...)
	}
	ssh, err := harden(ctx)
	if err != nil {
		return nil, err
	}
	return append(commands, ssh...), nil
}

func first(commands []packages.Command) packages.Command {
	if len(commands) == 0 {
		return nil
	}
	return commands[0]
}

// ifRecorded returns the commands where base is recorded on the server: what
// somebody else has had it do there is not undone by the way.
func ifRecorded(ctx packages.Context, commands []packages.Command) []packages.Command {
	if _, ok := ctx.Installs(packages.Base); !ok {
		return nil
	}
	return commands
}

// removeExtras returns the commands that take away what base's options brought.
func removeExtras(ctx packages.Context) ([]packages.Command, error) {
	commands, err := unharden(ctx)
	if err != nil {
		return nil, err
	}
	off, err := noUpdates()
	if err != nil {
		return nil, err
	}
	commands = append(commands, packages.Track{Name: "switch_off", Label: "Switching off what base did"})
	commands = append(commands, apt.Helper()...)
	return slices.Concat(commands, off, noSwap(), formerTimeZone()), nil
}
