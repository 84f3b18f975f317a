package ui

import (
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
	"brokeforge/ui/uitest"
)

// TestWordPressOnItsSites: the key for WordPress is on sites of that kind alone, and
// takes away only what is there.
func TestWordPressOnItsSites(t *testing.T) {
	open := func(kind string, more ...store.SitePackage) *driver {
		engine := uitest.Scene(func() time.Time { return begin })
		site := &engine.Hosted[0]
		site.Packages[0].Configuration["kind"] = kind
		site.Packages = append(site.Packages, more...)
		d := start(t, engine, nil)
		d.press("2", "enter")
		return d
	}
	d := open("php")
	d.hides("w WordPress")
	d = open("wordpress")
	d.shows("w WordPress")
	d = open("wordpress", store.SitePackage{Name: packages.WordPressName, Type: packages.SiteType})
	d.press("w")
	d.shows("WordPress on blog.example.org", "Take away")
}
