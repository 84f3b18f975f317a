package system

import (
	"fmt"
	"regexp"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

const timeZoneOption = "time-zone"

// zoneBefore is the folder that remembers the time zone before base chose one.
const zoneBefore = apt.Folder + "/time-zone-before"

func timeZoneOptions() []packages.Option {
	return []packages.Option{{
		Name: timeZoneOption, Label: "Time zone", Kind: packages.Text,
		Help: "such as Europe/Berlin or Etc/UTC; empty leaves it, or gives the former one back", Validate: acceptTimeZone,
	}}
}

// The names of the tz database: at most three parts of ASCII letters, digits
// and "-+_", see its theory.html.
var zonePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*){0,2}$`)

func acceptTimeZone(value string) error {
	if len(value) > 40 || !zonePattern.MatchString(value) {
		return fmt.Errorf("is not a time zone, such as Europe/Berlin")
	}
	return nil
}

// timeZone returns the commands that set the chosen time zone, or give the
// former one back.
func timeZone(ctx packages.Context) ([]packages.Command, error) {
	zone := ctx.Values[timeZoneOption]
	if zone == "" {
		return ifRecorded(ctx, formerTimeZone()), nil
	}
	if err := acceptTimeZone(zone); err != nil {
		return nil, fmt.Errorf("%s: %q %w", timeZoneOption, zone, err)
	}
	software, err := apt.Install(packages.Base, "tzdata")
	if err != nil {
		return nil, err
	}
	file := shellescape.Quote("/usr/share/zoneinfo/" + zone)
	commands := append([]packages.Command{packages.Track{Name: "set_time_zone", Label: "Setting time zone"}}, software[len(apt.Helper()):]...)
	return append(commands,
		packages.Run{
			Title:  "refuse a time zone that there is not",
			Script: fmt.Sprintf("echo 'this server knows no time zone '%s >&2\nexit 1", shellescape.Quote(zone)),
			Check:  "[ -f " + file + " ]",
		},
		packages.Run{
			Title: "note the time zone that there was",
			Script: fmt.Sprintf(`rm -rf %[1]s.new && install -d -m 0700 %[1]s.new || exit 1
for file in /etc/localtime /etc/timezone; do
	[ ! -e "$file" ] && [ ! -L "$file" ] || cp -pP "$file" %[1]s.new/ || exit 1
done
mv -T %[1]s.new %[1]s`, zoneBefore),
			Check: "[ -e " + zoneBefore + " ]",
		},
		packages.Run{
			Title: "set the time zone " + zone,
			Script: fmt.Sprintf(`ln -sfn %s /etc/localtime.brokeforge && mv -fT /etc/localtime.brokeforge /etc/localtime || exit 1
[ ! -e /etc/timezone ] || echo %s >/etc/timezone`, file, shellescape.Quote(zone)),
			Check: fmt.Sprintf(`[ "$(readlink /etc/localtime)" = %s ] && { [ ! -e /etc/timezone ] || [ "$(cat /etc/timezone)" = %s ]; }`,
				file, shellescape.Quote(zone)),
		},
	), nil
}

// formerTimeZone returns the commands that give back the time zone that there
// was before base chose one.
func formerTimeZone() []packages.Command {
	return []packages.Command{packages.Run{
		Title: "give the former time zone back",
		Script: fmt.Sprintf(`for file in /etc/localtime /etc/timezone; do
	saved=%[1]s/${file##*/}
	if [ -e "$saved" ] || [ -L "$saved" ]; then
		cp -pPT --remove-destination "$saved" "$file" || exit 1
	else
		rm -f "$file" || exit 1
	fi
done
rm -rf %[1]s`, zoneBefore),
		Check: "[ ! -e " + zoneBefore + " ]",
	}}
}
