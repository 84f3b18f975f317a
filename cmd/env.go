package cmd

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"brokeforge/cmd/config"
	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// Engine is what the commands ask of the engine of package job.
type Engine interface {
	Recover(context.Context) error
	Subscribe() Subscription

	Overview() (job.Overview, error)
	Server(store.ID) (job.ServerView, error)
	Find(name string) (store.Server, error)
	AddServer(context.Context, job.NewServer) (store.Server, error)
	RemoveServer(context.Context, store.ID) error
	OpenShell(context.Context, store.ID) (job.Shell, error)
	OpenShellAs(ctx context.Context, server store.ID, credential string) (job.Shell, error)
	Files(context.Context, job.FilesAt) (job.Files, error)
	FilesOfSite(domain, server string) (job.FilesAt, error)
	PrepareImport(context.Context, job.ImportRequest) (job.Import, error)
	Import(context.Context, job.Import) error
	ChangeServer(context.Context, store.ID, job.ServerChange) (store.Server, error)
	TrustHostKey(ctx context.Context, server store.ID, fingerprint string) error
	Refresh(context.Context, store.ID) (job.ServerView, error)

	Attend() (leave func())
	Questions() []job.Question
	Answer(id, value string) error
	Decline(id string)

	Prepare(context.Context, job.Request) []job.Prepared
	Start(context.Context, store.Action, []job.Prepared) ([]store.Run, error)
	Cancel(ctx context.Context, run store.ID) error

	Sites(servers ...store.ID) ([]job.SiteView, error)
	SiteFiles(context.Context, store.ID) ([]job.SiteFile, error)
	Releases(site store.ID, limit int) ([]job.ReleaseView, error)

	Services(context.Context, store.ID) ([]job.ServiceView, error)
	Journal(ctx context.Context, server store.ID, w packages.Want, lines int, follow bool, tell func(string) error) error

	Runs(limit int) ([]store.Run, error)
	FindRun(id string) (store.Run, error)
	Progress(run store.ID) (job.Progress, error)
	Lines(run store.ID, since int) (lines []string, next int, err error)
	LogPath(run store.ID) string

	StartMonitor()
	Sample(context.Context, store.ID) (store.Sample, error)
	Alerts(limit int) ([]store.Alert, error)
	Secrets(servers ...store.ID) ([]job.SecretView, error)
	Secret(context.Context, store.ID, packages.SecretName) (string, error)
	Rekey(context.Context, store.Rekey) (forgotten []string, err error)

	SitePackages(site store.ID, name packages.Name, limit int) ([]store.SitePackage, error)
	SiteLog(ctx context.Context, site store.ID, l job.SiteLog, tell func(line string) error) error
	Environment(ctx context.Context, site store.ID) (job.Environment, error)
	SaveEnvironment(ctx context.Context, was job.Environment, text string, over bool) error
	EnvironmentVersions(site store.ID) ([]job.EnvironmentVersion, error)
	EnvironmentText(ctx context.Context, site store.ID, number int) (string, error)

	TaskRuns(ctx context.Context, server store.ID, name string) ([]packages.TaskRun, error)
}

// Subscription tells that something has changed; *job.Subscription is one.
type Subscription interface {
	Changed() <-chan struct{}
	Close()
}

// Session is an opened state folder with an engine that works on it.
type Session struct {
	Engine  Engine
	Screens func(context.Context) error // shows the screens until they are left
	Notice  string                      // what is to be said before anything else; mostly empty
	Release func() error                // closes the state folder and leaves connections open; the engine is done with
	Close   func() error                // ends the engine's watching; runs go on on their servers
}

// Settings say what is to be opened.
type Settings struct {
	Config   config.Config // with its paths expanded
	StateDir string
	// Passphrase asks for the passphrase of the key of secrets.
	Passphrase func(context.Context, store.Ask) (string, error)
}

// Env is the world that the commands work in. All of it is needed.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	UTF8           bool // the terminal's characters are UTF-8
	Version        string
	Catalog        packages.Catalog
	// Open opens the state folder. Commands that need none don't call it.
	Open func(context.Context, Settings) (*Session, error)
	// Patience is how long a command that shows runs waits for news of those
	// that a former call left going on.
	Patience time.Duration
	// Copy puts a text into the clipboard of the terminal.
	Copy func(ctx context.Context, text string) error
	// CanShow says why the screens can't be shown; nil where they can.
	CanShow func() error
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// canAsk reports whether there is somebody to ask.
func (e Env) canAsk() bool { return isTerminal(e.Stdin) && isTerminal(e.Stderr) }

// mayGoOn refuses a command that would have to ask, which is agreed to neither
// beforehand nor can be by anybody.
func (e Env) mayGoOn(c *cobra.Command, agreed bool) error {
	if agreed || e.canAsk() {
		return nil
	}
	return misuse(c, errors.New("there is no terminal to ask on: give --yes to go ahead, or --preview to only look"))
}
