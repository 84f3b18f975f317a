package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

const (
	blogDomain = "blog.example.org"
	blogFolder = "/srv/sites/" + blogDomain
	blogUser   = "site_blog_example_org"
)

// desk is a person at the screens, with the files of a site.
type desk struct {
	testing.TB
	terminal
	service
}

// TestFilesOfSite handles the files, the .env and the log of a site on the screens.
func TestFilesOfSite(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "sitefiles", Suite: hosts.Trixie})
	s := service{newProgram(t), h}
	s.add(h)
	s.must(0, "site", "add", blogDomain, "--on", h.Name, "--yes", "--set", "kind=static")
	contains(t, s.must(0, "files", blogDomain, "ls").stdout, "current", "releases", "shared")
	s.must(0, "files", blogDomain, "touch", "current/new.txt") // through the link to what is live
	if got := s.sh("stat -c '%U %a' " + blogFolder + "/current/new.txt"); got != blogUser+" 644" {
		t.Errorf("the file is %q", got)
	}
	contains(t, s.must(2, "files", "other.example.org", "ls").stderr, "there is no site other.example.org")

	d := desk{t, openTerminal(s.program, 120, 40), s}
	d.see(h.Name)
	d.open()
	d.changes()
	d.changedMeanwhile()
	d.hostile()
	d.many()
	d.transfers()
	d.fullDisk()
	d.keys("Escape")
	d.environment()
	d.log()
	d.ownCertificate()
	d.noDrafts()
	d.sudo()
}

// open opens the files of the site from wherever one is.
func (d desk) open() {
	d.Helper()
	d.keys("2")
	d.see("DOMAIN", blogDomain)
	d.keys("f")
	d.see("shared/", "releases/")
}

// at puts the cursor on a name by the filter.
func (d desk) at(name string) {
	d.Helper()
	d.keys("/")
	d.keys("C-u")
	d.typed(name)
	d.see("/ " + name)
	d.keys("Enter")
}

// changes makes, edits, renames and deletes a file, and changes its mode.
func (d desk) changes() {
	d.at("shared")
	d.keys("Enter")
	d.see(blogFolder + "/shared")
	d.keys("n")
	d.see("Its name:")
	d.typed("a b.txt")
	d.keys("Enter")
	d.see("made a b.txt")
	d.keys("m")
	d.see("In octal digits")
	d.keys("C-u")
	d.typed("640")
	d.keys("Enter")
	d.see("the mode is 640 now")
	file := "'" + blogFolder + "/shared/a b.txt'"
	before := d.sh("stat -c %i " + file)
	d.edits(`printf 'one\ntwo\n' >"$1"`)
	d.at("a b.txt")
	d.keys("e")
	d.see("saved shared/a b.txt")
	if got := d.sh("cat " + file + " && stat -c '%U %a' " + file); got != "one\ntwo\n"+blogUser+" 640" {
		d.Errorf("after saving it is %q", got)
	}
	if d.sh("stat -c %i "+file) == before {
		d.Error("it was written in place, not replaced")
	}
	d.edits("exit 3")
	d.keys("e")
	d.see("nothing was saved", "exit status 3")
	d.keys("Enter")
	d.see("one", "two", "8 B")
	d.keys("h", "r")
	d.see("Its new name:")
	d.keys("C-u")
	d.typed("new name.txt")
	d.keys("Enter")
	d.see("it is called new name.txt now")
	d.keys("D")
	d.see("Delete new name.txt?")
	d.pressUntil("d", "deleted new name.txt")
	if got := d.sh("ls -A " + blogFolder + "/shared"); got != "" {
		d.Errorf("there is left %q", got)
	}
}

// changedMeanwhile has somebody else write a file while it is edited.
func (d desk) changedMeanwhile() {
	file := blogFolder + "/shared/config"
	d.sh("install -o " + blogUser + " -g " + blogUser + " /dev/null " + file)
	d.keys("R")
	d.at("config")
	begun, goOn := filepath.Join(d.home, "begun"), filepath.Join(d.home, "go")
	d.edits(": >" + begun + "; while test ! -e " + goOn + `; do sleep 0.01; done; printf mine >"$1"`)
	d.keys("e")
	eventually(d, "the editor is started", func() bool { return isThere(begun) })
	d.sh("printf theirs >" + file)
	if err := os.WriteFile(goOn, nil, 0o600); err != nil {
		d.Fatal(err)
	}
	d.see("Replace it?", "has changed on the server")
	if got := d.sh("cat " + file); got != "theirs" {
		d.Errorf("before anybody agreed it is %q", got)
	}
	d.pressUntil("r", "saved shared/config")
	if got := d.sh("cat " + file); got != "mine" {
		d.Errorf("it is %q", got)
	}
}

// hostile has names and content that a screen must not obey, and a link that leads
// out of the folder.
func (d desk) hostile() {
	d.sh(`cd ` + blogFolder + `/shared && printf '\177ELF\000\033[2J' >bin && ln -s /etc out && touch "$(printf 'line\nbreak\033[2J\377')" && chown -h ` + blogUser + `: *`)
	d.keys("R")
	d.at("bin")
	d.keys("e")
	d.see("bin is no text: download it")
	d.keys("Enter")
	d.see("no text", "7f 45 4c 46 00 1b")
	d.keys("h")
	d.see("/ bin")
	d.at("out")
	d.see("out →")
	d.keys("Enter")
	d.see("leads out of the folder, to /etc")
	d.at("break")
	d.see(`line\nbreak\e[2J\xff`)
	d.keys("D")
	d.see("Delete line")
	d.pressUntil("d", "deleted line")
	if got := d.sh("cd " + blogFolder + "/shared && ls -A && ls -d /etc/passwd"); got != "bin\nconfig\nout\n/etc/passwd" {
		d.Errorf("there is %q", got)
	}
}

// many opens a folder of 100,000 and finds one in it.
func (d desk) many() {
	d.sh(`mkdir ` + blogFolder + `/shared/many && cd ` + blogFolder + `/shared/many && seq -f 'file-%07.0f' 100000 | xargs touch && chown -R ` + blogUser + `: .`)
	d.keys("R")
	d.at("many")
	begun := time.Now()
	d.keys("Enter")
	d.see("100000 entries")
	d.Logf("a folder of 100,000 was listed after %v", time.Since(begun))
	begun = time.Now()
	d.at("file-0054321")
	d.see("(1/100000)")
	d.Logf("one of 100,000 was found after %v", time.Since(begun))
	d.keys("D")
	d.see("Delete file-0054321?")
	d.pressUntil("d", "deleted file-0054321")
	d.see("(0/99999)")
	d.sh("test ! -e " + blogFolder + "/shared/many/file-0054321 && rm -rf " + blogFolder + "/shared/many")
	d.keys("h")
	d.see("config")
}

// transfers uploads a file and downloads it.
func (d desk) transfers() {
	from, to := filepath.Join(d.home, "local.bin"), filepath.Join(d.home, "back.bin")
	data := bytes.Repeat([]byte{0, 1, 2, 0xff}, 1<<20)
	if err := os.WriteFile(from, data, 0o600); err != nil {
		d.Fatal(err)
	}
	d.keys("u")
	d.see("This file of this machine:")
	d.typed(from)
	d.keys("Enter")
	d.see("uploaded local.bin")
	d.keys("d")
	d.see("To this file of this machine:")
	d.keys("C-u")
	d.typed(to)
	d.keys("Enter")
	d.see("downloaded to")
	if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, data) {
		d.Errorf("%d bytes came back, %v", len(got), err)
	}
	d.sh("rm " + blogFolder + "/shared/local.bin")
}

// fullDisk saves and uploads where there is no room.
func (d desk) fullDisk() {
	folder := blogFolder + "/shared/small"
	d.sh(`mkdir ` + folder + ` && mount -t tmpfs -o "size=64k,mode=755,uid=$(id -u ` + blogUser + `)" none ` + folder + ` && printf old >` + folder + `/kept && chown ` + blogUser + `: ` + folder + `/kept`)
	d.keys("R")
	d.at("small")
	d.keys("Enter")
	d.see("kept")
	d.edits(`head -c 200000 /dev/zero | tr '\0' x >"$1"`)
	d.keys("e")
	d.see("the disk of the server is full", "kept in")
	d.keys("u")
	d.see("This file of this machine:")
	d.typed(filepath.Join(d.home, "local.bin"))
	d.keys("Enter")
	d.see("upload shared/small/local.bin: the disk of the server is full")
	if got := d.sh("cd " + folder + " && ls -A && cat kept"); got != "kept\nold" {
		d.Errorf("there is now %q", got)
	}
	d.keys("h")
	d.see("config")
	d.sh("umount " + folder + " && rmdir " + folder)
	// What could not be saved is kept for the person.
	drafts, err := filepath.Glob(filepath.Join(d.home, "brokeforge-*", "kept"))
	if err != nil || len(drafts) != 1 {
		d.Fatalf("kept is %v, %v", drafts, err)
	}
	if text, err := os.ReadFile(drafts[0]); err != nil || len(text) != 200_000 {
		d.Errorf("%d bytes of what was edited are kept, %v", len(text), err)
	}
	if err := os.RemoveAll(filepath.Dir(drafts[0])); err != nil {
		d.Error(err)
	}
}

// sudo does it as a person whose sudo wants a password, on the screens and on the
// command line.
func (d desk) sudo() {
	d.sh(`useradd -m -s /bin/bash deploy && echo 'deploy:correct horse' | chpasswd && install -d -o deploy -m 700 /home/deploy/.ssh &&
install -o deploy -m 600 /root/.ssh/authorized_keys /home/deploy/.ssh/ && echo 'deploy ALL=(ALL) ALL' >/etc/sudoers.d/deploy`)
	d.keys("q")
	d.pressUntil("q", "ready>")
	d.talk(0, []dialogue{{"for sudo: ", "correct horse"}}, "server", "change", d.h.Name, "--user", "deploy")
	contains(d, d.talk(0, []dialogue{{"for sudo: ", "correct horse"}}, "files", blogDomain, "ls", "shared"), "config")
	d.shell()
	// Reading the facts at the start asks for it.
	d.see("Password of deploy on "+d.h.Name, "for sudo")
	d.answer("correct horse")
	d.pressUntil("2", "DOMAIN")
	d.see(blogDomain)
	d.keys("f")
	d.see("shared/", "releases/")
	d.keys("n")
	d.see("Its name:")
	d.typed("by-sudo")
	d.keys("Enter")
	d.see("made by-sudo")
	d.edits(`printf edited >"$1"`)
	d.keys("e")
	d.see("saved by-sudo")
	if got := d.sh("cat " + blogFolder + "/by-sudo && stat -c ' %U %a' " + blogFolder + "/by-sudo"); got != "edited "+blogUser+" 644" {
		d.Errorf("it is %q", got)
	}
	d.keys("q")
	d.see("DOMAIN")
	d.keys("Enter")
	d.see("Overview")
	d.keys("Tab", "Tab", "Tab")
	d.see("DB_PASSWORD")
	d.keys("Tab")
	d.see("GET /odd")
	d.pressUntil("Escape", "DOMAIN")
	d.untilSh("nothing goes on there", "! pgrep -x 'tail|sftp-server'")
	d.pressUntil("q", "ready>")
}
