package firewall

import (
	"fmt"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
)

// Rule is one rule of the firewall. A server may have many.
type Rule struct{}

const (
	ruleName packages.Name = "firewall-rule"

	portOption     = "port"
	protocolOption = "protocol"
	sourceOption   = "source"
	actionOption   = "action"
	commentOption  = "comment"
)

// Name returns "firewall-rule".
func (Rule) Name() packages.Name { return ruleName }

// Type returns the category of firewalls.
func (Rule) Type() packages.Type { return packages.Firewall }

// Credential returns root.
func (Rule) Credential() packages.Credential { return packages.Root() }

// Describe tells of the rule.
func (Rule) Describe() packages.Description {
	return packages.Description{
		Title:    "Firewall rule",
		Summary:  "opens or closes a port, for everybody or some; a server may have many",
		Requires: []packages.Name{ufwName},
		Instance: func(v packages.Values) string { return parse(v).instance() },
		Options: []packages.Option{
			{
				Name: portOption, Label: "Port", Kind: packages.Text, Required: true,
				Help: "a port such as 8080, or a range such as 8000-8100", Validate: acceptPort,
			},
			{
				Name: protocolOption, Label: "Protocol", Kind: packages.Choice, Default: "tcp", Required: true,
				Choices: []string{"tcp", "udp", "both"}, Help: "what is spoken on the port",
			},
			{
				Name: sourceOption, Label: "From", Kind: packages.Text, Default: "any", Required: true,
				Help: "any, an address or a network such as 10.0.0.0/8", Validate: acceptSource,
			},
			{
				Name: actionOption, Label: "Action", Kind: packages.Choice, Default: "allow", Required: true,
				Choices: []string{"allow", "deny", "limit"}, Help: "limit refuses who connects 6 times in 30 seconds",
			},
			{
				Name: commentOption, Label: "Comment", Kind: packages.Text,
				Help: "what the rule is for", Validate: acceptComment,
			},
		},
	}
}

// Probe is empty: the records tell which rules there are.
func (Rule) Probe() string { return "" }

// Install returns the commands that add the rule.
func (Rule) Install(ctx packages.Context) ([]packages.Command, error) {
	r := parse(ctx.Values)
	if err := r.refuse(ctx); err != nil {
		return nil, err
	}
	commands := []packages.Command{packages.Track{Name: "add_rule", Label: "Adding rule"}}
	var held []string
	for _, protocol := range r.protocols() {
		check := inFiles(r.head(protocol), r.source, r.comment)
		held = append(held, check)
		commands = append(commands, packages.Run{Script: r.add(protocol), Check: check, Touch: r.touch(protocol)})
	}
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "see that ufw has the rule",
			Script: "ufw show added\n" + strings.Join(held, " &&\n") + " ||\n" +
				`{ echo "ufw took the rule, but does not have it" >&2 && exit 1; }`,
			IfChanged: true,
		},
		packages.Persist{},
	), nil
}

// refuse says why a rule can't be on a server: it would shut SSH, or another
// one has the same port and source already.
func (r rule) refuse(ctx packages.Context) error {
	ports := slices.Clone(ctx.Facts.SSHPorts)
	if len(ports) == 0 {
		ports = []int{ctx.Server.Port}
	}
	for _, port := range ports {
		if !r.covers(port) {
			continue
		}
		if r.action == "deny" {
			return fmt.Errorf("sshd listens on port %d: a rule that denies it could lock you out", port)
		}
		if r.source == everybody {
			return fmt.Errorf("sshd listens on port %d, which the firewall keeps open by itself: give the rule a source", port)
		}
	}
	if record, ok := ctx.Installs(ufwName); ok && r.source == everybody && !r.isRange() && r.protocol != "udp" {
		for option, port := range map[string]int{httpOption: 80, httpsOption: 443} {
			if r.covers(port) && record.Configuration[option] == "yes" {
				return fmt.Errorf("port %d is open to everybody by the firewall's option %s already", port, option)
			}
		}
	}
	for _, p := range ctx.Installed {
		if p.Name != ruleName || p.Instance == r.instance() {
			continue
		}
		if other := parse(p.Configuration); other.clashes(r) {
			return fmt.Errorf("the rule %s is for the same port and source: remove it first", packages.Label(ruleName, p.Instance))
		}
	}
	return nil
}

// Remove returns the commands that delete the rule in the form in which it was
// added.
func (Rule) Remove(ctx packages.Context) ([]packages.Command, error) {
	for _, o := range (Rule{}).Describe().Options {
		if _, err := o.Accept(ctx.Values[o.Name]); err != nil {
			return nil, fmt.Errorf("the record of the rule is damaged: %s: %w", o.Name, err)
		}
	}
	r := parse(ctx.Values)
	commands := []packages.Command{packages.Track{Name: "delete_rule", Label: "Deleting rule"}}
	var gone []string
	for _, protocol := range r.protocols() {
		check := inNoFile(r.head(protocol), r.source)
		gone = append(gone, check)
		commands = append(commands, packages.Run{Script: r.remove(protocol), Check: check})
	}
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "see that ufw has lost the rule",
			Script: "ufw show added\n" + strings.Join(gone, " &&\n") + " ||\n" +
				`{ echo "ufw still has the rule" >&2 && exit 1; }`,
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}

// touch tells which port the rule opens or closes.
func (r rule) touch(protocol string) packages.Touch {
	port := r.port
	if protocol != "tcp" {
		port += "/" + protocol
	}
	if r.source != everybody {
		port += " for " + r.source
	}
	if r.action == "deny" {
		return packages.Touch{Closes: []string{port}}
	}
	return packages.Touch{Opens: []string{port}}
}

// head is how ufw's files write the rule's action, protocol and port.
func (r rule) head(protocol string) string {
	return r.action + " " + protocol + " " + r.port
}

// form is the rule as ufw(8) takes it, after the action.
func (r rule) form(protocol string) string {
	if r.source == everybody {
		return r.port + "/" + protocol
	}
	return fmt.Sprintf("from %s to any port %s proto %s", r.source, r.port, protocol)
}

// add returns the script that adds the rule. The first rule that matches
// counts, so one for some goes before those for everybody.
func (r rule) add(protocol string) string {
	script := "ufw "
	if r.source != everybody {
		script += "prepend "
	}
	script += r.action + " " + r.form(protocol)
	if r.comment != "" {
		script += " comment " + shellescape.Quote(r.comment)
	}
	return script
}

func (r rule) remove(protocol string) string {
	return "ufw delete " + r.action + " " + r.form(protocol)
}
