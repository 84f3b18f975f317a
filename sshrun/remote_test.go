package sshrun

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

// remoteScripts are the scripts as a server gets them.
func remoteScripts() map[string]string {
	return map[string]string{
		"start":   lookScript + startScript + followScript,
		"follow":  lookScript + followScript,
		"inspect": lookScript + inspectScript,
		"cancel":  lookScript + cancelScript,
		"prove":   proveScript,
		"after":   afterScript,
		"driver":  outputScript + driverScript,
	}
}

func TestScriptsPassShellcheck(t *testing.T) {
	file, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Fatalf("the test needs shellcheck: %v", err)
	}
	for name, script := range remoteScripts() {
		cmd := exec.Command(file, "-s", "sh", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// The command lines must mean the same to sh, csh and fish.
func TestCommandLinesSuitAnyLoginShell(t *testing.T) {
	c := &Client{pool: NewPool(Options{}), target: Target{User: "deploy"}}
	asking := fmt.Sprintf(becomeRootAsking, newToken(), newToken())
	ship := c.shipArguments("id", "x", 1)
	for _, command := range []string{plainShell + " -s", becomeRoot + " -s", asking + " -s", plainShell + ship, becomeRoot + ship, asking + ship} {
		if strings.ContainsAny(command, "!\\\n`") {
			t.Errorf("a shell may read this otherwise: %s", command)
		}
		for i, part := range strings.Split(command, "'") {
			if i%2 == 0 && strings.ContainsAny(part, `$";&|<>(){}*?~#`) {
				t.Errorf("not quoted: %s", part)
			}
		}
	}
}

func TestScriptsAreRead(t *testing.T) {
	for name, script := range remoteScripts() {
		for _, shell := range [][]string{{"dash", "-n"}, {"busybox", "sh", "-n"}} {
			cmd := exec.Command(shell[0], shell[1:]...)
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s under %s: %v\n%s", name, shell[0], err, out)
			}
		}
	}
}
