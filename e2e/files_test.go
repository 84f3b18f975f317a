package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

// explorer handles the files of a folder on a host from the command line.
type explorer struct {
	program
	h *hosts.Host
}

func (x explorer) args(args ...string) []string {
	return append([]string{"files", "--on", x.h.Name, "--root", "/srv/site", "--user", "alice"}, args...)
}

// does demands that it goes well and returns what was printed.
func (x explorer) does(args ...string) string {
	x.Helper()
	return x.must(0, x.args(args...)...).stdout
}

// refuses demands that it is refused with a sentence.
func (x explorer) refuses(says string, args ...string) {
	x.Helper()
	r := x.must(2, x.args(args...)...)
	contains(x, r.stderr, says)
}

func (x explorer) sh(script string) string {
	x.Helper()
	return on(x, x.h, "sh", "-c", script)
}

// TestFiles handles the files of a user on a real host, whose login is root.
func TestFiles(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	x := explorer{newProgram(t), start(t, hosts.Spec{Name: "fileshost", Suite: hosts.Trixie})}
	x.add(x.h)
	x.sh(`useradd -m -s /bin/sh alice && useradd -m bob && usermod -aG www-data alice
		install -d -o alice -g alice /srv/site /srv/site-evil /srv/site/dir && chmod 755 /srv
		echo evil >/srv/site-evil/x && echo other >/root/secret && chmod 600 /root/secret`)
	t.Run("verbs", func(t *testing.T) { filesVerbs(explorer{program{t, x.home}, x.h}) })
	t.Run("save", func(t *testing.T) { filesSave(explorer{program{t, x.home}, x.h}) })
	t.Run("escapes", func(t *testing.T) { filesEscapes(explorer{program{t, x.home}, x.h}) })
	t.Run("races", func(t *testing.T) { filesRaces(explorer{program{t, x.home}, x.h}) })
	t.Run("names", func(t *testing.T) { filesNames(explorer{program{t, x.home}, x.h}) })
	t.Run("many", func(t *testing.T) { filesMany(explorer{program{t, x.home}, x.h}) })
	t.Run("full", func(t *testing.T) { filesFull(explorer{program{t, x.home}, x.h}) })
	t.Run("cut", func(t *testing.T) { filesCut(explorer{program{t, x.home}, x.h}) })
	t.Run("sudo", func(t *testing.T) { filesBySudo(explorer{program{t, t.TempDir()}, x.h}) })
	// What serves files ends when it notices that nobody reads any more.
	eventually(t, "no file server is left", func() bool { return x.sh("pgrep -x sftp-server || true") == "" })
	if left := x.sh(`find /srv/site -name '.brokeforge-*'`); left != "" {
		t.Errorf("there is left on the server: %s", left)
	}
}

func filesVerbs(x explorer) {
	x.does("touch", "a b.txt")
	x.does("mkdir", "dir/new")
	x.does("mv", "a b.txt", "dir/new/c.txt")
	x.does("chmod", "640", "dir/new/c.txt")
	if got := x.sh(`stat -c '%U %G %a' /srv/site/dir/new /srv/site/dir/new/c.txt`); got != "alice alice 755\nalice alice 640" {
		x.Errorf("what was made is %q", got)
	}
	x.refuses("is there already", "touch", "dir/new/c.txt")
	x.does("touch", "other")
	x.refuses("is there already", "mv", "other", "dir/new/c.txt")
	x.does("rm", "other")
	x.refuses("into itself", "mv", "dir", "dir/new/dir")
	x.refuses("is not there", "cat", "nothing")
	x.refuses("--yes must be given", "rm", "dir/new")
	x.does("rm", "--yes", "dir/new")
	if got := x.sh(`ls /srv/site/dir`); got != "" {
		x.Errorf("%q is left", got)
	}
	for _, at := range [][]string{{"--user", "root"}, {"--user", "nobody2"}, {"--user", "-rf"}, {"--root", "/"}, {"--root", "srv"}, {"--root", "/srv/none"}} {
		args := append(x.args(at...), "ls")
		if r := x.run(args...); r.code != 2 || r.stdout != "" {
			x.Errorf("%v gives %d, %q, %q", at, r.code, r.stdout, r.stderr)
		}
	}
}

func filesSave(x explorer) {
	x.sh(`cd /srv/site && printf 'A=1\n' >.env && chown alice:www-data .env && chmod 640 .env
		printf x >foreign && chown bob:alice foreign && chmod 664 foreign && ln -s .env link`)
	before := x.sh("stat -c %i /srv/site/.env")
	edit := func(script string, args ...string) result {
		x.edits(script)
		return x.run(x.args(args...)...)
	}
	if r := edit(`printf 'A=2\n' >"$1"`, "edit", "link"); r.code != 0 {
		x.Fatalf("edit gives %d: %s", r.code, r.stderr)
	}
	if got := x.sh(`cd /srv/site && cat .env && stat -c '%U %G %a' .env && readlink link`); got != "A=2\nalice www-data 640\n.env" {
		x.Errorf("after saving it is %q", got)
	}
	if after := x.sh("stat -c %i /srv/site/.env"); after == before {
		x.Error("it was written in place, not replaced")
	}
	r := edit(`printf y >"$1"`, "edit", "foreign")
	contains(x, r.stderr, "saved in place")
	if got := x.sh(`cd /srv/site && cat foreign && stat -c ' %U %G %a' foreign`); got != "y bob alice 664" {
		x.Errorf("the foreign file is %q", got)
	}
	// Somebody writes it while it is edited, with the same size and time.
	begun, goOn := filepath.Join(x.TempDir(), "begun"), filepath.Join(x.TempDir(), "go")
	x.edits(`: >` + begun + `; while test ! -e ` + goOn + `; do sleep 0.01; done; printf 'A=3\n' >"$1"`)
	editing := x.start(x.args("edit", ".env")...)
	eventually(x, "the editor is started", func() bool { return isThere(begun) })
	x.sh(`cd /srv/site && touch -r .env /tmp/t && printf 'A=9\n' >.env && touch -r /tmp/t .env`)
	if err := os.WriteFile(goOn, nil, 0o600); err != nil {
		x.Fatal(err)
	}
	_ = editing.cmd.Wait() // it is told by its exit status
	contains(x, editing.output(), "has changed on the server", "is kept in")
	if got, code := x.sh(`cat /srv/site/.env`), editing.cmd.ProcessState.ExitCode(); got != "A=9" || code != 2 {
		x.Errorf("it was overwritten: %q, with %d", got, code)
	}
	_, rest, _ := strings.Cut(editing.output(), "is kept in ")
	kept, _, _ := strings.Cut(rest, ",")
	if text, err := os.ReadFile(kept); err != nil || string(text) != "A=3\n" {
		x.Errorf("kept is %q, %v", text, err)
	}
	if err := os.RemoveAll(filepath.Dir(kept)); err != nil {
		x.Error(err)
	}
	x.noDrafts()
}

func filesEscapes(x explorer) {
	x.sh(`cd /srv/site && ln -s / top && ln -s /srv/site-evil evil && ln -s ../site-evil/x file && ln -s nowhere dangling
		ln -s loop2 loop1 && ln -s loop1 loop2 && ln -s /root/secret secret && mkfifo pipe && mkdir del && ln -s /srv/site-evil del/out && ln -s dir in
		ln -s / dir/top && chown -h alice: *`)
	for _, name := range []string{"top/etc/passwd", "evil/x", "file", "secret", "dangling", "loop1", "pipe", "in/top/etc/passwd"} {
		r := x.must(2, x.args("cat", name)...)
		if r.stdout != "" || strings.Contains(r.stderr, "internal") {
			x.Errorf("%s gives %q, %q", name, r.stdout, r.stderr)
		}
	}
	x.refuses(`".." is not taken`, "cat", "../site-evil/x")
	x.refuses("leads out of the folder", "touch", "evil/new")
	x.refuses("leads out of the folder", "rm", "evil/x")
	x.refuses("leads out of the folder", "mv", "file", "evil/y")
	x.refuses("it is a link", "chmod", "777", "evil")
	x.refuses("leads out of the folder", "edit", "file")
	x.sh(`cd /srv/site && truncate -s 1T sparse && mknod device c 1 5 && chown alice: sparse device`)
	x.refuses("download it with get", "cat", "sparse")
	x.refuses("larger than 8 MiB", "edit", "sparse")
	x.refuses("it is a device", "cat", "device")
	x.refuses("it is a device", "get", "device", filepath.Join(x.TempDir(), "device"))
	x.refuses("longer than 4095 bytes", "touch", strings.Repeat("d/", 2100))
	x.does("rm", "sparse", "device")
	x.refuses("a named pipe", "get", "pipe", filepath.Join(x.TempDir(), "pipe"))
	x.refuses("that would be all there is", "rm", "--yes", "/")
	x.does("rm", "--yes", "del")
	x.does("rm", "evil", "top", "loop1", "dangling", "pipe")
	if got := x.sh(`ls /srv/site-evil; cat /srv/site-evil/x; stat -c %a /srv/site-evil; ls /etc/passwd`); got != "x\nevil\n755\n/etc/passwd" {
		x.Errorf("outside is now %q", got)
	}
	x.sh(`cd /srv/site && rm -f file secret loop2 in dir/top`)
}

// filesRaces swaps a folder with a link to what only root may read, again and again,
// while files under it are read, made and deleted.
func filesRaces(x explorer) {
	x.sh(`install -d -m 700 /root/vault && echo secret-of-root >/root/vault/f && mkdir -p /srv/site/swap-a && echo mine >/srv/site/swap-a/f && ln -s /root/vault /srv/site/swap-b && chown -hR alice: /srv/site/swap-a /srv/site/swap-b
		nohup sh -c 'cd /srv/site; while test ! -e /tmp/enough; do mv -T --exchange swap-a swap-b 2>/dev/null || { mv -T swap-a s; mv -T swap-b swap-a; mv -T s swap-b; }; done; echo done >/tmp/swapped' >/dev/null 2>&1 &`)
	for range 15 {
		r := x.run(x.args("cat", "swap-a/f")...)
		if strings.Contains(r.stdout, "root") {
			x.Fatalf("the secret was read: %q", r.stdout)
		}
		x.run(x.args("rm", "swap-a/f")...)
		x.run(x.args("touch", "swap-a/f")...)
		x.run(x.args("chmod", "666", "swap-a/f")...)
	}
	x.sh(`touch /tmp/enough; n=0; while test ! -e /tmp/swapped; do n=$((n+1)); test $n -lt 1000 || exit 1; sleep 0.01; done`)
	if got := x.sh(`cd /root/vault; ls; cat f; stat -c %a f`); got != "f\nsecret-of-root\n644" {
		x.Errorf("what is root's is now %q", got)
	}
	x.sh(`rm -rf /srv/site/swap-a /srv/site/swap-b /srv/site/s`)
}

func filesNames(x explorer) {
	names := []string{"a b", "new\nline", "esc\x1b[2J", "\xff\xfe", strings.Repeat("n", 255), "-rf", "$(touch pwn)", "back\\slash", " ", "\u202ertl", "ünï"}
	for _, n := range names {
		x.does("touch", "--", n)
	}
	var list []struct {
		Name  string
		Bytes []byte
	}
	read(x, x.does("ls", "--json"), &list)
	for _, n := range names {
		i := slices.IndexFunc(list, func(e struct {
			Name  string
			Bytes []byte
		},
		) bool {
			return string(e.Bytes) == n
		})
		if i < 0 {
			x.Errorf("%q is not listed", n)
			continue
		}
		if strings.ContainsAny(list[i].Name, "\x1b\n\u202e") {
			x.Errorf("%q is shown as %q", n, list[i].Name)
		}
	}
	if out := x.does("ls"); strings.ContainsAny(out, "\x1b\u202e") {
		x.Errorf("it prints %q", out)
	}
	x.refuses("say what it is to be called", "get", "esc\x1b[2J")
	x.does("mv", "--", "new\nline", "other\nline")
	names[1] = "other\nline"
	for _, n := range names {
		x.does("rm", "--", n)
	}
	x.does("ls", "dir")
	if got := x.sh(`ls -A /srv/site; ls /srv/site/pwn /tmp/pwn 2>/dev/null || true`); strings.Contains(got, "pwn") || strings.Contains(got, "line") {
		x.Errorf("there is %q", got)
	}
}

// filesMany lists and deletes a large folder; TestFilesOfSite has a larger one.
func filesMany(x explorer) {
	x.sh(`mkdir /srv/site/many && cd /srv/site/many && seq -f 'file-%07.0f' 20000 | xargs touch && chown -R alice: .`)
	var list []json.RawMessage
	read(x, x.does("ls", "many", "--json"), &list)
	if len(list) != 20_000 {
		x.Errorf("there are %d", len(list))
	}
	r := x.must(2, x.args("rm", "many")...)
	contains(x, r.stderr, "with 20000 entries in it")
	x.does("rm", "--yes", "many")
	x.sh("test ! -e /srv/site/many")
}

// filesFull fills a disk: what is there stays, nothing is left beside it.
func filesFull(x explorer) {
	x.sh(`mkdir /srv/site/small && mount -t tmpfs -o "size=128k,nr_inodes=20,mode=755,uid=$(id -u alice),gid=$(id -g alice)" none /srv/site/small && cd /srv/site/small &&
		printf old >kept && printf old >foreign && chown alice: kept && chown bob:alice foreign && chmod 664 foreign`)
	large := filepath.Join(x.TempDir(), "large")
	if err := os.WriteFile(large, bytes.Repeat([]byte("large "), 50<<10), 0o600); err != nil {
		x.Fatal(err)
	}
	x.edits("cp " + large + ` "$1"`)
	const full = "the disk of the server is full"
	x.refuses(full, "edit", "small/kept")
	x.refuses(full, "edit", "small/foreign") // which is written in place
	x.refuses(full, "put", large, "small/new")
	x.refuses(full, "put", "--force", large, "small/kept")
	if got := x.sh(`cd /srv/site/small && ls -A && cat * && stat -c ' %U %a' *`); got != "foreign\nkept\noldold bob 664\n alice 644" {
		x.Errorf("there is now %q", got)
	}
	x.sh(`cd /srv/site/small && n=0 && while touch f$n 2>/dev/null; do n=$((n+1)); done`)
	x.refuses("no room for more files", "touch", "small/more")
	x.sh("umount /srv/site/small && rmdir /srv/site/small")
}

// filesCut breaks a download and an upload of 200 MB off in their middle, and has the
// next call go on with what is there.
func filesCut(x explorer) {
	const size = 200 << 20
	x.sh(`cd /srv/site && truncate -s 200M big && for at in 0 50 120 199; do head -c 1048576 /dev/urandom | dd of=big bs=1M seek=$at conv=notrunc status=none; done; chown alice: big`)
	sum := x.sh(`sha256sum /srv/site/big | cut -d' ' -f1`)
	local := filepath.Join(x.TempDir(), "big")
	part := func() string {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(local), ".brokeforge-*.part"))
		if len(found) == 0 {
			return ""
		}
		return found[0]
	}
	x.broken(func() int64 {
		if info, err := os.Stat(part()); err == nil {
			return info.Size()
		}
		return 0
	}, "get", "big", local)
	before := inode(x, part())
	x.does("get", "big", local)
	if inode(x, local) != before || hashOf(x, local) != sum {
		x.Error("the download did not go on where it was, or is not the same")
	}
	x.refuses("--force replaces it", "get", "big", local)
	x.broken(func() int64 {
		n, err := strconv.ParseInt(x.sh(`stat -c %s /srv/site/.brokeforge-*.part 2>/dev/null || echo 0`), 10, 64)
		if err != nil {
			x.Error(err)
		}
		return n
	}, "put", local, "up")
	there := x.sh(`stat -c %i /srv/site/.brokeforge-*.part`)
	x.does("put", local, "up")
	if got := x.sh(`cd /srv/site && stat -c '%i %U %a' up && sha256sum up | cut -d' ' -f1`); got != there+" alice 644\n"+sum {
		x.Errorf("the upload is %q", got)
	}
	if info, err := os.Stat(local); err != nil || info.Size() != size {
		x.Errorf("here are %v, %v", info, err)
	}
	x.does("rm", "big", "up")
}

// broken begins a transfer and cuts the host's cable when a quarter of it is there.
func (x explorer) broken(there func() int64, args ...string) {
	x.Helper()
	f := x.start(x.args(args...)...)
	deadline := time.Now().Add(time.Minute)
	for there() < 20<<20 {
		if time.Now().After(deadline) {
			x.Fatalf("nothing is transferred: %s", f.output())
		}
	}
	if err := x.h.Cut(); err != nil {
		x.Fatal(err)
	}
	err := f.cmd.Wait()
	if joinErr := x.h.Join(); joinErr != nil {
		x.Fatal(joinErr)
	}
	if err == nil {
		x.Fatal("it ended well with the cable cut")
	}
	contains(x, f.output(), "the same again goes on from there")
}

func read(x explorer, text string, into any) {
	x.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		x.Fatalf("%v in %q", err, text[:min(len(text), 200)])
	}
}

func inode(x explorer, file string) uint64 {
	x.Helper()
	info, err := os.Stat(file)
	if err != nil {
		x.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

func hashOf(x explorer, file string) string {
	x.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		x.Fatal(err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// filesBySudo does it with a login that is not root, and with the user's own.
func filesBySudo(x explorer) {
	x.admin(x.h)
	x.does("touch", "by-sudo")
	if got := x.sh(`stat -c %U /srv/site/by-sudo`); got != "alice" {
		x.Errorf("it belongs to %s", got)
	}
	x.does("rm", "by-sudo")
	own := x.args("ls")
	own[slices.Index(own, "alice")] = "ops"
	x.must(0, own...)
}
