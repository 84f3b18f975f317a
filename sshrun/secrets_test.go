package sshrun

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// secretValue has what shells, tar and terminals could trip over.
const secretValue = " $(id) `id` 'q' \"d\" \\ € \t%s\r\nlast\x00 "

func (r *rig) hold() string { return r.pool.opts.places.volatile + "-steps" }

// wantHidden demands that nothing of the secrets is left.
func (r *rig) wantHidden() {
	r.t.Helper()
	for _, dir := range []string{r.hold(), r.pool.opts.places.volatile, r.pool.opts.places.base} {
		out, err := exec.Command("grep", "-rlF", "CANARY", dir).CombinedOutput()
		if len(out) > 0 && err == nil {
			r.t.Errorf("left: %s", out)
		}
	}
	if left, _ := filepath.Glob(r.hold() + "/*"); len(left) > 0 {
		r.t.Errorf("left: %v", left)
	}
}

func TestSecretsReachTheStep(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		step := Step{
			Kind: StepRun, Secrets: map[string][]byte{"password": []byte("CANARY" + secretValue), "empty": nil},
			Check:  `! cp "$SECRETS/password" ` + r.path("check"),
			Script: `cp "$SECRETS/password" ` + r.path("copy") + `; ls "$SECRETS"; stat -c '%a %U' "$SECRETS" "$SECRETS"/*; tr '\0' '\n' </proc/$$/environ | grep -c CANA[R]Y; echo "${SECRETS##*/}"`,
		}
		marks := r.ship(Shipment{Steps: []Step{step, run(`echo "[${SECRETS-}]"`)}})
		r.want(marks, `begin 0, "empty", "password", "500 root", "400 root", "400 root", "0", "0", end 0=0, begin 1, "[]", end 1=0, finish 0`)
		for _, name := range []string{"copy", "check"} {
			if got := r.read(name); got != "CANARY"+secretValue {
				t.Errorf("%s: %q", name, got)
			}
		}
		r.wantHidden()
	})
}

func TestSecretsOfAnotherUser(t *testing.T) {
	if _, err := user.Lookup("nobody"); err != nil {
		t.Fatal(err)
	}
	shells(t, func(t *testing.T, r *rig) {
		// The folders of a test are closed for others; /run is not.
		for dir := filepath.Dir(r.hold()); dir != "/" && dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o711); err != nil {
				t.Fatal(err)
			}
		}
		step := Step{
			Kind: StepRun, User: "nobody", Secrets: map[string][]byte{"password": []byte("CANARY")},
			Script: `stat -c '%a %U' "$SECRETS" "$SECRETS"/*; (: >"$SECRETS/x") 2>/dev/null || echo closed; ls "$SECRETS/.." 2>/dev/null || echo unseen`,
		}
		marks := r.ship(Shipment{Steps: []Step{step}})
		r.want(marks, `begin 0, "500 nobody", "400 nobody", "closed", "unseen", end 0=0, finish 0`)
		r.wantHidden()
	})
}

func TestSecretsGoWhenAStepFails(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		secrets := map[string][]byte{"password": []byte("CANARY")}
		marks := r.ship(Shipment{Steps: []Step{{Kind: StepRun, Secrets: secrets, Script: "exit 3"}, {Kind: StepRun, Secrets: secrets, Script: ":"}}})
		r.want(marks, `begin 0, end 0=3, finish 1`)
		r.wantHidden()
		marks = r.ship(Shipment{Steps: []Step{{Kind: StepRun, User: "no-such-user", Secrets: secrets, Script: ":"}}})
		if got := tell(marks); !strings.Contains(got, "cannot be given to no-such-user") || !strings.Contains(got, "finish 1") {
			t.Errorf("got %s", got)
		}
		r.wantHidden()
	})
}

func TestSecretsAreRefused(t *testing.T) {
	for _, s := range []Step{
		{Kind: StepRun, Secrets: map[string][]byte{"../x": nil}},
		{Kind: StepRun, Secrets: map[string][]byte{".x": nil}},
		{Kind: StepRun, Secrets: map[string][]byte{"": nil}},
		{Kind: StepRun, Secrets: map[string][]byte{"a b": nil}},
		{Kind: StepProve, Undo: ":", Secrets: map[string][]byte{"a": nil}},
	} {
		if err := s.validate(); err == nil {
			t.Errorf("taken: %v", s.Secrets)
		}
	}
}
