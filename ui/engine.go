package ui

import (
	"context"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// Engine is what the screens need of a *job.Engine.
type Engine interface {
	Subscribe() *job.Subscription
	Catalog() packages.Catalog

	Overview() (job.Overview, error)
	Sites(servers ...store.ID) ([]job.SiteView, error)
	Site(store.ID) (job.SiteView, error)
	SiteFiles(context.Context, store.ID) ([]job.SiteFile, error)
	RunsOfSite(site store.ID, limit int) ([]store.Run, error)
	Releases(site store.ID, limit int) ([]job.ReleaseView, error)
	AddServer(context.Context, job.NewServer) (store.Server, error)
	RemoveServer(context.Context, store.ID) error
	Refresh(context.Context, store.ID) (job.ServerView, error)
	TrustHostKey(ctx context.Context, id store.ID, fingerprint string) error

	Attend() (leave func())
	Answer(question, value string) error
	Decline(question string)
	Files(context.Context, job.FilesAt) (job.Files, error)
	FilesOfSite(domain, server string) (job.FilesAt, error)
	OpenShell(context.Context, store.ID) (job.Shell, error)
	PrepareImport(context.Context, job.ImportRequest) (job.Import, error)
	Import(context.Context, job.Import) error

	Secrets(servers ...store.ID) ([]job.SecretView, error)
	Secret(context.Context, store.ID, packages.SecretName) (string, error)

	Prepare(context.Context, job.Request) []job.Prepared
	Start(context.Context, store.Action, []job.Prepared) ([]store.Run, error)
	Cancel(context.Context, store.ID) error
	Journal(ctx context.Context, server store.ID, w packages.Want, lines int, follow bool, tell func(string) error) error

	SitePackages(site store.ID, name packages.Name, limit int) ([]store.SitePackage, error)
	SiteLog(ctx context.Context, site store.ID, l job.SiteLog, tell func(line string) error) error
	Environment(ctx context.Context, site store.ID) (job.Environment, error)
	SaveEnvironment(ctx context.Context, was job.Environment, text string, over bool) error

	Progress(store.ID) (job.Progress, error)
	Lines(run store.ID, since int) (lines []string, next int, err error)
	LogPath(store.ID) string
	Runs(limit int) ([]store.Run, error)
	Samples(server store.ID, limit int) ([]store.Sample, error)
	RunsOf(server store.ID, limit int) ([]store.Run, error)
}
