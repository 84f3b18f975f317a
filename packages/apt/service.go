package apt

import (
	"fmt"

	"brokeforge/packages"
)

// Start returns the command that has a systemd unit run now and after a boot.
func Start(unit string) packages.Run {
	return packages.Run{
		Script: "systemctl enable --now " + unit,
		Check:  fmt.Sprintf("systemctl is-active --quiet %[1]s && systemctl is-enabled --quiet %[1]s", unit),
		Touch:  packages.Touch{Starts: []string{unit}},
	}
}

// Stop returns the command that ends a systemd unit and keeps it from starting
// at a boot. A unit that is not there is fine.
func Stop(unit string) packages.Run {
	return packages.Run{
		Script: "systemctl disable --now " + unit,
		Check:  fmt.Sprintf("! systemctl is-active --quiet %[1]s && ! systemctl is-enabled --quiet %[1]s 2>/dev/null", unit),
		Touch:  packages.Touch{Stops: []string{unit}},
	}
}

// NeedSystemd refuses a server on which services can't be managed.
func NeedSystemd(ctx packages.Context) error {
	if ctx.Facts.Systemd {
		return nil
	}
	return fmt.Errorf("this server does not run systemd, which starts and watches the service")
}
