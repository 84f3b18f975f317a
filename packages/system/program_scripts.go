package system

import (
	"fmt"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
)

// staged is where the program is written first, and live where supervisor reads
// it.
func staged(name string) string { return programs + "/" + name + ".conf" }
func live(name string) string   { return "/etc/supervisor/conf.d/" + label(name) + ".conf" }

func needFolder(folder string) packages.Run {
	return packages.Run{
		Title:  "refuse if there is no folder " + folder,
		Script: fmt.Sprintf("echo %s >&2\nexit 1", shellescape.Quote("there is no folder "+folder+" on this server: make it first")),
		Check:  "[ -d " + shellescape.Quote(folder) + " ]",
	}
}

// taken returns a check that supervisor has the program as it is written.
func taken(name string) string {
	return fmt.Sprintf("cmp -s %s %s && supervisorctl pid >/dev/null &&\n! supervisorctl reread | grep -q '^%s: '", staged(name), live(name), label(name))
}

// take returns a script that puts the program where supervisor reads it, and the
// former one back where supervisor refuses all with it. Only this program is
// started, changed or ended by it.
func take(name string) string {
	return fmt.Sprintf(`new=%[1]s live=%[2]s
old=$(mktemp) || exit 1
trap 'rm -f "$old"' EXIT
had=
[ ! -e "$live" ] || { had=1 && cp -p "$live" "$old"; } || exit 1
install -m 0644 "$new" "$live.new" && mv -f "$live.new" "$live" || exit 1
if ! said=$(supervisorctl reread 2>&1) || [ "${said#*ERROR}" != "$said" ]; then
	echo "$said" >&2
	if [ -n "$had" ]; then
		cp -p "$old" "$live"
	else
		rm -f "$live"
	fi
	if without=$(supervisorctl reread 2>&1) && [ "${without#*ERROR}" = "$without" ]; then
		echo "supervisor refuses the program: it is as it was before" >&2
	else
		echo "supervisor refuses its configuration, also without this program: correct what it names above" >&2
	fi
	exit 1
fi
supervisorctl update %[3]s`, staged(name), live(name), label(name))
}

// states prints the state of each process of the program.
func states(name string) string {
	return fmt.Sprintf("supervisorctl status '%s:*' | awk '{ print $2 }'", label(name))
}

// runs returns a check that no process of the program is stopped or has failed.
func runs(name string) string {
	return fmt.Sprintf(`found=$(%s)
[ -n "$found" ] && ! echo "$found" | grep -qvx -e RUNNING -e STARTING -e EXITED`, states(name))
}

// verifyProgram returns a script that waits until all processes run. One that is
// not started again may also have ended.
func verifyProgram(v packages.Values) string {
	name := v[taskNameOption]
	ended := ""
	if v[restartOption] != "always" {
		ended = " -e EXITED"
	}
	return fmt.Sprintf(`left=$((%[1]s * 5 + 100))
while :; do
	found=$(%[2]s)
	if [ -n "$found" ] && ! echo "$found" | grep -qvx -e RUNNING%[3]s; then
		supervisorctl status '%[4]s:*' || true
		exit 0
	fi
	left=$((left - 1))
	case $found in
	*FATAL*) left=0 ;;
	esac
	[ "$left" -gt 0 ] || break
	sleep 0.2
done
supervisorctl status '%[4]s:*'
tail -n 20 /var/log/supervisor/%[4]s.log /var/log/supervisor/%[4]s_*.log 2>/dev/null
echo "the program does not keep running: its last output is above" >&2
exit 1`, v[startOption], states(name), ended, label(name))
}

// logs returns a command that finds the logs of the program's processes.
func logs(name string) string {
	return fmt.Sprintf(`find /var/log/supervisor -maxdepth 1 \( -name '%[1]s.log*' -o -name '%[1]s_[0-9][0-9].log*' \)`, label(name))
}

// Remove returns the commands that end the program and take it away with its
// logs. Other programs go on.
func (Program) Remove(ctx packages.Context) ([]packages.Command, error) {
	name := ctx.Values[taskNameOption]
	if err := acceptName(name); err != nil {
		return nil, fmt.Errorf("the record of the program is damaged: the name %q %w", name, err)
	}
	return []packages.Command{
		packages.Track{Name: "stop_program", Label: "Stopping program"},
		packages.Run{
			Title: "take the program from supervisor",
			Script: fmt.Sprintf(`rm -f %[1]s
if supervisorctl pid >/dev/null; then
	supervisorctl reread && supervisorctl update %[2]s && rm -f %[3]s
else
	rm -f %[3]s
fi`, live(name), label(name), staged(name)),
			Check: fmt.Sprintf("[ ! -e %s ] && [ ! -e %s ]", live(name), staged(name)),
		},
		packages.Track{Name: "remove_logs", Label: "Removing logs"},
		packages.Run{
			Script: logs(name) + " -delete",
			Check:  "[ -z \"$(" + logs(name) + ")\" ]",
		},
		packages.Forget{},
	}, nil
}
