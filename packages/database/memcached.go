// Package database holds the databases and caches.
package database

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Memcached is the cache memcached, as Debian packages it.
type Memcached struct{}

const (
	memoryOption = "memory"
	bindOption   = "bind"
	portOption   = "port"
)

// Debian's unit reads its options from /etc/memcached.conf, which can't include
// another file. So the unit is told the options instead, and that file is left
// alone.
const (
	memcachedFolder = "/etc/systemd/system/memcached.service.d"
	memcachedFile   = memcachedFolder + "/brokeforge.conf"
)

// Name returns "memcached".
func (Memcached) Name() packages.Name { return "memcached" }

// Type returns the category of databases.
func (Memcached) Type() packages.Type { return packages.Database }

// Credential returns root.
func (Memcached) Credential() packages.Credential { return packages.Root() }

// Describe tells of memcached.
func (Memcached) Describe() packages.Description {
	return packages.Description{
		Title:    "memcached",
		Summary:  "cache in memory; what it holds is lost when it is restarted",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: memoryOption, Label: "Memory", Kind: packages.Number, Default: "64", Required: true, Min: 8, Max: 1 << 20,
				Help: "megabytes for what is cached",
			},
			{
				Name: bindOption, Label: "Addresses", Kind: packages.Text, Default: "127.0.0.1", Required: true,
				Help: "listened on, by commas; it has no password, so others only behind a firewall", Validate: acceptBind,
			},
			{
				Name: portOption, Label: "Port", Kind: packages.Number, Default: "11211", Required: true, Min: 1024, Max: 65535,
				Help: "listened on, by TCP alone",
			},
		},
	}
}

// addresses reads a list of addresses and returns it as memcached takes it.
func addresses(value string) ([]netip.Addr, error) {
	var list []netip.Addr
	for text := range strings.SplitSeq(value, ",") {
		addr, err := netip.ParseAddr(strings.TrimSpace(text))
		switch {
		case err != nil:
			return nil, fmt.Errorf("is not a list of addresses, such as 127.0.0.1 or 127.0.0.1,10.0.0.5")
		case addr.Zone() != "":
			return nil, fmt.Errorf("has a zone: leave %q away", "%"+addr.Zone())
		case addr.Is4In6():
			return nil, fmt.Errorf("is an IPv4 address in IPv6's form: say %s", addr.Unmap())
		}
		list = append(list, addr)
	}
	return list, nil
}

func acceptBind(value string) error {
	_, err := addresses(value)
	return err
}

// Probe tells whether memcached is installed and runs.
func (Memcached) Probe() string { return apt.Probe("memcached", "memcached") }

// Install returns the commands that install memcached. Its options are there
// before it is, so that it never listens anywhere else.
func (m Memcached) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	bind, err := addresses(ctx.Values[bindOption])
	if err != nil {
		return nil, err
	}
	software, err := apt.Install(m.Name(), "memcached")
	if err != nil {
		return nil, err
	}
	port := ctx.Values[portOption]
	commands := append([]packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		packages.Run{Title: "refuse if port " + port + " is taken", Script: apt.PortTaken(port, "memcached"), Check: apt.PortFree(port, "memcached")},
		packages.Run{
			Title:  "refuse if the server has not the address",
			Script: "ip -o address\necho 'the server has not all of the addresses " + joinAddresses(bind) + ": nothing was changed' >&2\nexit 1",
			Check:  hasAddresses(bind),
		},
		packages.Track{Name: "configure_memcached", Label: "Configuring memcached"},
		packages.Run{Script: "install -d -m 0755 " + memcachedFolder, Check: "[ -d " + memcachedFolder + " ]"},
		packages.Write{Path: memcachedFile, Content: dropIn(ctx.Values[memoryOption], port, bind)},
		packages.Track{Name: "install_software", Label: "Installing software"},
	}, software...)
	return append(commands,
		packages.Track{Name: "start_service", Label: "Starting service"},
		packages.Run{Script: "systemctl daemon-reload && systemctl restart memcached", IfChanged: true},
		apt.Start("memcached"),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that a value is kept", Script: keepsValues(bind[0], port), IfChanged: true},
		packages.Persist{Version: apt.Version("memcached")},
	), nil
}

// dropIn returns what systemd is told. The options are those of memcached(1);
// of UDP, which has no use and can be abused to flood others, there is none.
func dropIn(memory, port string, bind []netip.Addr) string {
	return `# Written by BrokeForge, which writes it again when memcached is installed again.
# It stands in place of /etc/memcached.conf, which is not read.
[Service]
ExecStart=
ExecStart=/usr/bin/memcached -u memcache -m ` + memory + ` -p ` + port + ` -U 0 -l ` + joinAddresses(bind) + "\n"
}

func joinAddresses(list []netip.Addr) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return strings.Join(texts, ",")
}

// hasAddresses returns a check that the server can be reached by the addresses.
func hasAddresses(list []netip.Addr) string {
	checks := []string{"true"}
	for _, a := range list {
		if a.IsUnspecified() || a.Is4() && a.IsLoopback() {
			continue
		}
		checks = append(checks, fmt.Sprintf("ip -o address | grep -qF ' %s/'", a))
	}
	return strings.Join(checks, " &&\n")
}

// keepsValues returns a script that stores a value, reads it and deletes it.
func keepsValues(addr netip.Addr, port string) string {
	if addr.IsUnspecified() && addr.Is4() {
		addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	} else if addr.IsUnspecified() {
		addr = netip.IPv6Loopback()
	}
	return fmt.Sprintf(`tries=0
until said=$(printf 'set brokeforge-check 0 60 4\r\nkept\r\nget brokeforge-check\r\ndelete brokeforge-check\r\nquit\r\n' |
	curl -sS --noproxy '*' --max-time 5 telnet://%s); do
	tries=$((tries + 1))
	[ "$tries" -lt 20 ] || exit 1
	sleep 0.2
done
case $said in
*STORED*VALUE*kept*DELETED*) ;;
*) echo "memcached did not keep a value: $said" >&2 && exit 1 ;;
esac`, net.JoinHostPort(addr.String(), port))
}

// Remove returns the commands that take memcached away. One that was on the
// server before goes on with its own settings.
func (m Memcached) Remove(packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeAdded(m.Name(), "memcached")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{packages.Track{Name: "remove_software", Label: "Removing software"}}, software...)
	return append(commands,
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		packages.Run{
			Script: "rm -f " + memcachedFile + "\nrmdir --ignore-fail-on-non-empty " + memcachedFolder + " 2>/dev/null\ntrue",
			Check:  "[ ! -e " + memcachedFile + " ]",
		},
		packages.Run{
			Title: "restart a memcached that was there before",
			Script: `systemctl daemon-reload
if systemctl is-active --quiet memcached; then
	echo "memcached was on the server before BrokeForge installed it: it stays"
	systemctl restart memcached
fi`,
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}
