package sshconfig

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// tokens are what a "%" with a letter stands for, TOKENS in ssh_config(5).
func (r *resolver) tokens() map[byte]string {
	e, h := r.config.env, r.host
	short, _, _ := strings.Cut(e.Host, ".")
	return map[byte]string{
		'%': "%", 'd': e.Home, 'h': strings.ToLower(r.hostName()), 'i': e.UID, 'k': cmp.Or(h.HostKeyAlias, h.Alias), 'L': short, 'l': e.Host,
		'n': h.Alias, 'p': strconv.Itoa(cmp.Or(h.Port, 22)), 'r': cmp.Or(h.User, e.User), 'u': e.User, 'j': "",
	}
}

func expand(value string, tokens map[byte]string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '%' {
			b.WriteByte(value[i])
			continue
		}
		if i++; i == len(value) {
			return "", errToken
		}
		text, ok := tokens[value[i]]
		if !ok {
			return "", errToken
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// path expands "~", ${VARIABLES} and tokens. Nil tokens leave a "%" alone.
func (e Env) path(value string, tokens map[byte]string) (string, error) {
	value, err := e.variables(value)
	if err != nil {
		return "", err
	}
	if tokens != nil {
		if value, err = expand(value, tokens); err != nil {
			return "", err
		}
	}
	switch {
	case value == "~" || strings.HasPrefix(value, "~/"):
		if e.Home == "" {
			return "", errors.New("HOME is not set")
		}
		value = filepath.Join(e.Home, value[1:])
	case strings.HasPrefix(value, "~"):
		return "", errors.New(`the home of another user can't be found: write the path without "~"`)
	}
	return value, nil
}

func (e Env) variables(value string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(value, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", errors.New(`"${" is not closed`)
		}
		text := ""
		if e.Getenv != nil {
			text = e.Getenv(name)
		}
		if text == "" {
			return "", fmt.Errorf("the environment variable %q is not set", name)
		}
		b.WriteString(text)
		value = after
	}
}

// agent resolves the value of an IdentityAgent: a socket, "none", or a variable
// that names the socket.
func (e Env) agent(value string, tokens map[byte]string) (string, error) {
	switch {
	case strings.EqualFold(value, "none"):
		return "none", nil
	case value == "SSH_AUTH_SOCK":
		return "", nil
	case strings.HasPrefix(value, "$") && !strings.HasPrefix(value, "${"):
		return e.variables("${" + value[1:] + "}")
	}
	return e.path(value, tokens)
}
