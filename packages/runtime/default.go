package runtime

import (
	_ "embed"
	"fmt"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

//go:embed default.sh
var defaultScript string

const (
	defaultFolder = apt.Folder + "/php"
	defaultPath   = defaultFolder + "/default"
)

// rememberDefault returns the commands of apt.Install after those that note
// which PHP the command line has before they may change it.
func rememberDefault(owner packages.Name, software []packages.Command) []packages.Command {
	commands := append(apt.Helper(),
		packages.Run{Script: "install -d -m 0755 " + defaultFolder, Check: "[ -d " + defaultFolder + " ]"},
		packages.Write{Path: defaultPath, Content: defaultScript, Mode: 0o755},
		defaultRun("note which PHP the command line has", "remember", string(owner)),
	)
	return append(commands, software[len(apt.Helper()):]...)
}

func defaultRun(title, action, arguments string) packages.Run {
	return packages.Run{
		Title:  title,
		Script: fmt.Sprintf("%s %s %s", defaultPath, action, arguments),
		Check:  fmt.Sprintf("%s -n %s %s", defaultPath, action, arguments),
	}
}

// cliDefault returns the command that makes this version what "php" runs, or
// has that stay what it was.
func (i installation) cliDefault() packages.Run {
	arguments := string(i.owner()) + " " + i.branch
	if i.ctx.Values.Yes(cliDefaultOption) {
		return defaultRun("make it what \"php\" runs", "take", arguments)
	}
	return defaultRun("keep what \"php\" runs", "leave", arguments)
}

// keepDefault returns the command that has "php" stay what it was when owner
// noted it, whatever has come along since.
func keepDefault(owner packages.Name) packages.Run {
	return defaultRun("keep what \"php\" runs", "leave", string(owner))
}

// forgetDefault returns the commands that give "php" back to what it was before
// owner came.
func forgetDefault(owner packages.Name, branch string) []packages.Command {
	return []packages.Command{packages.Run{
		Title:  "give \"php\" back to what it was",
		Script: fmt.Sprintf("%s forget %s %s", defaultPath, owner, branch),
		Check:  fmt.Sprintf("[ ! -e %s/%s ]", defaultFolder, owner),
	}}
}
