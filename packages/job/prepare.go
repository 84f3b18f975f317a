package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"strconv"
	"strings"
	"sync"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// Prepare reads the facts of the servers and makes the plan for each, side by
// side. It changes nothing on them. The answer has the order of the request's
// servers; what kept a server from a plan is in its Err.
func (e *Engine) Prepare(ctx context.Context, r Request) []Prepared {
	out := make([]Prepared, len(r.Servers))
	var group sync.WaitGroup
	for i, id := range r.Servers {
		group.Go(func() { out[i] = e.prepare(ctx, id, r) })
	}
	group.Wait()
	return out
}

func (e *Engine) prepare(ctx context.Context, id store.ID, r Request) (p Prepared) {
	defer func() {
		if v := recover(); v != nil {
			p.Err = fmt.Errorf("internal error while making the plan: %v", v)
		}
	}()
	var err error
	if p.Server, err = e.server(id); err != nil {
		p.Err = err
		return p
	}
	release, err := e.slot(ctx)
	if err != nil {
		p.Err = err
		return p
	}
	defer release()
	remote, facts, err := e.readFacts(ctx, p.Server)
	if err != nil {
		p.Err = err
		return p
	}
	p.Facts = facts
	installed, err := e.installed(id)
	if err != nil {
		p.Err = err
		return p
	}
	if p.Plan, err = e.plan(p.Server, facts, installed, r); err != nil {
		p.Err = err
		return p
	}
	if p.Plan.Empty() {
		p.Nothing = true
		return p
	}
	if p.Already, err = already(ctx, remote, p.Plan.Steps()); err != nil {
		_, p.Err = connectError(p.Server, err)
		return p
	}
	p.Nothing = r.Action == store.Install && allSo(p.Plan, p.Already) && recorded(p.Plan, installed)
	if !p.Nothing {
		followsChanges(p.Plan, p.Already)
	}
	return p
}

// followsChanges takes back that steps which follow changes have nothing to
// do: something will have changed before them.
func followsChanges(plan packages.Plan, already []bool) {
	for i, step := range plan.Steps() {
		if run, ok := step.Command.(packages.Run); ok && run.IfChanged {
			already[i] = false
		}
	}
}

// plan resolves what was chosen and builds the plan of it.
func (e *Engine) plan(server store.Server, facts packages.Facts, installed []store.ServerPackage, r Request) (packages.Plan, error) {
	resolve := packages.ResolveInstall
	if r.Action == store.Remove {
		resolve = packages.ResolveRemove
	}
	resolved, err := resolve(e.cfg.Catalog, r.Packages, installed, facts.Found)
	if err != nil {
		return packages.Plan{}, err
	}
	return packages.Build(r.Action, resolved, packages.Context{Server: server, Facts: facts, Installed: installed})
}

// allSo reports whether every step that could change something is as it should
// be.
func allSo(plan packages.Plan, already []bool) bool {
	for i, step := range plan.Steps() {
		if mayChange(step) && !already[i] {
			return false
		}
	}
	return true
}

// recorded reports whether the records hold every part of the plan as it would
// record it.
func recorded(plan packages.Plan, installed []store.ServerPackage) bool {
	for _, part := range plan.Parts {
		var have *store.ServerPackage
		for i, p := range installed {
			if p.Name == part.Package && p.Instance == part.Instance {
				have = &installed[i]
			}
		}
		if have == nil || have.Status != store.Active {
			return false
		}
		for _, cmd := range part.Commands {
			if persist, ok := cmd.(packages.Persist); ok && !maps.Equal(have.Configuration, configuration(part, persist)) {
				return false
			}
		}
	}
	return true
}

// configuration is what a Persist records of its part.
func configuration(part packages.Part, persist packages.Persist) map[string]string {
	out := map[string]string{}
	maps.Copy(out, part.Values)
	maps.Copy(out, persist.Configuration)
	return out
}

// already asks a server, in one execution, which steps find everything as they
// want it.
func already(ctx context.Context, remote Remote, steps []packages.Step) ([]bool, error) {
	out := make([]bool, len(steps))
	script := checkScript(steps)
	if script == "" {
		return out, nil
	}
	result, err := remote.Execute(ctx, sshrun.Script{Text: script, Become: true})
	if err != nil {
		return nil, fmt.Errorf("ask what is so already: %w", err)
	}
	for line := range strings.Lines(string(result.Stdout)) {
		i, err := strconv.Atoi(strings.TrimSpace(line))
		if err == nil && i >= 0 && i < len(out) {
			out[i] = true
		}
	}
	return out, nil
}

// checkScript returns the script that prints the index of each step that finds
// everything as it wants it. The checks change nothing, so they go side by side.
func checkScript(steps []packages.Step) string {
	var b strings.Builder
	for i, step := range steps {
		check := ""
		switch c := step.Command.(type) {
		case packages.Run:
			check = c.Check
			if c.IfChanged {
				check = sshrun.Settled(step.Part.Label())
			}
		case packages.Prove:
			check = c.Check
		case packages.Write:
			check = writeCheck(c)
		}
		if check != "" {
			fmt.Fprintf(&b, "( eval %s ) </dev/null >/dev/null 2>&1 && echo %d &\n", shellescape.Quote(check), i)
		}
	}
	if b.Len() > 0 {
		b.WriteString("wait\n")
	}
	return b.String()
}

func writeCheck(w packages.Write) string {
	owner, group, mode := ownership(w)
	path := shellescape.Quote(w.Path)
	sum := sha256.Sum256([]byte(w.Content))
	return fmt.Sprintf(`[ -f %[1]s ] && [ ! -L %[1]s ] && [ "$(stat -c '%%U:%%G:%%a' %[1]s)" = %[2]s ] && [ "$(sha256sum <%[1]s)" = '%[3]s  -' ]`,
		path, shellescape.Quote(fmt.Sprintf("%s:%s:%o", owner, group, mode)), hex.EncodeToString(sum[:]))
}

// ownership returns a file's owner, group and mode with defaults filled in.
func ownership(w packages.Write) (owner, group string, mode fs.FileMode) {
	owner, group, mode = w.Owner, w.Group, w.Mode.Perm()
	if owner == "" {
		owner = "root"
	}
	if group == "" {
		group = "root"
	}
	if mode == 0 {
		mode = 0o644
	}
	return owner, group, mode
}
