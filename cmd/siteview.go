package cmd

import (
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
)

// siteView is a site, as JSON shows it.
type siteView struct {
	ID           string            `json:"id"`
	Domain       string            `json:"domain"`
	Shown        string            `json:"shown"` // the domain, with what its punycode stands for
	Server       string            `json:"server"`
	State        string            `json:"state"` // "preparing", "prepared" or "failed"
	DocumentRoot string            `json:"document_root"`
	PHP          string            `json:"php"`
	Release      string            `json:"release"`
	Expires      string            `json:"certificate_expires"`
	Unreadable   string            `json:"certificate_unreadable"` // why it is not known when it expires
	Options      map[string]string `json:"options"`                // what is recorded of the package site
	Packages     []sitePackageView `json:"packages"`
	LastRun      *runView          `json:"last_run"` // null where there was none
	CreatedAt    time.Time         `json:"created_at"`
}

type sitePackageView struct {
	Name        string    `json:"name"`
	Instance    string    `json:"instance"`
	Version     string    `json:"version"`
	Run         string    `json:"run"`
	By          string    `json:"by"`
	InstalledAt time.Time `json:"installed_at"`
}

func viewSite(v job.SiteView) siteView {
	site, _ := v.Package(sitePackage)
	out := siteView{
		ID: string(v.ID), Domain: v.Domain, Shown: packages.ShownDomain(v.Domain), Server: v.Server, State: string(v.Status),
		DocumentRoot: v.DocumentRoot, PHP: string(v.PHPVersion), Release: v.Release(),
		Options: map[string]string{}, Packages: []sitePackageView{}, CreatedAt: v.CreatedAt,
	}
	if c, ok := v.Certificate(); ok {
		out.Unreadable = c.Unreadable
		if !c.Expires.IsZero() {
			out.Expires = c.Expires.UTC().Format(time.RFC3339)
		}
	}
	for name, value := range site.Configuration {
		out.Options[name] = packages.Shown(value)
	}
	for _, p := range v.Packages {
		out.Packages = append(out.Packages, sitePackageView{
			Name: string(p.Name), Instance: p.Instance, Version: string(p.Version), Run: string(p.RunID), By: p.By, InstalledAt: p.InstalledAt,
		})
	}
	if v.Last != nil {
		run := viewRun(*v.Last)
		out.LastRun = &run
	}
	return out
}
