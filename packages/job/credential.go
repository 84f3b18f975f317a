package job

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"brokeforge/sshrun"
	"brokeforge/store"
)

// Credential is a way to log in that the operator has named in the configuration.
type Credential struct {
	Name    string
	User    string // who logs in; empty means what the configuration of ssh says, else the default
	KeyFile string // a private key on this machine; empty means as an empty User does
	Become  bool   // root is become by sudo; without it, the login must be root where root is needed
}

// CredentialError says that the record of a server names a credential that the
// configuration no longer has. Nothing was sent to the server.
type CredentialError struct {
	Server string // its name
	Name   string // of the credential
	File   string // the configuration file
}

// Error names the server, the credential and the configuration file.
func (e *CredentialError) Error() string {
	return fmt.Sprintf("%s is logged in to with the credential %s, which %s doesn't have", e.Server, e.Name, e.File)
}

// credential returns the credential of that name.
func (e *Engine) credential(name string) (Credential, bool) {
	i := slices.IndexFunc(e.cfg.Credentials, func(c Credential) bool { return c.Name == name })
	if i < 0 {
		return Credential{}, false
	}
	return e.cfg.Credentials[i], true
}

// settings is how messages call the configuration file.
func (e *Engine) settings() string { return cmp.Or(e.cfg.SettingsFile, "the configuration file") }

// knownCredential refuses a credential that the configuration doesn't have with an
// *InputError. None at all is fine.
func (e *Engine) knownCredential(name string) error {
	if _, known := e.credential(name); known || name == "" {
		return nil
	}
	reason := fmt.Sprintf("there is no credential %q in %s", name, e.settings())
	var names []string
	for _, c := range e.cfg.Credentials {
		names = append(names, c.Name)
	}
	if len(names) > 0 {
		reason += "; there are: " + strings.Join(names, ", ")
	}
	return &InputError{FieldCredential, reason}
}

// target says how a server is reached: as its record says, and where that leaves
// open who logs in, as the credential says that it names. Its error is a
// *CredentialError.
func (e *Engine) target(s store.Server) (sshrun.Target, error) {
	t := asRecorded(s)
	if s.Credential == "" {
		return t, nil
	}
	c, known := e.credential(s.Credential)
	if !known {
		return t, &CredentialError{Server: s.Name, Name: s.Credential, File: e.settings()}
	}
	t.User, t.KeyFile = cmp.Or(t.User, c.User), cmp.Or(t.KeyFile, c.KeyFile)
	if !c.Become {
		t.NoBecome = fmt.Sprintf("the credential %s in %s has become = false", c.Name, e.settings())
	}
	return t, nil
}

// connect returns the shared connection to a server.
func (e *Engine) connect(ctx context.Context, s store.Server) (Remote, error) {
	t, err := e.target(s)
	if err != nil {
		return nil, err
	}
	return e.cfg.Connector.Connect(ctx, t)
}

// reach returns the shared connection to a server. Its errors are those of
// connectError, and that of ctx.
func (e *Engine) reach(ctx context.Context, server store.Server) (Remote, error) {
	remote, err := e.connect(ctx, server)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		_, err = connectError(server, err)
		return nil, err
	}
	return remote, nil
}

// dial logs in to a server anew. The caller closes the connection.
func (e *Engine) dial(ctx context.Context, s store.Server) (Remote, error) {
	t, err := e.target(s)
	if err != nil {
		return nil, err
	}
	return e.cfg.Connector.Dial(ctx, t)
}

// forget closes the shared connection to a server.
func (e *Engine) forget(s store.Server) {
	t, err := e.target(s)
	if err != nil {
		return // so there is none
	}
	e.cfg.Connector.Forget(t)
}

// route tells how a server is reached, without reaching it.
func (e *Engine) route(s store.Server) (sshrun.Route, error) {
	t, err := e.target(s)
	if err != nil {
		return sshrun.Route{}, err
	}
	return e.cfg.Connector.Route(t)
}
