package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/job/inventory"
	"brokeforge/store"
)

// ImportRequest asks for servers that are written down elsewhere to be
// recorded.
type ImportRequest struct {
	List inventory.List
	// What is taken for new servers of which nothing is said; the zero values
	// are those of NewServer.
	Port    int
	User    string
	KeyFile string
}

// ImportAction is what an import does with one entry.
type ImportAction string

// The actions of an import.
const (
	ImportAdd    ImportAction = "add"       // it becomes a server
	ImportChange ImportAction = "change"    // it is a server already, and something of it changes
	ImportSame   ImportAction = "unchanged" // it is a server already, as it is written
	ImportLeave  ImportAction = "leave"     // it can't be a server
)

// FieldChange is what an import changes about a server.
type FieldChange struct{ Field, From, To string }

// ImportItem is one entry of an import.
type ImportItem struct {
	Action  ImportAction
	Server  NewServer // as it is recorded afterwards; of one that is left, its name alone
	Changes []FieldChange
	Notes   []string // what is not taken over, and what else is worth knowing
	Reason  string   // why it is left
	File    string   // where it is written
	Line    int      // from 1; 0 where that is not known
}

// Import is what importing does, in the order of the list; what is left comes
// last.
type Import struct {
	Items   []ImportItem
	request ImportRequest
}

// Count returns how many items have an action.
func (i Import) Count(a ImportAction) (n int) {
	for _, item := range i.Items {
		if item.Action == a {
			n++
		}
	}
	return n
}

// Nothing reports whether the import changes no record.
func (i Import) Nothing() bool { return i.Count(ImportAdd)+i.Count(ImportChange) == 0 }

// PrepareImport says what importing would do. It changes nothing and connects
// nowhere.
func (e *Engine) PrepareImport(_ context.Context, r ImportRequest) (out Import, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		out, err = e.prepareImport(tx, r)
		return err
	})
	return out, err
}

// Import does what PrepareImport has shown, in one transaction. Nothing is
// connected to: a server that was added has never been contacted, so that its
// host key is verified at the first contact. Where the records have changed
// since, so that something else would be done, it does nothing and returns a
// *packages.RefusedError.
func (e *Engine) Import(_ context.Context, shown Import) error {
	var moved []store.Server // as they were before
	err := e.cfg.Store.Update(func(tx *store.Tx) error {
		moved = nil
		now, err := e.prepareImport(tx, shown.request)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(now.Items, shown.Items) {
			return &packages.RefusedError{Reason: "the servers have changed since this was shown: look at it again"}
		}
		for _, item := range now.Items {
			before, err := item.put(tx)
			if err != nil {
				return err
			}
			if before != nil {
				moved = append(moved, *before)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, server := range moved {
		e.forget(server)
	}
	e.hub.wake()
	return nil
}

// put records an item. It returns the server as it was where it is now reached
// in another way.
func (item ImportItem) put(tx *store.Tx) (before *store.Server, err error) {
	switch item.Action {
	case ImportAdd:
		server, err := item.Server.record()
		if err != nil {
			return nil, err
		}
		return nil, tx.PutServer(&server)
	case ImportChange:
		server, err := tx.ServerByName(item.Server.Name)
		if err != nil {
			return nil, err
		}
		was, n := server, item.Server
		server.Address, server.Port, server.User, server.KeyFile, server.Tags = n.Address, n.Port, n.User, n.KeyFile, n.Tags
		server.Credential = n.Credential
		if !reachedAlike(was, server) {
			before = &was
			server.Connection, server.ConnectionError = store.NeverConnected, ""
		}
		return before, tx.PutServer(&server)
	}
	return nil, nil
}

func reachedAlike(a, b store.Server) bool {
	return a.Address == b.Address && a.Port == b.Port && a.User == b.User && a.KeyFile == b.KeyFile && a.Credential == b.Credential
}

func (e *Engine) prepareImport(tx *store.Tx, r ImportRequest) (Import, error) {
	recorded, err := tx.Servers()
	if err != nil {
		return Import{}, err
	}
	out := Import{request: r}
	taken := map[string]bool{} // names of the import
	var left []ImportItem
	for _, entry := range r.List.Entries {
		item := e.importEntry(entry, r, recorded, taken)
		if item.Action == ImportLeave {
			left = append(left, item)
			continue
		}
		taken[item.Server.Name] = true
		out.Items = append(out.Items, item)
	}
	for _, s := range r.List.Skipped {
		left = append(left, ImportItem{Action: ImportLeave, Server: NewServer{Name: s.Name}, Reason: s.Reason, File: s.File, Line: s.Line})
	}
	out.Items = append(out.Items, left...)
	return out, nil
}

func (e *Engine) importEntry(entry inventory.Entry, r ImportRequest, recorded []store.Server, taken map[string]bool) ImportItem {
	item := ImportItem{Notes: slices.Clone(entry.Notes), File: entry.File, Line: entry.Line}
	leave := func(reason string) ImportItem {
		return ImportItem{Action: ImportLeave, Server: NewServer{Name: entry.Name}, Reason: reason, File: entry.File, Line: entry.Line}
	}
	n := NewServer{Name: nameFor(entry.Name), Address: entry.Address, Port: entry.Port, User: entry.User, Credential: entry.Credential}
	switch {
	case n.Name == "":
		return leave("its name has no letter or digit that a name here may begin with")
	case taken[n.Name]:
		return leave(fmt.Sprintf("its name here would be %s, which another one of them has", n.Name))
	case n.Name != entry.Name:
		item.Notes = append(item.Notes, fmt.Sprintf("%q can't be a name here: it is called %s", entry.Name, n.Name))
	}
	item.takeKey(&n, entry.KeyFile)
	item.takeTags(&n, entry.Tags)
	at := slices.IndexFunc(recorded, func(s store.Server) bool { return s.Name == n.Name })
	if at < 0 {
		n.orElse(r.Port, r.User, r.KeyFile)
	} else {
		s := recorded[at]
		n.Credential = cmp.Or(n.Credential, s.Credential)
		n.orElse(s.Port, s.User, s.KeyFile)
		n.Tags = slices.Concat(n.Tags, s.Tags)
	}
	record, err := n.record()
	if err == nil {
		err = e.knownCredential(record.Credential)
	}
	if err != nil {
		return leave(importReason(err))
	}
	item.Server = NewServer{Name: record.Name, Address: record.Address, Port: record.Port, User: record.User, KeyFile: record.KeyFile, Credential: record.Credential, Tags: record.Tags}
	if at < 0 {
		item.Action = ImportAdd
		item.noteTwin(recorded)
		return item
	}
	item.Changes = changesOf(recorded[at], record)
	switch {
	case len(item.Changes) == 0:
		item.Action = ImportSame
	case !reachedAlike(recorded[at], record) && e.isLive(recorded[at].ID):
		return leave("a run is going on there: import it after its end")
	default:
		item.Action = ImportChange
	}
	return item
}

// orElse fills in what is not said. Who logs in is said where a credential is named.
func (n *NewServer) orElse(port int, user, key string) {
	if n.Port == 0 {
		n.Port = port
	}
	if n.Credential != "" {
		return
	}
	if n.User == "" {
		n.User = user
	}
	if n.KeyFile == "" {
		n.KeyFile = key
	}
}

// takeKey takes a key file over unless it is of no use here.
func (item *ImportItem) takeKey(n *NewServer, file string) {
	if file == "" {
		return
	}
	if err := CheckField(FieldKey, file); err != nil {
		item.Notes = append(item.Notes, "its key file is not taken over: "+importReason(err))
		return
	}
	n.KeyFile = file
}

// takeTags takes tags over, changed where they can't be tags as they are.
func (item *ImportItem) takeTags(n *NewServer, tags []string) {
	for _, tag := range tags {
		fit := nameFor(tag)
		if fit == "" {
			item.Notes = append(item.Notes, fmt.Sprintf("%q can't be a tag here", tag))
			continue
		}
		n.Tags = append(n.Tags, fit)
	}
}

// noteTwin says if a server with another name is reached in the same way.
func (item *ImportItem) noteTwin(recorded []store.Server) {
	n := item.Server
	for _, s := range recorded {
		if s.Address == n.Address && cmp.Or(s.Port, 22) == cmp.Or(n.Port, 22) {
			item.Notes = append(item.Notes, fmt.Sprintf("the server %s has the same address", s.Name))
		}
	}
}

// importReason is an error about a field in words that stand alone.
func importReason(err error) string {
	var input *InputError
	if errors.As(err, &input) {
		return input.Reason
	}
	return err.Error()
}

var (
	unfit      = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
	unfitFirst = regexp.MustCompile(`^[^A-Za-z0-9]+`)
)

// nameFor makes a name, or a tag, of one that may not be one: what can't stand
// in it becomes a dash. It returns nothing where nothing is left.
func nameFor(name string) string {
	name = unfitFirst.ReplaceAllString(unfit.ReplaceAllString(name, "-"), "")
	if len(name) > 63 {
		name = name[:63]
	}
	if name = strings.TrimRight(name, "-"); nameForm.MatchString(name) {
		return name
	}
	return ""
}

func changesOf(old, now store.Server) (out []FieldChange) {
	add := func(field, from, to string) {
		if from != to {
			out = append(out, FieldChange{field, from, to})
		}
	}
	add(FieldAddress, old.Address, now.Address)
	add(FieldPort, portText(old.Port), portText(now.Port))
	add(FieldUser, old.User, now.User)
	add(FieldKey, old.KeyFile, now.KeyFile)
	add(FieldCredential, old.Credential, now.Credential)
	add(FieldTag, strings.Join(old.Tags, " "), strings.Join(now.Tags, " "))
	return out
}

// portText is a port, or nothing where none is said.
func portText(port int) string {
	if port == 0 {
		return ""
	}
	return strconv.Itoa(port)
}

func (e *Engine) isLive(id store.ID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.queue[id]) > 0
}
