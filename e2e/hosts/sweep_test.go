package hosts

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// victim makes the test binary a process that opens a lab, tells its number and waits to be killed.
const victim = "BROKEFORGE_HOSTS_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) == "" {
		os.Exit(m.Run())
	}
	if err := beVictim(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func beVictim() error {
	lab, err := Open(context.Background(), Options{})
	if err != nil {
		return err
	}
	if _, err := lab.Start(context.Background(), Spec{Name: "orphan", DiskBytes: 64 << 20}); err != nil {
		return err
	}
	fmt.Println(lab.net.number)
	_, err = bufio.NewReader(os.Stdin).ReadString('\n')
	return err
}

func TestSweepTakesWhatTheDeadLeft(t *testing.T) {
	lab := openLab(t)
	if lab == nil {
		return
	}
	mine := start(t, lab, Spec{Name: "mine"})

	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), victim+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, readErr := bufio.NewReader(stdout).ReadString('\n')
	number, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the other process said %q: %v, %v", line, readErr, cmd.Wait())
	}
	theirs := network{number: number}
	if err := Sweep(); err != nil {
		t.Fatal(err)
	}
	if len(leftOvers(t, theirs)) < 8 {
		t.Error("the lab of a living process was swept")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the killed process ended well")
	}
	if len(leftOvers(t, theirs)) < 8 {
		t.Error("there is nothing to sweep: this test shows nothing")
	}
	if err := Sweep(); err != nil {
		t.Fatal(err)
	}
	if found := leftOvers(t, theirs); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
	mustRemote(t, login(t, lab, mine), "true")
}
