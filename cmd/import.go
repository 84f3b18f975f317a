package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"brokeforge/cmd/config"
	"brokeforge/packages/job"
	"brokeforge/packages/job/inventory"
)

func (a *app) importCmd() *cobra.Command {
	return a.group("import", "Record servers that are written down elsewhere",
		a.importFrom("ssh-config [FILE]", "Record the hosts of an ssh_config file",
			`Record the hosts of an ssh_config file and of those that it includes; without FILE
of ~/.ssh/config. Each alias of a Host line becomes a server with that alias as its
address. Patterns, and hosts that are for git, are left.`, cobra.MaximumNArgs(1), a.sshConfigHosts),
		a.importFrom("ansible INVENTORY", "Record the hosts of an Ansible inventory",
			`Record the hosts of an Ansible inventory, a file in its INI or YAML form or a folder
with one, with the variables in group_vars and host_vars beside it. Groups become
tags. What only Ansible can work out, such as templates, is left.`, exactly("INVENTORY"), a.inventoryHosts),
		a.importFrom("config", "Record the servers of config.toml",
			`Record the servers of the [[servers]] tables of the configuration file.`, exactly(), a.configHosts))
}

// importing is one call of an import command.
type importing struct {
	*app
	preview, yes bool
}

const importHelp = `

What would be done is shown first; then you are asked. Without a terminal --yes must be
given. Nothing is connected to: the host key of a server that is added is verified at
the first contact. A server that is there already is changed to what is written;
what isn't written of it, and its tags, stay. Importing twice changes nothing.

With --json every line is one object; docs/command-line.md lists their fields.`

// importFrom makes a command that imports what read returns.
func (a *app) importFrom(use, short, long string, args cobra.PositionalArgs, read func([]string, Settings) (job.ImportRequest, error)) *cobra.Command {
	i := importing{app: a}
	c := &cobra.Command{
		Use: use, Short: short, Long: long + importHelp,
		Args: func(c *cobra.Command, given []string) error {
			if err := args(c, given); err != nil {
				return misuse(c, err)
			}
			return nil
		},
		RunE: func(c *cobra.Command, given []string) error {
			settings, err := a.settings()
			if err != nil {
				return err
			}
			request, err := read(given, settings)
			if err != nil {
				return err
			}
			if err := a.mayGoOn(c, i.yes || i.preview); err != nil {
				return err
			}
			return a.with(c.Context(), func(ctx context.Context, s *Session) error { return i.run(ctx, s.Engine, request) })
		},
	}
	c.Flags().BoolVar(&i.preview, "preview", false, "only show what would be done")
	c.Flags().BoolVarP(&i.yes, "yes", "y", false, "don't ask")
	return c
}

func (a *app) sshConfigHosts(given []string, _ Settings) (job.ImportRequest, error) {
	home := a.Getenv("HOME")
	file := ""
	switch {
	case len(given) > 0:
		file = given[0]
	case home == "":
		return job.ImportRequest{}, errors.New("HOME is not set, so ~/.ssh/config can't be found: name the file")
	default:
		file = filepath.Join(home, ".ssh", "config")
	}
	list, err := inventory.SSHConfig(file, home)
	if errors.Is(err, fs.ErrNotExist) {
		return job.ImportRequest{}, fmt.Errorf("there is no file %s", file)
	}
	return job.ImportRequest{List: list}, err
}

func (a *app) inventoryHosts(given []string, s Settings) (job.ImportRequest, error) {
	list, err := inventory.Ansible(given[0])
	if errors.Is(err, fs.ErrNotExist) {
		return job.ImportRequest{}, fmt.Errorf("there is no file %s", given[0])
	}
	return withDefaults(list, s.Config.Server), err
}

func (a *app) configHosts(_ []string, s Settings) (job.ImportRequest, error) {
	file := a.configFile
	if file == "" {
		file, _ = config.File(a.Getenv)
	}
	var list inventory.List
	for _, server := range s.Config.Servers {
		list.Entries = append(list.Entries, inventory.Entry{
			Name: server.Name, Address: server.Address, Port: server.Port, User: server.User, KeyFile: server.Key, Credential: server.Credential,
			Tags: server.Tags, File: file,
		})
	}
	if len(list.Entries) == 0 {
		return job.ImportRequest{}, fmt.Errorf("there is no [[servers]] table in %s", file)
	}
	return withDefaults(list, s.Config.Server), nil
}

func withDefaults(list inventory.List, n config.NewServer) job.ImportRequest {
	return job.ImportRequest{List: list, Port: n.Port, User: n.User, KeyFile: n.Key}
}

// run shows what the import does, asks, and does it.
func (i importing) run(ctx context.Context, engine Engine, r job.ImportRequest) error {
	plan, err := engine.PrepareImport(ctx, r)
	if err != nil {
		return err
	}
	lines := jsonLines{env: i.Env}
	if i.json {
		for _, item := range plan.Items {
			lines.imported(item)
		}
	} else if err := i.show(plan); err != nil {
		return err
	}
	done := false
	if !i.preview && !plan.Nothing() {
		if !i.yes {
			yes, err := i.ask(ctx, "Record this?")
			if err != nil {
				return err
			}
			if !yes {
				fmt.Fprintln(i.Stderr, "nothing was done")
				return &ended{StatusRefused}
			}
		}
		if err := engine.Import(ctx, plan); err != nil {
			return err
		}
		done = true
	}
	if i.json {
		lines.importEnd(plan, done)
		return lines.err
	}
	return i.summary(plan, done)
}

// show prints what is added, changed and left. What stays is only counted.
func (i importing) show(plan job.Import) error {
	for _, part := range []struct {
		action job.ImportAction
		title  string
	}{{job.ImportAdd, "Added"}, {job.ImportChange, "Changed"}, {job.ImportLeave, "Left"}} {
		if plan.Count(part.action) == 0 {
			continue
		}
		fmt.Fprintf(i.Stdout, "%s:\n", part.title)
		t := newTable(i.Stdout)
		for _, item := range plan.Items {
			if item.Action == part.action {
				t.row(itemRow(item)...)
				for _, note := range item.Notes {
					t.more(note)
				}
			}
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	return nil
}

func itemRow(item job.ImportItem) []string {
	name := item.Server.Name
	switch item.Action {
	case job.ImportLeave:
		return []string{"- " + name, item.Reason, place(item)}
	case job.ImportChange:
		var changes []string
		for _, c := range item.Changes {
			changes = append(changes, fmt.Sprintf("%s from %s to %s", c.Field, orNone(c.From), orNone(c.To)))
		}
		return []string{"~ " + name, strings.Join(changes, ", "), place(item)}
	}
	return []string{"+ " + name, loginOf(item.Server), strings.Join(item.Server.Tags, ",")}
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

func loginOf(n job.NewServer) string {
	host := n.Address
	if n.Port != 22 && n.Port != 0 {
		host = net.JoinHostPort(n.Address, strconv.Itoa(n.Port))
	}
	if n.Credential != "" {
		return host + " with " + n.Credential
	}
	if n.User == "" {
		return host
	}
	return n.User + "@" + host
}

// place is where an item is written.
func place(item job.ImportItem) string {
	if item.Line == 0 {
		return item.File
	}
	return fmt.Sprintf("%s:%d", item.File, item.Line)
}

func (i importing) summary(plan job.Import, done bool) error {
	counts := fmt.Sprintf("%d added, %d changed, %d as they are, %d left",
		plan.Count(job.ImportAdd), plan.Count(job.ImportChange), plan.Count(job.ImportSame), plan.Count(job.ImportLeave))
	switch {
	case plan.Nothing():
		counts = "nothing to do: " + counts
	case !done:
		counts = "would be: " + counts
	}
	_, err := fmt.Fprintln(i.Stdout, counts)
	return err
}
