package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func siteWorld(t *testing.T) *world {
	w := newWorld(t, newEngine("web1"))
	w.engine.sites = []job.SiteView{{
		Site: store.Site{ID: "site1", ServerID: "server0", Domain: "a.org"}, Server: "web1", WarnDays: packages.CertificateWarning,
		Packages: []store.SitePackage{{Name: packages.CertificateName, Status: store.Active, Configuration: map[string]string{
			"source": "own", packages.ExpiresKey: noon.Add(9 * 24 * time.Hour).Format(time.RFC3339),
		}}},
	}}
	w.engine.dotenv = "A=hunter2\nB=\n"
	w.engine.ran = []store.SitePackage{{
		Name: packages.CommandName, Status: store.Failed, InstalledAt: noon, By: "ann",
		Configuration: map[string]string{packages.CommandOption: "ls\x1b[2J", packages.StatusKey: "7", packages.SecondsKey: "1.5"},
	}}
	return w
}

func TestExec(t *testing.T) {
	w := siteWorld(t)
	w.engine.frames["web1"] = goodRun("web1")
	w.run(t, 0, "exec", "--timeout", "90s", "a.org", "--", "echo", "a b", "$(x)")
	if got := w.out.String(); got != "Reading lists\nUnpacking\nReady\n" {
		t.Errorf("prints %q", got)
	}
	want := w.engine.requests[0].Packages[0]
	if want.Name != packages.CommandName || want.Values[packages.CommandOption] != `echo 'a b' '$(x)'` || want.Values["timeout"] != "90" || w.engine.requests[0].Site != "site1" {
		t.Errorf("asks for %+v", w.engine.requests[0])
	}
	w = siteWorld(t)
	w.engine.frames["web1"] = badRun("web1")
	w.run(t, 1, "exec", "a.org", "--", "false")
	holds(t, "standard error", w.errs.String(), "exit status 100")
	for _, args := range [][]string{
		{"a.org"},
		{"a.org", "--", " "},
		{"--timeout", "0s", "a.org", "--", "x"},
		{"--history", "a.org", "--", "x"},
		{"b.org", "--", "x"},
	} {
		w := siteWorld(t)
		w.run(t, 2, append([]string{"exec"}, args...)...)
	}
	w = siteWorld(t)
	w.run(t, 0, "exec", "--history", "a.org")
	holds(t, "the history", w.out.String(), "failed", "7", "1.5s", `ls\x1b[2J`)
}

func TestEnv(t *testing.T) {
	w := siteWorld(t)
	w.run(t, 0, "env", "show", "a.org")
	if got := w.out.String(); got != "A=••••••••\nB=\n" {
		t.Errorf("shows %q", got)
	}
	w = siteWorld(t)
	w.run(t, 0, "env", "show", "a.org", "--json")
	if strings.Contains(w.out.String(), "hunter2") {
		t.Errorf("shows a value that nobody asked for:\n%s", &w.out)
	}
	w = siteWorld(t)
	w.run(t, 0, "env", "show", "a.org", "--reveal")
	holds(t, "what is revealed", w.out.String(), "A=hunter2\n")
	file := filepath.Join(t.TempDir(), "value")
	if err := os.WriteFile(file, []byte("it's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w = siteWorld(t)
	w.run(t, 0, "env", "set", "a.org", "B=@"+file, "--yes")
	holds(t, "the difference", w.out.String(), "- B=\n+ B=••••••••\n")
	if w.engine.dotenv != "A=hunter2\nB=\"it's\"\n" {
		t.Errorf("saved is %q", w.engine.dotenv)
	}
	for _, args := range [][]string{{"B=value", "--yes"}, {"B", "--yes"}, {"B=@" + file}} {
		w := siteWorld(t)
		w.run(t, 2, append([]string{"env", "set", "a.org"}, args...)...)
		if w.engine.dotenv != "A=hunter2\nB=\n" {
			t.Errorf("%q saves %q", args, w.engine.dotenv)
		}
	}
	w = siteWorld(t)
	w.run(t, 0, "env", "restore", "a.org", "1", "--yes")
	if w.engine.dotenv != "A=old\n" {
		t.Errorf("restored is %q", w.engine.dotenv)
	}
	w.run(t, 0, "env", "history", "a.org")
	w.run(t, 2, "env", "edit", "a.org") // there is no terminal
}

func TestLogsAndCertificates(t *testing.T) {
	w := siteWorld(t)
	w.run(t, 0, "logs", "a.org", "--error", "--grep", "x", "-n", "7")
	holds(t, "the log", w.out.String(), "Errors:true Lines:7 Text:x Follow:false", `\x1b[2J`)
	w.run(t, 2, "logs", "a.org", "-n", "-1")
	w = siteWorld(t)
	w.run(t, 1, "cert", "status")
	holds(t, "the status", w.out.String(), "a.org", "own", "the certificate expires in 9 days")
	w = siteWorld(t)
	w.run(t, 2, "cert", "a.org") // there is nobody to ask
	w.run(t, 2, "cert", "a.org", "--remove", "--set", "certificate.x=y", "--yes")
	w.run(t, 2, "wordpress", "a.org")
	w.run(t, 2, "wordpress", "a.org", "--remove", "--set", "wordpress.x=y", "--yes")
}
