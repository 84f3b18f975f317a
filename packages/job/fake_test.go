package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"brokeforge/sshrun"
)

// fakeHost is a server on which runs are carried out in memory: its log of
// marks outlives its connections, as a real server's does.
type fakeHost struct {
	mu       sync.Mutex
	facts    string
	ok       map[string]bool             // checks that hold, by a part of their text
	outcome  map[string]func(step) error // by a part of a script, what running it does
	runs     map[string]*fakeRun
	down     error  // what connecting fails with
	refuse   error  // what following fails with once
	key      string // the host key's fingerprint
	executed int    // executions
	dials    int    // logins
	cutAfter int    // marks after which the connection is cut once; 0 means never
	shipped  []sshrun.Shipment
	scripts  []string // all that were executed
	proved   chan int
	sample   string      // what it tells of how busy it is
	exit     sshrun.Exit // of a shell

	shellError error         // of a shell
	hold       chan struct{} // steps with "hold" in their script wait for it
}

type step struct {
	say func(string)
}

type exitStatus int

func (e exitStatus) Error() string { return fmt.Sprintf("status %d", int(e)) }

type fakeRun struct {
	mu       sync.Mutex
	grew     *sync.Cond
	marks    []sshrun.Mark
	finished bool
	cancel   chan struct{}
}

func newFakeHost() *fakeHost {
	return &fakeHost{
		ok: map[string]bool{}, outcome: map[string]func(step) error{}, runs: map[string]*fakeRun{},
		facts: "hostname=fake\nend=facts\n",
		key:   "SHA256:first", proved: make(chan int, 10), hold: make(chan struct{}),
	}
}

func (r *fakeRun) add(m sshrun.Mark) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.Offset = int64(len(r.marks)+1) * 10
	m.At = time.Date(2026, 1, 1, 0, 0, len(r.marks), 0, time.UTC)
	r.marks = append(r.marks, m)
	r.grew.Broadcast()
}

// carry does what the driver does.
func (h *fakeHost) carry(s sshrun.Shipment, r *fakeRun) {
	finish := func(status int) {
		r.mu.Lock()
		r.finished = true
		r.mu.Unlock()
		r.add(sshrun.Mark{Kind: sshrun.MarkFinish, Step: -1, Status: status})
	}
	for i, st := range s.Steps {
		select {
		case <-r.cancel:
			finish(sshrun.FinishCancelled)
			return
		default:
		}
		r.add(sshrun.Mark{Kind: sshrun.MarkBegin, Step: i})
		if st.Kind == sshrun.StepMark {
			continue
		}
		if st.Check != "" && h.holds(st.Check) {
			r.add(sshrun.Mark{Kind: sshrun.MarkSkipped, Step: i})
			continue
		}
		if st.Kind == sshrun.StepValue {
			r.add(sshrun.Mark{Kind: sshrun.MarkValue, Step: i, Text: "1.2.3"})
		}
		if status := h.perform(st, i, r); status != 0 {
			r.add(sshrun.Mark{Kind: sshrun.MarkEnd, Step: i, Status: status})
			if status == 143 {
				finish(sshrun.FinishCancelled)
			} else {
				finish(1)
			}
			return
		}
		r.add(sshrun.Mark{Kind: sshrun.MarkEnd, Step: i})
	}
	finish(sshrun.FinishDone)
}

func (h *fakeHost) holds(check string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for part, so := range h.ok {
		if strings.Contains(check, part) {
			return so
		}
	}
	return false
}

func (h *fakeHost) perform(st sshrun.Step, i int, r *fakeRun) int {
	if strings.Contains(st.Script, "hold") {
		select {
		case <-h.hold:
		case <-r.cancel:
			return 143
		}
	}
	if st.Kind == sshrun.StepProve {
		r.add(sshrun.Mark{Kind: sshrun.MarkProve, Step: i})
		<-h.proved
	}
	say := func(line string) { r.add(sshrun.Mark{Kind: sshrun.MarkLine, Step: i, Text: line}) }
	for part, do := range h.outcome {
		if !strings.Contains(st.Script, part) {
			continue
		}
		var status exitStatus
		if err := do(step{say}); errors.As(err, &status) {
			return int(status)
		}
	}
	return 0
}

// fakeNet is a Connector to fake hosts, by address.
type fakeNet struct {
	mu        sync.Mutex
	hosts     map[string]*fakeHost
	ports     []int // of each login that Dial made
	forgotten []int // by port
}

func (n *fakeNet) host(t sshrun.Target) *fakeHost {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.hosts[t.Address]
}

func (n *fakeNet) Connect(_ context.Context, t sshrun.Target) (Remote, error) {
	h := n.host(t)
	if h == nil {
		return nil, fmt.Errorf("no answer from %s", t.Address)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dials++
	if h.down != nil {
		return nil, h.down
	}
	shown := sshrun.HostKey{Type: "ssh-ed25519", Fingerprint: h.key, Key: "ssh-ed25519 " + h.key}
	switch {
	case len(t.Pinned) > 0 && t.Pinned[0] != shown.Key:
		known := sshrun.HostKey{Type: "ssh-ed25519", Fingerprint: strings.TrimPrefix(t.Pinned[0], "ssh-ed25519 "), Key: t.Pinned[0]}
		return nil, &sshrun.ChangedHostKeyError{Known: []sshrun.HostKey{known}, Shown: shown}
	case len(t.Pinned) == 0 && !t.AcceptNew && t.Accept != h.key:
		return nil, &sshrun.UnknownHostKeyError{HostKey: shown}
	}
	shown.From = sshrun.FromAccepted
	return &fakeRemote{h: h, key: shown}, nil
}

func (n *fakeNet) Dial(ctx context.Context, t sshrun.Target) (Remote, error) {
	n.mu.Lock()
	n.ports = append(n.ports, t.Port)
	n.mu.Unlock()
	return n.Connect(ctx, t)
}

func (n *fakeNet) Forget(t sshrun.Target) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forgotten = append(n.forgotten, t.Port)
}

func (n *fakeNet) Route(t sshrun.Target) (sshrun.Route, error) {
	r := sshrun.Route{Address: t.Address, Port: cmp.Or(t.Port, 22), User: cmp.Or(t.User, "root")}
	if t.KeyFile != "" {
		r.KeyFiles = []string{t.KeyFile}
	}
	return r, nil
}

type fakeRemote struct {
	h   *fakeHost
	key sshrun.HostKey
}

func (r *fakeRemote) HostKey() sshrun.HostKey { return r.key }
func (r *fakeRemote) Close() error            { return nil }

func (r *fakeRemote) HopKeys() map[string]sshrun.HostKey { return nil }

func (r *fakeRemote) Execute(_ context.Context, s sshrun.Script) (sshrun.Result, error) {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	r.h.executed++
	r.h.scripts = append(r.h.scripts, s.Text)
	if strings.Contains(s.Text, "end=sample") {
		return sshrun.Result{Stdout: []byte(r.h.sample)}, nil
	}
	if !strings.Contains(s.Text, "( eval") {
		return sshrun.Result{Stdout: []byte(r.h.facts)}, nil
	}
	var out strings.Builder
	for line := range strings.Lines(s.Text) {
		if !strings.Contains(line, "echo ") {
			continue
		}
		i := strings.TrimSuffix(line[strings.LastIndex(line, "echo ")+len("echo "):], " &\n") + "\n"
		for part, so := range r.h.ok {
			if so && strings.Contains(line, part) {
				out.WriteString(i)
				break
			}
		}
	}
	return sshrun.Result{Stdout: []byte(out.String())}, nil
}

func (r *fakeRemote) Stream(_ context.Context, s sshrun.Script, tell func(string) error) (sshrun.Result, error) {
	for i := range 3 {
		if err := tell(fmt.Sprintf("line %d of %s", i, s.Text)); err != nil {
			return sshrun.Result{}, err
		}
	}
	return sshrun.Result{}, nil
}

func (r *fakeRemote) Ship(ctx context.Context, s sshrun.Shipment, fn func(sshrun.Mark) error) error {
	r.h.mu.Lock()
	run := &fakeRun{cancel: make(chan struct{})}
	run.grew = sync.NewCond(&run.mu)
	if _, known := r.h.runs[s.RunID]; known {
		r.h.mu.Unlock()
		return r.Follow(ctx, s.RunID, s.Nonce, 0, fn)
	}
	r.h.runs[s.RunID] = run
	r.h.shipped = append(r.h.shipped, s)
	r.h.mu.Unlock()
	go r.h.carry(s, run)
	return r.Follow(ctx, s.RunID, s.Nonce, 0, fn)
}

func (r *fakeRemote) Follow(ctx context.Context, runID, _ string, offset int64, fn func(sshrun.Mark) error) error {
	r.h.mu.Lock()
	run, cut, refuse := r.h.runs[runID], r.h.cutAfter, r.h.refuse
	r.h.refuse = nil
	r.h.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	if run == nil {
		return &sshrun.AbsentError{Name: "fake", RunID: runID}
	}
	stop := context.AfterFunc(ctx, func() { run.grew.Broadcast() })
	defer stop()
	for i := int(offset / 10); ; i++ {
		run.mu.Lock()
		for i >= len(run.marks) && ctx.Err() == nil {
			run.grew.Wait()
		}
		if ctx.Err() != nil {
			run.mu.Unlock()
			return ctx.Err()
		}
		m := run.marks[i]
		run.mu.Unlock()
		if cut > 0 && i == cut {
			r.h.mu.Lock()
			r.h.cutAfter = 0
			r.h.mu.Unlock()
			return &sshrun.LostError{Name: "fake", Err: errors.New("cut")}
		}
		if err := fn(m); err != nil {
			return err
		}
		if m.Kind == sshrun.MarkFinish {
			return nil
		}
	}
}

func (r *fakeRemote) Cancel(_ context.Context, runID string) error {
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	close(r.h.runs[runID].cancel)
	return nil
}

func (r *fakeRemote) Prove(_ context.Context, _ string, step int) error {
	r.h.proved <- step
	return nil
}

// FileServer has no files.
func (r *fakeRemote) FileServer(_ context.Context, user string) (*sshrun.Pipe, error) {
	return nil, &sshrun.FileServerError{Name: "fake", User: user, Problem: "there are no files"}
}

// Shell echoes what it is given, and ends as the host says.
func (r *fakeRemote) Shell(_ context.Context, t sshrun.Terminal) (sshrun.Exit, error) {
	if _, err := io.Copy(t.Out, t.In); err != nil {
		return sshrun.Exit{}, err
	}
	return r.h.exit, r.h.shellError
}
