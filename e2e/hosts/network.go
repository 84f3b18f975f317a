package hosts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// network is a lab's range of addresses, told by the number of the lab: 1 to 254.
type network struct {
	number int
	mtu    int // of the way out, bytes
}

func (n network) name() string         { return "bf" + strconv.Itoa(n.number) }
func (n network) table() string        { return "brokeforge_" + strconv.Itoa(n.number) }
func (n network) address(i int) string { return fmt.Sprintf("10.77.%d.%d", n.number, i) }
func (n network) prefix() netip.Prefix { return netip.MustParsePrefix(n.address(0) + "/24") }
func (n network) gateway() netip.Addr  { return netip.MustParseAddr(n.address(1)) }

// free reports whether no interface of this machine has an address in the range or our bridge's name.
func (n network) free() (bool, error) {
	if taken, err := hasLink(n.name()); err != nil || taken {
		return false, err
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && n.prefix().Contains(p.Addr()) {
			return false, nil
		}
	}
	return true, nil
}

// up makes the bridge and lets its hosts out.
func (n network) up(ctx context.Context, uplink string) error {
	bridge := fmt.Sprintf("link add %[1]s mtu %[2]d type bridge\naddr add %[3]s/24 dev %[1]s\nlink set %[1]s up\n",
		n.name(), n.mtu, n.gateway())
	if _, err := run(ctx, bridge, "ip", "-batch", "-"); err != nil {
		return err
	}
	rules := fmt.Sprintf(`table ip %s {
	chain out {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr %[2]s ip daddr != %[2]s masquerade
	}
}
`, n.table(), n.prefix())
	if _, err := run(ctx, rules, "nft", "-f", "-"); err != nil {
		return err
	}
	if uplink == "" {
		return nil // hosts that reach each other and this machine, as it has no way out itself
	}
	return n.forward(ctx, uplink)
}

// down takes everything of this network away: namespaces and links of its hosts, bridge and rules.
// What is not there is not missed, so it can be called at any state.
func (n network) down(ctx context.Context) error {
	var errs []error
	links, err := net.Interfaces()
	errs = append(errs, err)
	for _, link := range links {
		if strings.HasPrefix(link.Name, n.name()+"-") {
			errs = append(errs, deleteLink(ctx, link.Name))
		}
	}
	namespaces, err := filepath.Glob("/run/netns/" + n.name() + "-*")
	errs = append(errs, err)
	for _, file := range namespaces {
		_, err := run(ctx, "", "ip", "netns", "delete", filepath.Base(file))
		errs = append(errs, err)
	}
	errs = append(errs, deleteLink(ctx, n.name()))
	// "add" makes the table when it is missing, so that "delete" can't fail for that.
	_, err = run(ctx, fmt.Sprintf("add table ip %[1]s\ndelete table ip %[1]s\n", n.table()), "nft", "-f", "-")
	errs = append(errs, err, n.closeFilters(ctx))
	return errors.Join(errs...)
}

// deleteLink removes an interface if it is there.
func deleteLink(ctx context.Context, name string) error {
	if there, err := hasLink(name); err != nil || !there {
		return err
	}
	_, err := run(ctx, "", "ip", "link", "delete", name)
	return err
}

func hasLink(name string) (bool, error) {
	links, err := net.Interfaces()
	if err != nil {
		return false, fmt.Errorf("list interfaces: %w", err)
	}
	return slices.ContainsFunc(links, func(i net.Interface) bool { return i.Name == name }), nil
}

// cable is a host's connection to the bridge: a network namespace with an eth0 whose other end is a
// port of the bridge.
type cable struct {
	net       network
	namespace string
	port      string // name of the bridge's side, at most 15 bytes
	address   netip.Addr
	mac       string // fixed, so that neighbours find the host again after a reboot
}

func (n network) cable(host string, index int) cable {
	return cable{
		net:       n,
		namespace: n.name() + "-" + host,
		port:      n.name() + "-" + strconv.Itoa(index),
		address:   netip.MustParseAddr(n.address(10 + index)),
		mac:       fmt.Sprintf("02:bf:00:00:%02x:%02x", n.number, 10+index),
	}
}

// plug makes the namespace and connects it; cut leaves the port down.
func (c cable) plug(ctx context.Context, cut bool) error {
	if _, err := run(ctx, "", "ip", "netns", "add", c.namespace); err != nil {
		return err
	}
	state := "up"
	if cut {
		state = "down"
	}
	outside := fmt.Sprintf("link add %[1]s mtu %[2]d type veth peer name eth0 mtu %[2]d address %[3]s netns %[4]s\n"+
		"link set %[1]s master %[5]s %[6]s\n", c.port, c.net.mtu, c.mac, c.namespace, c.net.name(), state)
	if _, err := run(ctx, outside, "ip", "-batch", "-"); err != nil {
		return err
	}
	inside := fmt.Sprintf("link set lo up\naddr add %s/24 dev eth0\nlink set eth0 up\nroute add default via %s dev eth0 onlink\n",
		c.address, c.net.gateway())
	_, err := run(ctx, inside, "ip", "-netns", c.namespace, "-batch", "-")
	return err
}

// set takes the port up or down.
func (c cable) set(ctx context.Context, state string) error {
	_, err := run(ctx, "", "ip", "link", "set", c.port, state)
	if there, listErr := hasLink(c.port); listErr == nil && !there {
		return nil // the host is just going off, and is plugged in anew when it boots
	}
	return err
}

// unplug removes the namespace, and with it what a host configured there, as losing power does.
func (c cable) unplug(ctx context.Context) error {
	err := deleteLink(ctx, c.port)
	if _, statErr := os.Lstat("/run/netns/" + c.namespace); statErr == nil {
		_, nsErr := run(ctx, "", "ip", "netns", "delete", c.namespace)
		err = errors.Join(err, nsErr)
	}
	return err
}
