package hosts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// defaultLink returns the interface of this machine's default route, "" when there is none, and its
// MTU.
func defaultLink() (name string, mtu int, err error) {
	routes, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return "", 0, fmt.Errorf("find the default route: %w", err)
	}
	for line := range strings.Lines(string(routes)) {
		f := strings.Fields(line)
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			continue
		}
		link, err := net.InterfaceByName(f[0])
		if err != nil {
			return "", 0, fmt.Errorf("find the default route: %w", err)
		}
		return link.Name, min(link.MTU, 1500), nil
	}
	return "", 1500, nil
}

// forward lets packets of the lab's hosts pass to the way out and back. Forwarding is switched on for
// the two interfaces alone: whether the whole machine forwards (net.ipv4.ip_forward) is not ours to
// change, as switching it back would cut off whoever came to need it meanwhile.
func (n network) forward(ctx context.Context, uplink string) error {
	if err := os.WriteFile(forwarding(n.name()), []byte("1"), 0); err != nil {
		return fmt.Errorf("forward packets of %s: %w", n.name(), err)
	}
	now, err := os.ReadFile(forwarding(uplink))
	if err != nil {
		return fmt.Errorf("forward packets of %s: %w", uplink, err)
	}
	if strings.TrimSpace(string(now)) == "0" {
		if err := os.WriteFile(switchedOn(), []byte(uplink), 0o600); err != nil {
			return fmt.Errorf("remember the forwarding of %s: %w", uplink, err)
		}
		if err := os.WriteFile(forwarding(uplink), []byte("1"), 0); err != nil {
			return fmt.Errorf("forward packets of %s: %w", uplink, err)
		}
	}
	return n.openFilters(ctx)
}

func forwarding(link string) string { return "/proc/sys/net/ipv4/conf/" + link + "/forwarding" }

// switchedOn is the file that names the interface whose forwarding we switched on.
func switchedOn() string { return filepath.Join(stateDir, "forwarding") }

// restoreForwarding switches the way out's forwarding off again after the last lab, if a lab switched
// it on and nobody made the whole machine a router since. The caller holds the registry's lock.
func restoreForwarding() error {
	labs, err := labNumbers()
	if err != nil || len(labs) > 0 {
		return err
	}
	uplink, err := os.ReadFile(switchedOn())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restore forwarding: %w", err)
	}
	router, err := os.ReadFile("/proc/sys/net/ipv4/ip_forward")
	if err != nil {
		return fmt.Errorf("restore forwarding: %w", err)
	}
	if strings.TrimSpace(string(router)) == "0" {
		err := os.WriteFile(forwarding(string(uplink)), []byte("0"), 0)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("restore forwarding: %w", err)
		}
	}
	return os.Remove(switchedOn())
}

// ruleset is the part of nft's JSON (libnftables-json(5)) that is read here.
type ruleset struct {
	Nftables []struct {
		Chain *nftChain `json:"chain"`
		Rule  *struct {
			nftChain
			Chain   string `json:"chain"`
			Handle  int    `json:"handle"`
			Comment string `json:"comment"`
		} `json:"rule"`
	} `json:"nftables"`
}

type nftChain struct {
	Family string `json:"family"`
	Table  string `json:"table"`
	Name   string `json:"name"`
	Hook   string `json:"hook"`
	Policy string `json:"policy"`
}

// closedFilters returns the filters of others that drop what they don't know of, as Docker's and
// ufw's do to forwarded packets.
func (r ruleset) closedFilters() []nftChain {
	var closed []nftChain
	for _, entry := range r.Nftables {
		c := entry.Chain
		if c != nil && c.Hook == "forward" && c.Policy == "drop" && (c.Family == "ip" || c.Family == "inet") {
			closed = append(closed, *c)
		}
	}
	return closed
}

func listRuleset(ctx context.Context) (ruleset, error) {
	var rules ruleset
	text, err := run(ctx, "", "nft", "--json", "--handle", "list", "ruleset")
	if err != nil {
		return rules, err
	}
	if err := json.Unmarshal(text, &rules); err != nil {
		return rules, fmt.Errorf("read nft's rules: %w", err)
	}
	return rules, nil
}

// openFilters puts a rule for the lab's bridge before those of closed filters, marked with the
// lab's name.
func (n network) openFilters(ctx context.Context) error {
	rules, err := listRuleset(ctx)
	if err != nil {
		return err
	}
	var script strings.Builder
	for _, c := range rules.closedFilters() {
		for _, direction := range []string{"iifname", "oifname"} {
			fmt.Fprintf(&script, "insert rule %s %s %s %s %q counter accept comment %q\n",
				c.Family, c.Table, c.Name, direction, n.name(), n.table())
		}
	}
	if script.Len() == 0 {
		return nil
	}
	_, err = run(ctx, script.String(), "nft", "-f", "-")
	return err
}

// closeFilters removes the rules of openFilters.
func (n network) closeFilters(ctx context.Context) error {
	rules, err := listRuleset(ctx)
	if err != nil {
		return err
	}
	var script strings.Builder
	for _, entry := range rules.Nftables {
		if r := entry.Rule; r != nil && r.Comment == n.table() {
			fmt.Fprintf(&script, "delete rule %s %s %s handle %d\n", r.Family, r.Table, r.Chain, r.Handle)
		}
	}
	if script.Len() == 0 {
		return nil
	}
	_, err = run(ctx, script.String(), "nft", "-f", "-")
	return err
}
