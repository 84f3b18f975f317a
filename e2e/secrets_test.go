package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brokeforge/cmd"
	"brokeforge/e2e/hosts"
	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/packages/job"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// spiller is a package with secrets that does what it can to spill them.
type spiller struct{}

const spillerName packages.Name = "spiller"

func (spiller) Name() packages.Name             { return spillerName }
func (spiller) Type() packages.Type             { return packages.Database }
func (spiller) Credential() packages.Credential { return packages.Root() }
func (spiller) Probe() string                   { return "" }

func (spiller) Describe() packages.Description {
	return packages.Description{
		Title: "Spiller", Summary: "spills what it is told", Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{Name: "password", Kind: packages.Secret, Required: true, Help: "what is not to be seen"},
			{Name: "token", Kind: packages.Secret, Required: true, Help: "made", Generate: packages.Generate{Length: 40}},
			{Name: "fail", Kind: packages.YesNo, Help: "whether it fails"},
		},
	}
}

// printing prints the password in many forms, whole and in parts.
const printing = `p=$(cat "$SECRETS/password"; echo x) && p=${p%x}
echo "plain: $p"
printf 'in parts: '
printf '%s' "$p" | while IFS= read -r line || [ -n "$line" ]; do printf '%s' "${line%"${line#???}"}"; sleep 0.05; printf '%s\n' "${line#???}"; done
printf '\033[31mcolour: %s\033[0m\n' "$p"
printf 'base64: '; printf '%s' "$p" | base64 -w 0; echo
printf 'wrapped: '; printf '%s' "$p" | base64
printf 'basic: '; printf 'user:%s' "$p" | base64 -w 0; echo
printf 'hex: '; printf '%s' "$p" | od -An -v -tx1 | tr -d ' \n'; echo
(set -x; : "$p") 2>&1
echo "token: $(cat "$SECRETS/token")"
`

func (spiller) Install(ctx packages.Context) ([]packages.Command, error) {
	password := packages.SecretOf(spillerName, "", "password")
	files := map[string]string{
		"password": ctx.Values["password"],
		"token":    ctx.Values["token"],
		"my.cnf":   "[client]\npassword=" + packages.SecretRef(password, packages.ForSh) + "\n",
	}
	end := "exit 0"
	if ctx.Values.Yes("fail") {
		end = `printf 'it failed with %s\n' "$(cat "$SECRETS/password")"; exit 3`
	}
	as := packages.User(packages.DefaultAppUser)
	return []packages.Command{
		packages.Track{Name: "spill", Label: "Spilling"},
		packages.Write{Path: "/root/raw", Content: ctx.Values["password"], Mode: 0o600},
		packages.Write{Path: "/root/quoted", Content: "p=" + packages.SecretRef(password, packages.ForSh) + "\nprintf %s \"$p\"\n", Mode: 0o600},
		packages.Run{
			Title: "print it as root", Secrets: files, Check: `cmp -s "$SECRETS/token" /root/token`,
			// Others look on meanwhile.
			Script: printing + `cp "$SECRETS/password" /root/copy; touch /root/look; until [ -e /root/looked ] || [ ! -e /root/looking ]; do sleep 0.05; done
cp "$SECRETS/token" /root/token`,
		},
		packages.Run{
			Title: "print it as the app user", As: as, Secrets: files, Check: `cmp -s "$SECRETS/token" "$HOME/token"`,
			Script: printing + `umask 077; cat "$SECRETS/password" >"$HOME/copy"; cat "$SECRETS/token" >"$HOME/token"` + "\n" + end,
		},
		packages.Persist{Version: `cat /root/raw`},
	}, nil
}

func (spiller) Remove(packages.Context) ([]packages.Command, error) {
	return []packages.Command{
		packages.Track{Name: "clean", Label: "Cleaning"},
		packages.Run{Script: "rm -f /root/raw /root/quoted /root/copy /root/token /home/*/copy /home/*/token", Check: "[ ! -e /root/raw ]"},
		packages.Forget{},
	}, nil
}

// shop is the catalog with the spiller in it.
type shop struct{ packages.Catalog }

func (s shop) Server(name packages.Name) (packages.ServerPackage, bool) {
	if name == spillerName {
		return spiller{}, true
	}
	return s.Catalog.Server(name)
}

func (s shop) Names() []packages.Name { return append(s.Catalog.Names(), spillerName) }

// shopEngine is an engine as the commands want it.
type shopEngine struct{ *job.Engine }

func (e shopEngine) Subscribe() cmd.Subscription { return e.Engine.Subscribe() }

// shopProgram is the command line over the shop, within this process.
type shopProgram struct {
	*testing.T
	home string
	said strings.Builder // all that was ever printed
}

func (p *shopProgram) must(code int, stdin string, args ...string) string {
	p.Helper()
	var stdout, stderr bytes.Buffer
	got := cmd.Main(p.Context(), args, cmd.Env{
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
		Getenv: func(name string) string {
			return map[string]string{"HOME": p.home, "BROKEFORGE_STATE": p.home + "/state"}[name]
		},
		Now: time.Now, UTF8: true, Catalog: shop{catalog.New()}, Patience: 2 * time.Second,
		Open: p.open, CanShow: func() error { return errors.New("no terminal") },
	})
	if got != code {
		p.Fatalf("%v gives %d, wanted %d\nstdout:\n%s\nstderr:\n%s", args, got, code, &stdout, &stderr)
	}
	if args[0] != "secret" {
		p.said.WriteString(stdout.String() + stderr.String())
	}
	return stdout.String()
}

func (p *shopProgram) open(_ context.Context, s cmd.Settings) (*cmd.Session, error) {
	db, err := store.Open(s.StateDir, store.Options{Vault: store.Vault{KeyFile: s.Config.Secrets.KeyFile}})
	if err != nil {
		return nil, err
	}
	pool := sshrun.NewPool(sshrun.Options{KnownHosts: []string{}, AgentSocket: "none"})
	engine := job.New(job.Config{Store: db, Catalog: shop{catalog.New()}, Connector: job.Pool(pool), By: "ops"})
	return &cmd.Session{
		Engine: shopEngine{engine},
		Close:  func() error { return errors.Join(engine.Close(), pool.Close(), db.Close()) },
	}, nil
}

// nastyPasswords are values that get lost, cut or run where something is careless.
func nastyPasswords() []string {
	every := ""
	for r := ' '; r <= '~'; r++ {
		every += string(r)
	}
	return []string{
		"Zanary-7f3-plain", every, "  Zanary lead and trail  ", "Zanary-🔑-é-漢字", "$(id)`id`${HOME}Zanary", "[hidden]", "(set)",
		strings.Repeat("Zanary0123456789", 64), `Zanary'"'\''\\"\n%s%d`, "-Zanary", "#!Zanary*?[a]~",
	}
}

// forms are the ways in which a value must not be seen anywhere.
func forms(value string) []string {
	encoded := base64.StdEncoding.EncodeToString([]byte(value))
	out := []string{value, url.QueryEscape(value), fmt.Sprintf("%x", value), encoded[:len(encoded)-4]}
	if len(encoded) > 76 {
		out = append(out, encoded[:76])
	}
	return out
}

// nowhere demands that a text holds no form of a value.
func nowhere(t testing.TB, where, text, value string) {
	t.Helper()
	if value == "[hidden]" || value == "(set)" {
		return // which is what stands for secrets
	}
	for _, form := range forms(value) {
		if i := strings.Index(text, form); i >= 0 {
			t.Errorf("%s holds %q in %q", where, form, text[max(0, i-40):min(len(text), i+len(form)+40)])
		}
	}
}

// filesOf returns the names and contents of all files below a folder.
func filesOf(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// onlooker notes what can be seen of the password on the host while a step has it:
// by all arguments and, as another user sees them, environments and files.
const onlooker = `#!/bin/sh
until [ -e /root/look ]; do sleep 0.05; done
for p in /proc/[0-9]*; do
	[ "${p#/proc/}" = $$ ] || { cat "$p/cmdline" "$p/environ"; echo; } 2>/dev/null
done | tr '\0' '\n' >/root/seen
ls -lR /run/brokeforge-steps >>/root/seen
runuser -u worker -- sh -c 'cat /run/brokeforge-steps/*/*/* /run/brokeforge/*/* /proc/[0-9]*/environ; ls /run/brokeforge-steps /run/brokeforge' >/root/seen-by-others 2>&1
touch /root/looked
`

func TestSecrets(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			h := start(t, hosts.Spec{Name: "secrets-" + name, Suite: suite})
			p := &shopProgram{T: t, home: t.TempDir()}
			p.must(0, "", "server", "add", h.Name, h.Address(), "--key", lab.Key(), "--accept-new")
			p.must(0, "", "install", "base", "--on", h.Name, "--yes")
			values := nastyPasswords()
			for i, value := range values {
				spill(t, p, h, value, i == 0)
			}
			spillByFailing(t, p, h)
			leftOnHost(t, p, h, values)
			p.must(0, "", "remove", "spiller", "--on", h.Name, "--yes")
			if list := p.must(0, "", "secret", "list"); strings.Contains(list, "spiller") {
				t.Errorf("kept after the removal:\n%s", list)
			}
		})
	}
}

// spill installs with a password, and looks whether it has arrived and what else
// knows it.
func spill(t *testing.T, p *shopProgram, h *hosts.Host, value string, look bool) {
	on(t, h, "rm", "-f", "/root/look", "/root/looked", "/root/looking", "/root/token", "/home/brokeforge/token")
	if look {
		if err := h.WriteFile(t.Context(), "/root/onlooker", []byte(onlooker)); err != nil {
			t.Fatal(err)
		}
		on(t, h, "sh", "-c", "touch /root/looking; systemd-run --quiet --unit=onlooker sh /root/onlooker")
	}
	p.must(0, value, "install", "spiller", "--on", h.Name, "--set", "spiller.password=-", "--yes", "--output", "--json")
	server := h.Name + "/spiller."
	if got := p.must(0, "", "secret", "show", server+"password", "--yes"); got != value+"\n" {
		t.Errorf("kept: %q, want %q", got, value)
	}
	token := strings.TrimSpace(p.must(0, "", "secret", "show", server+"token", "--yes"))
	for path, want := range map[string]string{
		"/root/raw": value, "/root/copy": value, "/home/brokeforge/copy": value, "/root/token": token, "/home/brokeforge/token": token,
	} {
		got, err := h.ReadFile(t.Context(), path)
		if err != nil || string(got) != want {
			t.Errorf("%s holds %q, want %q (%v)", path, got, want, err)
		}
	}
	if got, err := h.Exec(t.Context(), "sh", "/root/quoted"); err != nil || string(got) != value {
		t.Errorf("quoted: %q, want %q (%v)", got, value, err)
	}
	if look {
		seen := on(t, h, "cat", "/root/seen")
		contains(t, seen, "SECRETS=/run/brokeforge-steps/")
		nowhere(t, "the list of processes", seen, value)
		nowhere(t, "the list of processes", seen, token)
		others := on(t, h, "cat", "/root/seen-by-others")
		contains(t, others, "Permission denied")
		nowhere(t, "what others see", others, value)
	}
	for file, text := range filesOf(t, p.home) {
		nowhere(t, file, text, value)
		nowhere(t, file, text, token)
	}
	nowhere(t, "what was printed", p.said.String(), value)
	nowhere(t, "what was printed", p.said.String(), token)
	// It is there, so nothing is left to do; also without giving it again.
	contains(t, p.must(0, "", "install", "spiller", "--on", h.Name, "--yes"), "nothing to do")
}

// spillByFailing has an error that holds the password.
func spillByFailing(t *testing.T, p *shopProgram, h *hosts.Host) {
	const value = "Zanary-of-a-failure"
	on(t, h, "rm", "-f", "/home/brokeforge/token")
	p.must(1, value, "install", "spiller", "--on", h.Name, "--set", "spiller.password=-", "--set", "spiller.fail=yes", "--yes")
	contains(t, p.said.String(), "it failed with [hidden]")
	for file, text := range filesOf(t, p.home) {
		nowhere(t, file, text, value)
	}
	nowhere(t, "what was printed", p.said.String(), value)
	on(t, h, "rm", "-f", "/home/brokeforge/copy")
	p.must(0, "", "install", "spiller", "--on", h.Name, "--set", "spiller.fail=no", "--yes")
}

// leftOnHost looks for the passwords everywhere on the host: they are in the files
// that were to hold them, and in the logs of the runs, which root alone can read.
func leftOnHost(t *testing.T, p *shopProgram, h *hosts.Host, values []string) {
	if err := h.WriteFile(t.Context(), "/patterns", []byte("Zanary\n")); err != nil {
		t.Fatal(err)
	}
	found := on(t, h, "sh", "-c", `journalctl --no-pager | grep -f /patterns && echo journal
grep -rlI -f /patterns /run /tmp /var /etc /home /root /dev/shm 2>/dev/null
ls -d /run/brokeforge-* /run/brokeforge/* 2>/dev/null
ls /home/brokeforge/.*history /root/.*history 2>/dev/null; true`)
	for line := range strings.Lines(found) {
		line = strings.TrimSpace(line)
		expected := strings.HasPrefix(line, "/var/lib/brokeforge/runs/") && strings.HasSuffix(line, "/log") ||
			strings.HasPrefix(line, "/root/") || line == "/home/brokeforge/copy" || line == "/run/brokeforge-steps"
		if !expected {
			t.Errorf("left on the host: %s", line)
		}
	}
	if got := on(t, h, "sh", "-c", "stat -c %a:%U /var/lib/brokeforge/runs /var/lib/brokeforge/runs/*/log | sort -u"); got != "600:root\n700:root" {
		t.Errorf("the logs of runs can be read:\n%s", got)
	}
	if left := on(t, h, "sh", "-c", "find /run/brokeforge-steps -mindepth 1"); left != "" {
		t.Errorf("left of the steps: %s", left)
	}
}

// TestSecretsOfAKilledRun ends runs the hard way: their secrets go all the same.
func TestSecretsOfAKilledRun(t *testing.T) {
	t.Parallel()
	eachSuite(t, "spilled", func(r *remote) {
		hold := func() string {
			id := r.id()
			held := step("touch /root/held-" + id + "; exec sleep 1000")
			held.Secrets = map[string][]byte{"password": []byte("Zanary")}
			later := step(":")
			later.Secrets = held.Secrets
			done := make(chan error, 1)
			go func() {
				_, err := r.ship(id, []sshrun.Step{held, later, {Kind: sshrun.StepWrite, Path: "/root/x", Content: []byte("Zanary")}}, nil)
				done <- err
			}()
			r.Cleanup(func() { <-done })
			r.await("the step has begun", "test -e /root/held-"+id)
			if got := r.shell("cat /run/brokeforge-steps/" + id + "/0/password"); got != "Zanary" {
				r.Errorf("the step has %q", got)
			}
			return id
		}
		const gone = "! grep -rq Zanary /run /tmp /var/lib/brokeforge"
		r.cancel(hold())
		r.await("nothing is left of a run that was cancelled", gone)
		r.shell("systemctl kill --kill-whom=main --signal=KILL brokeforge-" + hold())
		r.await("nothing is left of a run whose driver was killed", gone)
		// With all of its processes even what cleans up may be killed; then the next
		// run does.
		r.shell("systemctl kill --signal=KILL brokeforge-" + hold())
		if _, err := r.ship(r.id(), []sshrun.Step{step(":")}, nil); err != nil {
			r.Error(err)
		}
		r.await("nothing is left of a run that was killed whole", gone)
	})
}

func (r *remote) cancel(id string) {
	r.Helper()
	if err := r.client.Cancel(r.Context(), id); err != nil {
		r.Fatal(err)
	}
}
