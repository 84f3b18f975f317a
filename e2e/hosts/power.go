package hosts

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// Stop shuts the host down in order and returns when it is off; its files stay for the next
// [Host.Boot]. When ctx ends, or after half a minute, the host is switched off without waiting
// longer, and the error says so. It does nothing when the host is off.
func (h *Host) Stop(ctx context.Context) error {
	s := h.current()
	if s == nil {
		return nil
	}
	// On SIGTERM systemd-nspawn asks the host's systemd to halt.
	if err := s.end(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop %s: %w", h.Name, err)
	}
	limit := time.NewTimer(stopLimit)
	defer limit.Stop()
	var why error
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		why = context.Cause(ctx)
	case <-limit.C:
		why = fmt.Errorf("it was still on after %s", stopLimit)
	}
	return errors.Join(fmt.Errorf("stop %s in order: %w", h.Name, why), h.Crash())
}

// Crash switches the host off as a pulled plug does: nothing is told, nothing is flushed by the
// host's programs. Its files stay. It does nothing when the host is off.
func (h *Host) Crash() error {
	s := h.current()
	if s == nil {
		return nil
	}
	// systemd-nspawn's child dies with it, and with that process 1 all the host's processes.
	if err := s.end(syscall.SIGKILL); err != nil {
		return fmt.Errorf("crash %s: %w", h.Name, err)
	}
	<-s.done
	if s.err != nil {
		return fmt.Errorf("crash %s: %w", h.Name, s.err)
	}
	return nil
}

// Reboot shuts the host down in order and boots it again.
func (h *Host) Reboot(ctx context.Context) error {
	if err := h.Stop(ctx); err != nil {
		return fmt.Errorf("reboot: %w", err)
	}
	return h.Boot(ctx)
}

// current returns the running session, nil when the host is off.
func (h *Host) current() *session {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.session == nil || !h.session.running() {
		return nil
	}
	return h.session
}

// end sends systemd-nspawn a signal, after which the host doesn't boot again by itself.
func (s *session) end(signal syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ending = true
	// A process that has ended ends its session by itself.
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// Exec runs a program on the host as root, past the network and sshd, and returns its standard
// output. It is how a test looks at a host independently of what it tests. The error of a program that
// failed wraps [exec.ExitError] and holds its standard error.
func (h *Host) Exec(ctx context.Context, name string, args ...string) ([]byte, error) {
	return h.exec(ctx, nil, append([]string{name}, args...))
}

// ReadFile returns a file of the running host, as its processes see it.
func (h *Host) ReadFile(ctx context.Context, name string) ([]byte, error) {
	return h.exec(ctx, nil, []string{"cat", "--", name})
}

// WriteFile writes a file of the running host, and the folders above it. A new one has mode 0644.
func (h *Host) WriteFile(ctx context.Context, name string, data []byte) error {
	_, err := h.exec(ctx, data, []string{"sh", "-c", `umask 022; mkdir -p -- "$(dirname -- "$1")" && cat >"$1"`, "sh", name})
	return err
}

func (h *Host) exec(ctx context.Context, stdin []byte, args []string) ([]byte, error) {
	s := h.current()
	if s == nil {
		return nil, fmt.Errorf("run %s on %s: the host is off", args[0], h.Name)
	}
	s.mu.Lock()
	supervisor := s.cmd.Process.Pid
	s.mu.Unlock()
	leader, err := childOf(supervisor)
	if err != nil {
		return nil, fmt.Errorf("run %s on %s: %w", args[0], h.Name, err)
	}
	tool, err := toolPath("nsenter")
	if err != nil {
		return nil, err
	}
	enter := []string{"--target", strconv.Itoa(leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", "--"}
	cmd := exec.CommandContext(ctx, tool, append(enter, args...)...)
	cmd.Env = toolEnv()
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("run %s on %s: %w: %s", args[0], h.Name, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}
