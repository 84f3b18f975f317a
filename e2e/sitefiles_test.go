package e2e

import (
	"testing"

	"brokeforge/e2e/hosts"
)

// TestFilesOfSite handles the files of a site that was made, by its domain.
func TestFilesOfSite(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "sitefiles", Suite: hosts.Trixie})
	s := service{newProgram(t), h}
	s.add(h)
	s.must(0, "site", "add", "blog.example.org", "--on", h.Name, "--yes", "--set", "kind=static")
	contains(t, s.must(0, "files", "blog.example.org", "ls").stdout, "current", "releases", "shared")
	s.must(0, "files", "blog.example.org", "touch", "shared/new.txt")
	s.must(0, "files", "blog.example.org", "touch", "current/new.txt") // through the link to what is live
	owner := on(t, h, "stat", "-c", "%U", "/srv/sites/blog.example.org/shared")
	if got := on(t, h, "stat", "-c", "%U %a", "/srv/sites/blog.example.org/shared/new.txt"); got != owner+" 644" || owner == "root" {
		t.Errorf("the file is %q", got)
	}
	on(t, h, "test", "-f", "/srv/sites/blog.example.org/current/new.txt")
	contains(t, s.must(2, "files", "other.example.org", "ls").stderr, "there is no site other.example.org")
}
