package runtime

import (
	"fmt"
	"regexp"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

var branchPattern = regexp.MustCompile(`^[0-9]\.[0-9]$`)

// Remove returns the commands that take away what installing this version of
// PHP has brought. Other versions, and packages that were there before, stay.
func (p PHP) Remove(ctx packages.Context) ([]packages.Command, error) {
	i := installation{php: p, ctx: ctx, branch: ctx.Values[branchKey], own: ctx.Instance == ""}
	if !branchPattern.MatchString(i.branch) || (!i.own && ctx.Instance != i.branch) {
		return nil, fmt.Errorf("the record of %s does not tell which version was installed", packages.Label(p.Name(), ctx.Instance))
	}
	software, err := apt.PurgeBrought(i.owner(), "php"+i.branch+"-")
	if err != nil {
		return nil, err
	}
	ini, dropIn := iniFile(i.branch), i.dropInFile()
	commands := []packages.Command{
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		packages.Run{Script: "rm -f " + ini, Check: "[ ! -e " + ini + " ]"},
		packages.Run{
			Title:  "leave the socket of the default site to PHP's own choice",
			Script: fmt.Sprintf("rm -f %[1]s\nrmdir %[2]s 2>/dev/null\nsystemctl daemon-reload", dropIn, i.dropInFolder()),
			Check:  "[ ! -e " + dropIn + " ]",
		},
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}
	commands = append(commands, software...)
	commands = append(commands, i.withdraw())
	commands = append(commands, forgetDefault(i.owner(), i.branch)...)
	if ctx.Values[repositoryKey] != "" {
		leave, err := p.Sury.Leave(i.owner())
		if err != nil {
			return nil, err
		}
		commands = append(commands, leave[len(apt.Helper()):]...)
	}
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "restart a PHP-FPM that was there before",
			Script: fmt.Sprintf(`if systemctl is-active --quiet %[1]s; then
	echo "%[1]s was on the server before BrokeForge installed it: it stays"
	systemctl restart %[1]s
fi`, i.fpm()),
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}

// withdraw returns the command that takes its socket from those that the
// default site can have. PHP-FPM itself does not, as the socket is gone when it
// has stopped (php-fpm-socket-helper of Debian's php-common).
func (i installation) withdraw() packages.Run {
	socket := "/run/php/" + i.fpm() + ".sock"
	return packages.Run{
		Title:  "take its socket from those that the default site can have",
		Script: "update-alternatives --remove php-fpm.sock " + socket,
		Check:  fmt.Sprintf(`systemctl is-active --quiet %s || [ "$(readlink /etc/alternatives/php-fpm.sock)" != %s ]`, i.fpm(), socket),
	}
}
