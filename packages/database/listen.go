package database

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"brokeforge/packages"
)

// What the options of servers that listen on the network are called.
const (
	optionPort   = "port"
	optionBind   = "bind"
	optionMemory = "memory"
)

// localAddress is what a server listens on unless told otherwise: nobody
// outside the machine reaches it.
const localAddress = "127.0.0.1"

func portChoice(standard int) packages.Option {
	return packages.Option{
		Name: optionPort, Label: "Port", Kind: packages.Number, Default: strconv.Itoa(standard), Required: true, Min: 1024, Max: 65535,
		Help: "the TCP port that it listens on",
	}
}

func bindChoice() packages.Option {
	return packages.Option{
		Name: optionBind, Label: "Address", Kind: packages.Text, Default: localAddress, Required: true,
		Help: "the address that it listens on; 127.0.0.1 keeps it to this machine, 0.0.0.0 means all", Validate: acceptAddress,
	}
}

// acceptAddress takes one IP address in the form in which the kernel writes it,
// so that what listens can be compared with what was chosen.
func acceptAddress(value string) error {
	addr, err := netip.ParseAddr(value)
	switch {
	case err != nil || addr.Zone() != "":
		return fmt.Errorf("is not an IP address, such as 127.0.0.1")
	case addr.IsMulticast() || addr.Is4In6():
		return fmt.Errorf("is not an address that a server can listen on")
	case addr.String() != value:
		return fmt.Errorf("is to be written %s", addr)
	}
	return nil
}

// isLocal reports whether an address that acceptAddress takes is reached from
// this machine alone.
func isLocal(address string) bool {
	addr, err := netip.ParseAddr(address)
	return err == nil && addr.IsLoopback()
}

// socketName is how ss(8) writes what listens on an address and a port.
func socketName(address, port string) string {
	if address == "::" {
		return "*:" + port
	}
	return net.JoinHostPort(address, port)
}

// listeningAs is socketName of servers that listen on :: for IPv6 alone.
func listeningAs(address, port string) string {
	if address == "::" {
		return "[::]:" + port
	}
	return socketName(address, port)
}

// refuseTakenPort returns the command that ends the run where another program
// than the named one has the port.
func refuseTakenPort(port, program string) packages.Run {
	return packages.Run{
		Title: "refuse if port " + port + " is taken",
		Script: fmt.Sprintf(`who=$(ss -Hltnp 'sport = :%[1]s' | grep -v '"%[2]s"' | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | sed -n 1p)
echo "port %[1]s is taken by ${who:-another program}: stop that first, or choose another port; nothing was changed" >&2
exit 1`, port, program),
		Check: fmt.Sprintf(`! ss -Hltnp 'sport = :%s' | grep -qv '"%s"'`, port, program),
	}
}

// refuseOtherAddress returns the command that ends the run where a server that
// is there already, and was not set up by us, is reached elsewhere than chosen:
// taking it over must not cut off whoever uses it, nor open it. ours is a file
// that is there where it was set up by us.
func refuseOtherAddress(p packages.Package, program, ours string, values packages.Values) packages.Run {
	wanted := socketName(values[optionBind], values[optionPort])
	listening := fmt.Sprintf(`now=$(ss -Hltnp | sed -n 's/^[^ ]* *[^ ]* *[^ ]* *\([^ ]*\) .*"%s".*/\1/p' | sort -u)`, program)
	return packages.Run{
		Title: "refuse to change where one that is there already listens",
		Script: listening + fmt.Sprintf(`
echo "the %[1]s that is on this server listens on" $now", not on %[2]s: choose %[3]s.%[4]s and %[3]s.%[5]s as they are to take it over, and change them afterwards; nothing was changed" >&2
exit 1`, p.Describe().Title, wanted, p.Name(), optionBind, optionPort),
		Check: fmt.Sprintf(`[ -e %s ] || {
	%s
	[ -z "$now" ] || echo "$now" | grep -qxF -e '%s' -e '%s'
}`, ours, listening, wanted, listeningAs(values[optionBind], values[optionPort])),
	}
}

// listens returns sh that exits with 0 where something listens as chosen.
func listens(v packages.Values) string {
	return fmt.Sprintf("ss -Hltn 'sport = :%s' | grep -qF ' %s '", v[optionPort], listeningAs(v[optionBind], v[optionPort]))
}

// opens returns the port, where others than this machine are to reach it.
func opens(v packages.Values) []string {
	if isLocal(v[optionBind]) {
		return nil
	}
	return []string{v[optionPort]}
}
