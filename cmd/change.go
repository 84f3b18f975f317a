package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// change is what install and remove have in common: they differ in the action.
type change struct {
	*app
	action  store.Action
	on, set []string
	preview bool
	yes     bool
	output  bool
	purge   bool     // of a removal
	site    store.ID // whose packages are chosen; empty for those of servers
	typed   string   // what must be typed to agree; empty means y
}

func (ch *change) flags(c *cobra.Command) {
	onFlag(c, &ch.on)
	ch.commonFlags(c)
}

// commonFlags are those that say how it is done.
func (ch *change) commonFlags(c *cobra.Command) {
	c.Flags().BoolVar(&ch.preview, "preview", false, "only show what would be done")
	c.Flags().BoolVarP(&ch.yes, "yes", "y", false, "don't ask")
	c.Flags().BoolVarP(&ch.output, "output", "v", false, "show scripts and files in full, and the output of the servers")
	c.Long += jsonHelp
}

const jsonHelp = `

With --json every line is one object. Its "event" is "plan" (what would be done on a
server), "refused" (why nothing can be done on it), "state", "milestone", "output" or
"end" (what became of a run). docs/command-line.md lists their fields.`

func (ch *change) run(c *cobra.Command, args []string) error {
	list, err := ch.wants(c.Context(), args)
	if err != nil {
		return misuse(c, err)
	}
	if len(ch.on) == 0 {
		return misuse(c, errors.New("--on is missing: say on which servers"))
	}
	if err := ch.mayGoOn(c, ch.yes || ch.preview); err != nil {
		return err
	}
	return ch.with(c.Context(), func(ctx context.Context, s *Session) error {
		servers, err := findServers(c, s.Engine, ch.on)
		if err != nil {
			return err
		}
		return ch.carryOut(ctx, s.Engine, list, servers)
	})
}

// carryOut previews, asks, starts and follows.
func (ch *change) carryOut(ctx context.Context, engine Engine, list []packages.Want, servers []store.Server) error {
	request := job.Request{Action: ch.action, Packages: list, Site: ch.site}
	for _, s := range servers {
		request.Servers = append(request.Servers, s.ID)
	}
	prepared := engine.Prepare(ctx, request)
	if err := ctx.Err(); err != nil {
		return err
	}
	status, err := ch.show(list, prepared)
	if err != nil {
		return err
	}
	prepared = slices.DeleteFunc(prepared, func(p job.Prepared) bool { return p.Err != nil || p.Nothing })
	if ch.preview || len(prepared) == 0 {
		return endWith(status)
	}
	if !ch.yes {
		yes, err := ch.agree(ctx, fmt.Sprintf("Run this on %s?", count(len(prepared), "server", "servers")))
		if err != nil {
			return err
		}
		if !yes {
			fmt.Fprintln(ch.Stderr, "nothing was done")
			return &ended{StatusRefused}
		}
	}
	runs, err := engine.Start(ctx, ch.action, prepared)
	if err != nil {
		return err
	}
	followed, err := ch.follow(ctx, engine, runs, ch.output)
	if err != nil {
		return err
	}
	return endWith(worst(status, followed))
}

// agree asks for a yes, or for what must be typed.
func (ch *change) agree(ctx context.Context, question string) (bool, error) {
	if ch.typed == "" {
		return ch.ask(ctx, question)
	}
	ch.terminal.Lock()
	defer ch.terminal.Unlock()
	text, err := ch.askText(ctx, fmt.Sprintf("%s Type %s to go ahead: ", question, ch.typed))
	return text == ch.typed, err
}

// endWith is nil, or an error that holds the status and says nothing more.
func endWith(status int) error {
	if status == StatusDone {
		return nil
	}
	return &ended{status}
}

// show prints the previews, and what keeps servers from one. It returns the
// exit status that those call for.
func (ch *change) show(list []packages.Want, prepared []job.Prepared) (int, error) {
	status := StatusDone
	for _, p := range prepared {
		if p.Err != nil {
			status = worst(status, Status(p.Err))
		}
	}
	if ch.json {
		return status, ch.showJSON(prepared)
	}
	for _, p := range (previewer{glyphs: ch.glyphs(), full: ch.output}).previews(prepared) {
		if _, err := fmt.Fprintf(ch.Stdout, "%s:%s", strings.Join(p.servers, ", "), p.text); err != nil {
			return status, err
		}
	}
	for _, p := range prepared {
		if p.Err != nil {
			ch.complainOf(p.Server.Name, p.Err)
		} else if p.Nothing {
			fmt.Fprintln(ch.Stdout, nothing(ch.action, list, p.Server.Name))
		}
	}
	return status, nil
}

func (ch *change) showJSON(prepared []job.Prepared) error {
	lines := jsonLines{env: ch.Env}
	for _, p := range prepared {
		if p.Err != nil {
			lines.refused(p)
		} else {
			lines.plan(ch.action, p)
		}
	}
	return lines.err
}

// nothing says that there is nothing to do.
func nothing(action store.Action, list []packages.Want, server string) string {
	var names []string
	for _, w := range list {
		names = append(names, packages.Label(w.Name, w.Instance))
	}
	be := "is"
	if len(names) > 1 {
		be = "are"
	}
	if state, ok := map[store.Action]string{
		store.StartService: "running", store.StopService: "stopped", store.EnableService: "enabled", store.DisableService: "disabled",
	}[action]; ok {
		return fmt.Sprintf("nothing to do: %s %s %s on %s", strings.Join(names, ", "), be, state, server)
	}
	state := "installed on " + server + " as asked"
	if action == store.Remove {
		state = "not installed on " + server
	}
	return fmt.Sprintf("nothing to do: %s %s %s", strings.Join(names, ", "), be, state)
}

// complainOf prints an error of one server among several.
func (e Env) complainOf(server string, err error) {
	text := err.Error()
	if !strings.Contains(text, server) {
		text = server + ": " + text
	}
	e.complain(text, hint(err))
}
