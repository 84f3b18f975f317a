package hosts

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// nspawnDir is where systemd-nspawn makes a folder for each machine. It can't remove it where /run
// is no tmpfs.
const nspawnDir = "/run/systemd/nspawn/propagate"

// rebooted is systemd-nspawn's exit status with --keep-unit when the host asked for a reboot.
const rebooted = 133

const (
	bootLimit = time.Minute
	stopLimit = 30 * time.Second
)

// session is the time from switching a host on to its being off. The reboots a host does by itself
// are in one session.
type session struct {
	done chan struct{} // closed when the host is off and its cable gone
	err  error         // what went wrong in going down; read after done

	mu     sync.Mutex
	cmd    *exec.Cmd
	ending bool // no reboot any more
}

// running reports whether the session has not ended.
func (s *session) running() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// Boot switches the host on and returns when its sshd greets, or at once when the cable is cut. It
// does nothing when the host runs.
func (h *Host) Boot(ctx context.Context) error {
	h.mu.Lock()
	s := h.session
	if s == nil || !s.running() {
		var err error
		if s, err = h.switchOn(ctx); err != nil {
			h.mu.Unlock()
			return fmt.Errorf("boot %s: %w", h.Name, err)
		}
		h.session = s
	}
	h.mu.Unlock()
	if h.cut.Load() {
		return nil
	}
	if err := h.awaitGreeting(ctx, s); err != nil {
		return fmt.Errorf("boot %s: %w; the end of its console:\n%s", h.Name, err, lastLines(h.Log(), 5))
	}
	return nil
}

// switchOn starts a session. The caller holds h.mu.
func (h *Host) switchOn(ctx context.Context) (*session, error) {
	cmd, err := h.spawn(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{done: make(chan struct{}), cmd: cmd}
	go h.attend(s)
	return s, nil
}

// attend waits for the session to end, and boots again when the host rebooted itself.
func (h *Host) attend(s *session) {
	defer close(s.done)
	for {
		// The exit status is no failure: a host may be killed, halted or rebooted.
		waitErr := s.cmd.Wait()
		s.mu.Lock()
		again := s.cmd.ProcessState.ExitCode() == rebooted && !s.ending
		s.mu.Unlock()
		var exit *exec.ExitError
		if waitErr != nil && !errors.As(waitErr, &exit) {
			s.err = waitErr
		}
		if s.err = errors.Join(s.err, h.switchedOff()); s.err != nil || !again {
			return
		}
		if !h.respawn(s) {
			return
		}
	}
}

func (h *Host) respawn(s *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return false
	}
	cmd, err := h.spawn(context.Background())
	if err != nil {
		s.err = err
		return false
	}
	s.cmd = cmd
	return true
}

// spawn plugs the cable in and starts systemd-nspawn.
func (h *Host) spawn(ctx context.Context) (*exec.Cmd, error) {
	if err := h.cable.plug(ctx, h.cut.Load()); err != nil {
		return nil, errors.Join(err, h.switchedOff())
	}
	cmd, err := h.nspawn()
	if err != nil {
		return nil, errors.Join(err, h.switchedOff())
	}
	return cmd, nil
}

func (h *Host) nspawn() (*exec.Cmd, error) {
	groups, err := makeGroups(h.cable.net, h.Name)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(h.Log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	// The shell joins the cgroups and becomes systemd-nspawn, which so never runs outside of them.
	const join = `while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"`
	args := append([]string{"-c", join, "sh"}, groups...)
	args = append(args, "--", "systemd-nspawn", "--quiet", "--directory="+h.root(),
		"--machine="+h.cable.namespace, "--hostname="+h.Name, "--register=no", "--keep-unit",
		"--boot", "--console=pipe", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--network-namespace-path=/run/netns/"+h.cable.namespace,
		// A server's root may do everything, but this machine's clock and kernel are not the host's.
		"--capability=all", "--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE")
	cmd := exec.Command("/bin/sh", args...)
	// A cgroup2 tree alone, as every Debian server has it, whatever this machine has.
	cmd.Env = toolEnv("UNIFIED_CGROUP_HIERARCHY=1")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, cmd.Start()
}

// switchedOff takes away what is left of a host that is off, but its files.
func (h *Host) switchedOff() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	groups, err := groupDirs(h.cable.net, h.Name)
	errs := []error{err}
	for _, dir := range groups {
		errs = append(errs, killGroup(ctx, dir))
	}
	errs = append(errs, h.cable.unplug(ctx))
	errs = append(errs, removeIfThere(nspawnDir+"/"+h.cable.namespace), unlock(h.root()))
	return errors.Join(errs...)
}

// unlock removes the lock file that a killed systemd-nspawn left for a root file system, which is
// still mounted and not in use any more.
func unlock(root string) error {
	file, err := lockFile(root)
	if err != nil {
		return err
	}
	return removeIfThere(file)
}

// lockFile returns the file by which systemd-nspawn locks a root file system.
func lockFile(root string) (string, error) {
	var info syscall.Stat_t
	if err := syscall.Stat(root, &info); err != nil {
		return "", fmt.Errorf("stat %s: %w", root, err)
	}
	return fmt.Sprintf("/run/systemd/nspawn/locks/inode-%d:%d", info.Dev, info.Ino), nil
}

func removeIfThere(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// awaitGreeting waits until sshd sends its identification, RFC 4253 section 4.2.
func (h *Host) awaitGreeting(ctx context.Context, s *session) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bootLimit, fmt.Errorf("sshd was silent for %s", bootLimit))
	defer cancel()
	dialer := net.Dialer{Timeout: time.Second}
	return poll(ctx, 20*time.Millisecond, func() (bool, error) {
		if !s.running() {
			return false, errors.Join(errors.New("the host went off"), s.err)
		}
		conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(h.Address(), "22"))
		if err != nil {
			return false, nil // not yet
		}
		defer conn.Close()
		if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			return false, err
		}
		greeting := make([]byte, 4)
		n, err := conn.Read(greeting)
		return err == nil && strings.HasPrefix(string(greeting[:n]), "SSH-"), nil
	})
}
