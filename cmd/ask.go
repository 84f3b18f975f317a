package cmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
)

// ask puts a question to the person at the terminal. Everything but y and yes
// means no.
func (a *app) ask(ctx context.Context, question string) (bool, error) {
	a.terminal.Lock()
	defer a.terminal.Unlock()
	return a.Env.ask(ctx, question)
}

func (e Env) ask(ctx context.Context, question string) (bool, error) {
	text, err := e.askText(ctx, question+" [y/N] ")
	text = strings.ToLower(text)
	return text == "y" || text == "yes", err
}

// askText puts a question and returns what is typed, without the blanks around it.
func (e Env) askText(ctx context.Context, question string) (string, error) {
	fmt.Fprint(e.Stderr, question)
	type answer struct {
		text string
		err  error
	}
	// A read from a terminal can't be taken back: after a signal it is left
	// alone, and the end of the program ends it.
	given := make(chan answer, 1)
	go func() {
		text, err := bufio.NewReader(e.Stdin).ReadString('\n')
		given <- answer{text, err}
	}()
	select {
	case a := <-given:
		if a.err != nil {
			fmt.Fprintln(e.Stderr)
		}
		if a.err != nil && a.err != io.EOF {
			return "", fmt.Errorf("read the answer: %w", a.err)
		}
		return strings.TrimSpace(a.text), nil
	case <-ctx.Done():
		fmt.Fprintln(e.Stderr)
		return "", ctx.Err()
	}
}
