package job

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"brokeforge/packages"
	"brokeforge/sshrun"
)

// Question is something that a person must answer before a login or sudo can go on.
type Question struct {
	ID      string
	Kind    QuestionKind
	Server  string // its name, or that of a jump host
	User    string // who logs in there
	KeyFile string // of a passphrase
	Prompt  string // of a prompt, what the server says
	Echo    bool   // the answer is no secret and may be shown
	Wrong   int    // how many answers before were wrong
}

// QuestionKind says what is asked for.
type QuestionKind string

// The kinds of questions.
const (
	AskPassphrase QuestionKind = QuestionKind(sshrun.Passphrase) // of a key file
	AskPassword   QuestionKind = QuestionKind(sshrun.Password)   // for the login
	AskSudo       QuestionKind = QuestionKind(sshrun.Sudo)       // for sudo
	AskPrompt     QuestionKind = QuestionKind(sshrun.Prompt)     // what the server asks at the login
)

// Text is the question in a line for people.
func (q Question) Text() string {
	switch q.Kind {
	case AskPassphrase:
		return fmt.Sprintf("Passphrase of the key %s, for %s@%s", q.KeyFile, q.User, q.Server)
	case AskPassword:
		return fmt.Sprintf("Password of %s on %s", q.User, q.Server)
	case AskSudo:
		return fmt.Sprintf("Password of %s on %s, for sudo", q.User, q.Server)
	}
	return fmt.Sprintf("%s asks %s: %s", q.Server, q.User, q.Prompt)
}

// Warning is what should be said with the question; empty for nothing.
func (q Question) Warning() string {
	switch {
	case q.Wrong == 0:
		return ""
	case q.Kind == AskSudo:
		return "that was wrong; some servers lock an account after a few wrong ones"
	}
	return "that was wrong"
}

// Questions are those that wait for an answer. They are put only while somebody
// attends to them: else whatever asks learns that there is nobody. It is an
// sshrun.Asker.
type Questions struct {
	mu        sync.Mutex
	wake      []func()
	attending int
	next      int
	open      []*pending
}

// pending is a question with the way back for its answer.
type pending struct {
	Question
	answer chan string // closed without one when it is declined
}

// NewQuestions returns none.
func NewQuestions() *Questions { return &Questions{} }

var _ sshrun.Asker = (*Questions)(nil)

// tell has fn called whenever questions come or go.
func (q *Questions) tell(fn func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wake = append(q.wake, fn)
}

// changed calls who wants to know. The lock is not held.
func (q *Questions) changed() {
	q.mu.Lock()
	wake := slices.Clone(q.wake)
	q.mu.Unlock()
	for _, fn := range wake {
		fn()
	}
}

// attend says that somebody answers questions from now on, until the returned func
// is called. With the last one gone, open questions are declined.
func (q *Questions) attend() func() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attending++
	return sync.OnceFunc(func() {
		q.mu.Lock()
		q.attending--
		var left []*pending
		if q.attending == 0 {
			left, q.open = q.open, nil
		}
		q.mu.Unlock()
		for _, p := range left {
			close(p.answer)
		}
		q.changed()
	})
}

// Ask puts a question and waits for its answer.
func (q *Questions) Ask(ctx context.Context, asked sshrun.Question) (string, error) {
	p := &pending{
		Question: Question{
			Kind: QuestionKind(asked.Kind), Server: asked.Server, User: asked.User, KeyFile: asked.KeyFile,
			Prompt: asked.Prompt, Echo: asked.Echo, Wrong: asked.Wrong,
		},
		answer: make(chan string, 1),
	}
	q.mu.Lock()
	if q.attending == 0 {
		q.mu.Unlock()
		return "", sshrun.ErrNobody
	}
	q.next++
	p.ID = strconv.Itoa(q.next)
	q.open = append(q.open, p)
	q.mu.Unlock()
	q.changed()
	select {
	case answer, ok := <-p.answer:
		if !ok {
			return "", sshrun.ErrDeclined
		}
		return answer, nil
	case <-ctx.Done():
		q.take(p.ID)
		q.changed()
		return "", ctx.Err()
	}
}

// take takes a question off the list, and returns nil where it is not there.
func (q *Questions) take(id string) *pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.IndexFunc(q.open, func(p *pending) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	p := q.open[i]
	q.open = slices.Delete(q.open, i, i+1)
	return p
}

func (q *Questions) list() []Question {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []Question
	for _, p := range q.open {
		out = append(out, p.Question)
	}
	return out
}

// Attend says that the caller answers the questions of [Overview] from now on, until
// the returned func is called. While nobody attends, a login that needs an answer
// fails and says what it needs.
func (e *Engine) Attend() (leave func()) { return e.cfg.Questions.attend() }

// Questions returns those that wait for an answer, oldest first.
func (e *Engine) Questions() []Question { return e.cfg.Questions.list() }

// Answer answers a question. One that is no longer open is refused.
func (e *Engine) Answer(id, value string) error {
	p := e.cfg.Questions.take(id)
	if p == nil {
		return &packages.RefusedError{Reason: "the question is no longer open"}
	}
	p.answer <- value
	e.cfg.Questions.changed()
	return nil
}

// Decline gives no answer to a question; what asked for it fails. One that is no
// longer open is left alone.
func (e *Engine) Decline(id string) {
	if p := e.cfg.Questions.take(id); p != nil {
		close(p.answer)
		e.cfg.Questions.changed()
	}
}
