package job

import (
	"context"
	"errors"
	"io"

	"brokeforge/sshrun"
	"brokeforge/store"
)

// Terminal is a person's end of a Shell. What comes from the server goes to
// Out and Err as it is, control sequences too: it is the person's own session.
type Terminal struct {
	In       io.Reader // its Read may still be going on when the shell has ended
	Out, Err io.Writer
	// Command is what the login shell runs. Empty means the login shell itself
	// where Term is set, and else sh, which runs what In holds.
	Command string
	// Term names the kind of terminal, as TERM does. Empty means that the
	// command gets no terminal.
	Term    string
	UTF8    bool                       // characters that are typed are UTF-8
	Size    func() (columns, rows int) // of the terminal; nil means 80 by 24
	Resized <-chan struct{}            // tells that Size has changed; may be nil
}

// Shell is a connection to a server on which a command, or a shell, can be run
// for a person. Its status is the command's, or 128 and the number of the
// signal that ended it.
//
// Its error is a *ReachError where the connection breaks off or the server runs
// no commands, that of a stream that can't be written to, or that of the
// context.
type Shell func(context.Context, Terminal) (status int, err error)

// OpenShell connects to a server, as whoever it is logged in to as, and stores
// what the try gave. Its errors are a *HostKeyError, also for
// a server whose key nobody has accepted yet, and a *ReachError.
func (e *Engine) OpenShell(ctx context.Context, id store.ID) (Shell, error) {
	server, err := e.server(id)
	if err != nil {
		return nil, err
	}
	remote, err := e.connect(ctx, server)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		connection, err := connectError(server, err)
		return nil, errors.Join(err, e.contacted(server, connection, err.Error()))
	}
	if err := e.contacted(server, store.Connected, ""); err != nil {
		return nil, err
	}
	return func(ctx context.Context, t Terminal) (int, error) { return runShell(ctx, server, remote, t) }, nil
}

// OpenShellAs logs in to a server with a credential in the place of what its record
// says, on a connection of its own, which ends with the shell: run it once. The host
// key is verified as ever. Its errors are those of OpenShell, and an *InputError for
// a credential that the configuration doesn't have.
func (e *Engine) OpenShellAs(ctx context.Context, id store.ID, credential string) (Shell, error) {
	server, err := e.server(id)
	if err != nil {
		return nil, err
	}
	if credential == "" {
		return nil, &InputError{FieldCredential, "its name is empty"}
	}
	if err := e.knownCredential(credential); err != nil {
		return nil, err
	}
	server.Credential, server.User, server.KeyFile = credential, "", ""
	remote, err := e.dial(ctx, server)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		_, err = connectError(server, err)
		return nil, err
	}
	return func(ctx context.Context, t Terminal) (int, error) {
		status, err := runShell(ctx, server, remote, t)
		if closed := remote.Close(); err == nil && closed != nil {
			e.cfg.Log.Warn("close the connection of a shell", "server", server.Name, "error", closed)
		}
		return status, err
	}, nil
}

func runShell(ctx context.Context, server store.Server, remote Remote, t Terminal) (status int, err error) {
	end, err := remote.Shell(ctx, sshrun.Terminal(t))
	var lost *sshrun.LostError
	var refused *sshrun.SessionError
	if errors.As(err, &lost) || errors.As(err, &refused) {
		err = &ReachError{Server: server.Name, Err: err}
	}
	return end.Status, err
}

// contacted stores what a try to reach a server gave, if that is news.
func (e *Engine) contacted(server store.Server, connection store.Connection, problem string) error {
	if server.Connection == connection && server.ConnectionError == problem {
		return nil
	}
	err := e.changeServer(server.ID, func(s *store.Server) error {
		s.Connection, s.ConnectionError = connection, problem
		return nil
	})
	e.hub.wake()
	return err
}
