package uitest

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/term"
)

// Samples returns those of a server, the oldest first.
func (e *Engine) Samples(id store.ID, _ int) ([]store.Sample, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.Measured[id], nil
}

// AddServer adds a server, unless AddError says otherwise.
func (e *Engine) AddServer(_ context.Context, n job.NewServer) (store.Server, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Added = append(e.Added, n)
	if e.AddError != nil {
		if err := e.AddError(n); err != nil {
			return store.Server{}, err
		}
	}
	s := store.Server{ID: store.ID("server-" + n.Name), Name: n.Name, Address: n.Address, Port: n.Port, User: n.User, Tags: n.Tags, Connection: store.Connected}
	e.Servers = append(e.Servers, job.ServerView{Server: s})
	e.wake()
	return s, nil
}

// RemoveServer forgets a server.
func (e *Engine) RemoveServer(_ context.Context, id store.ID) error {
	e.Change(func() {
		e.Servers = slices.DeleteFunc(e.Servers, func(s job.ServerView) bool { return s.ID == id })
	})
	return nil
}

// Refresh does nothing, unless RefreshError says otherwise.
func (e *Engine) Refresh(_ context.Context, id store.ID) (job.ServerView, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.Servers {
		if s.ID == id {
			return s, e.RefreshError
		}
	}
	return job.ServerView{}, store.ErrNotFound
}

// Attend does nothing: the questions wait in any case.
func (e *Engine) Attend() func() { return func() {} }

// Answer takes a question off the list.
func (e *Engine) Answer(id, value string) error {
	e.Change(func() {
		e.Answers = append(e.Answers, id+"="+value)
		e.Open = slices.DeleteFunc(e.Open, func(q job.Question) bool { return q.ID == id })
	})
	return nil
}

// Decline takes a question off the list too.
func (e *Engine) Decline(id string) {
	e.Change(func() {
		e.Answers = append(e.Answers, id)
		e.Open = slices.DeleteFunc(e.Open, func(q job.Question) bool { return q.ID == id })
	})
}

// TrustHostKey notes the key, and no reading of facts fails any more.
func (e *Engine) TrustHostKey(_ context.Context, _ store.ID, fingerprint string) error {
	e.Change(func() {
		e.Trusted = append(e.Trusted, fingerprint)
		e.RefreshError = nil
	})
	return nil
}

// OpenShell opens a made-up shell, unless ShellError says otherwise.
func (e *Engine) OpenShell(_ context.Context, id store.ID) (job.Shell, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Shells = append(e.Shells, id)
	if e.Shell == nil {
		return Echo, e.ShellError
	}
	return e.Shell, e.ShellError
}

// Echo is a shell that shows its size, anew when that changes, and every key
// until a q.
func Echo(ctx context.Context, t job.Terminal) (int, error) {
	keys := make(chan byte)
	term.NewGuard().Go("reading keys", func() {
		key := make([]byte, 1)
		for {
			if n, err := t.In.Read(key); n == 0 || err != nil {
				return
			}
			select {
			case keys <- key[0]:
			case <-ctx.Done():
				return
			}
		}
	})
	for {
		columns, rows := t.Size()
		fmt.Fprintf(t.Out, "echo at %dx%d\r\n", columns, rows)
		select {
		case key := <-keys:
			fmt.Fprintf(t.Out, "key %d\r\n", key)
			if key == 'q' {
				return 0, nil
			}
		case <-t.Resized:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// PrepareImport adds every server that there is not yet.
func (e *Engine) PrepareImport(_ context.Context, r job.ImportRequest) (job.Import, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out job.Import
	for _, entry := range r.List.Entries {
		item := job.ImportItem{
			Action: job.ImportAdd, Notes: entry.Notes, File: entry.File, Line: entry.Line,
			Server: job.NewServer{Name: entry.Name, Address: entry.Address, Port: entry.Port, User: entry.User, Tags: entry.Tags},
		}
		for _, s := range e.Servers {
			switch {
			case s.Name == entry.Name && s.Address == entry.Address:
				item.Action = job.ImportSame
			case s.Name == entry.Name:
				item.Action = job.ImportChange
				item.Changes = []job.FieldChange{{Field: job.FieldAddress, From: s.Address, To: entry.Address}}
			}
		}
		out.Items = append(out.Items, item)
	}
	for _, s := range r.List.Skipped {
		out.Items = append(out.Items, job.ImportItem{Action: job.ImportLeave, Server: job.NewServer{Name: s.Name}, Reason: s.Reason, File: s.File, Line: s.Line})
	}
	return out, nil
}

// Import adds the servers, unless ImportError says otherwise.
func (e *Engine) Import(_ context.Context, i job.Import) error {
	if e.ImportError != nil {
		return e.ImportError
	}
	e.Change(func() {
		e.Imported = append(e.Imported, i)
		for _, item := range i.Items {
			if item.Action == job.ImportAdd {
				n := item.Server
				e.Servers = append(e.Servers, job.ServerView{Server: store.Server{ID: store.ID("server-" + n.Name), Name: n.Name, Address: n.Address, Port: n.Port, User: n.User, Tags: n.Tags}})
			}
		}
	})
	return nil
}

// Secrets tells of what is in Kept, for each of the servers.
func (e *Engine) Secrets(servers ...store.ID) (list []job.SecretView, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.Servers {
		if len(servers) > 0 && !slices.Contains(servers, s.ID) {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(e.Kept)) {
			list = append(list, job.SecretView{Server: s.Name, Name: name})
		}
	}
	return list, nil
}

// Secret returns what is in Kept.
func (e *Engine) Secret(_ context.Context, _ store.ID, name packages.SecretName) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	value, ok := e.Kept[name]
	if !ok {
		return "", store.ErrNotFound
	}
	return value, nil
}
