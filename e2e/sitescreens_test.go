package e2e

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// environment edits the .env of the site, on the screens and on the command line.
func (d desk) environment() {
	d.see("DOMAIN", blogDomain)
	d.keys("Enter")
	d.see("Overview")
	d.keys("Tab", "Tab", "Tab")
	d.see("The file is not there yet")
	// What is written is in no file of the person's.
	d.edits(`printf 'DB_PASSWORD=%s\nAPP_ENV=prod\n' "$(printf hunter; echo 2)" >"$1"`)
	d.keys("e")
	d.see("Save this?", "+ DB_PASSWORD=••••••••", "+ APP_ENV=••••••••")
	d.hides("hunter2", "prod")
	file := blogFolder + "/shared/.env"
	d.sh("test ! -e " + file)
	d.pressUntil("s", "saved; the one before is kept")
	const first = "DB_PASSWORD=hunter2\nAPP_ENV=prod"
	d.holds(first)
	d.see("DB_PASSWORD")
	d.hides("hunter2")
	d.keys("v")
	d.see("hunter2")
	d.keys("v")
	d.edits(`printf 'A=1\nsecret nonsense\n' >"$1"`)
	d.keys("e")
	d.see("That is no .env", "line 2 of the .env has no =")
	d.hides("nonsense")
	d.pressUntil("Escape", "nothing was changed")
	d.holds(first)
	d.fullEnvironment(first)
	d.editedByCommand()
	d.nowhereHere("hunter2")
	d.nowhereHere("second secret")
	d.noDrafts()
}

// holds sees what the .env is, that only its user may read it, and that nothing is
// left beside it.
func (d desk) holds(text string) {
	d.Helper()
	got := d.sh("cd " + blogFolder + "/shared && cat .env && echo && stat -c '%U %a' .env && ls -A | grep '^[.]env'")
	if want := text + "\n\n" + blogUser + " 600\n.env"; got != want {
		d.Errorf("the .env is %q, wanted %q", got, want)
	}
}

// fullEnvironment saves it where the disk is full.
func (d desk) fullEnvironment(was string) {
	folder := blogFolder + "/shared"
	d.sh(`cp -p ` + folder + `/.env /root/ && mount -t tmpfs -o "size=64k,mode=755,uid=$(id -u ` + blogUser + `)" none ` + folder + ` && cp -p /root/.env ` + folder + `/`)
	d.edits(`{ cat "$1"; printf MORE=; head -c 200000 /dev/zero | tr '\0' x; echo; } >"$1.new"; mv "$1.new" "$1"`)
	d.keys("e")
	d.see("Save this?", "+ MORE=")
	d.pressUntil("s", "It was not saved")
	d.see("disk is full")
	d.holds(was)
	d.sh("umount " + folder + " && rm /root/.env")
	d.pressUntil("t", "saved; the one before is kept")
	if got := d.sh("wc -c <" + folder + "/.env"); got != "200039" {
		d.Errorf("after another try it has %s bytes", got)
	}
}

// editedByCommand edits it by brokeforge env, first to something that it can't be.
func (d desk) editedByCommand() {
	d.keys("q")
	d.pressUntil("q", "ready>")
	again := filepath.Join(d.home, "again")
	d.edits(`echo "$1" >` + again + `.path
if test -e ` + again + `; then printf "B='%s secret'\n" second >"$1"; else : >` + again + `; printf 'A=1\n"nonsense' >"$1"; fi`)
	shown := d.talk(0, []dialogue{{"Edit it again? [y/N]", "y"}, {"Save this on " + d.h.Name + "? [y/N]", "y"}}, "env", "edit", blogDomain)
	contains(d, shown, "line 2 of the .env has no =", "- DB_PASSWORD=••••••••", "+ B=••••••••", "is saved on")
	if strings.Contains(shown, "secret") || strings.Contains(shown, "hunter") {
		d.Errorf("a value is shown:\n%s", shown)
	}
	d.holds("B='second secret'")
	d.edits(`printf 'C=1\n' >"$1"`)
	contains(d, d.talk(2, []dialogue{{"Save this on", "n"}}, "env", "edit", blogDomain), "nothing was changed")
	d.edits("exit 1")
	contains(d, d.talk(2, nil, "env", "edit", blogDomain), "the editor failed")
	d.holds("B='second secret'")
	// Of the versions before, the first can be had back.
	contains(d, d.must(0, "env", "history", blogDomain).stdout, "3  ")
	d.must(0, "env", "restore", blogDomain, "3", "--yes")
	d.holds("DB_PASSWORD=hunter2\nAPP_ENV=prod")
}

// log follows the log of the site on the screens, over a rotation.
func (d desk) log() {
	log := d.sh("ls /var/log/nginx/*" + blogDomain + "*access*")
	request := func(path string) {
		d.sh("curl -sS -o /dev/null -H 'Host: " + blogDomain + "' http://127.0.0.1/" + path)
	}
	request("before")
	d.shell()
	d.see(d.h.Name)
	d.keys("2")
	d.see("DOMAIN", blogDomain)
	d.keys("Enter")
	d.see("Overview")
	d.keys("Tab", "Tab", "Tab", "Tab")
	d.see("The log of requests", "followed", "GET /before")
	request("live")
	d.see("GET /live")
	d.sh(`printf 'a\033[2Jb\033]0;title\007c\302\233\061\155d\342\200\256e\n' >>` + log)
	d.see("abc")
	d.sh("mv " + log + " " + log + ".1 && nginx -s reopen")
	d.untilSh("nginx logs anew", "test -e "+log)
	request("rotated")
	d.see("GET /rotated", "GET /live")
	request(strings.Repeat("long-", 100)) // what is there after the file was emptied is less
	d.see("GET /long-")
	d.sh("truncate -s 0 " + log) // as copytruncate does
	request("truncated")
	d.see("GET /truncated")
	d.keys("F")
	d.see("Only lines that hold this text")
	d.typed("odd")
	d.keys("Enter")
	d.see("lines with odd", "no line has odd yet")
	request("even")
	request("odd")
	d.see("GET /odd")
	d.hides("GET /even", "GET /truncated")
	d.keys("q")
	d.see("DOMAIN")
	d.untilSh("nothing follows the log any more", "! pgrep -x tail")
}

// ownCertificate pastes a certificate and its key into the form.
func (d desk) ownCertificate() {
	chain, key := d.pair(time.Now().Add(48*time.Hour), blogDomain)
	d.keys("Enter")
	d.see("Overview")
	d.keys("c")
	d.see("From", "Chain", "Private key")
	d.keys("Right", "Tab")
	for _, file := range []string{chain, key} {
		text, err := os.ReadFile(file)
		if err != nil {
			d.Fatal(err)
		}
		d.tmux("set-buffer", "--", string(text))
		d.tmux("paste-buffer", "-p", "-t", "t")
		d.see(fmt.Sprintf("%d lines, %d characters, not shown", strings.Count(string(text), "\n"), len(text)))
		d.keys("Tab")
	}
	d.hides("BEGIN")
	d.keys("C-o")
	d.see("enter run")
	d.hides("BEGIN")
	d.pressUntil("Enter", "Run ")
	d.see("done")
	pool := x509.NewCertPool()
	if data, err := os.ReadFile(chain); err != nil || !pool.AppendCertsFromPEM(data) {
		d.Fatal(err)
	}
	d.shown(blogDomain, pool)
	d.pressUntil("Escape", "DOMAIN")
}
