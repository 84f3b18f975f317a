package inventory

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// letters is the order of letters in a range, as Ansible has it.
const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// hosts expands what an inventory names a host by: a name or an address, with
// ranges such as [01:20], [a:f] and [1:9:2], and perhaps a port behind it.
// The port is 0 where there is none.
func hosts(pattern string) (names []string, port int, err error) {
	if address, err := netip.ParseAddr(pattern); err == nil {
		return []string{address.String()}, 0, nil
	}
	name := pattern
	// A port follows the last colon that is not within brackets.
	if i := strings.LastIndexByte(pattern, ':'); i > strings.LastIndexByte(pattern, ']') {
		if port, err = parsePort(pattern[i+1:]); err != nil {
			return nil, 0, fmt.Errorf("%q: %w", pattern, err)
		}
		name = pattern[:i]
	}
	if inner, ok := strings.CutPrefix(name, "["); ok {
		if address, err := netip.ParseAddr(strings.TrimSuffix(inner, "]")); err == nil {
			return []string{address.String()}, port, nil
		}
	}
	if name == "" || strings.ContainsAny(name, "{}") {
		return nil, 0, fmt.Errorf("%q is no name of a host", pattern)
	}
	names, err = expand(name, maxHosts)
	return names, port, err
}

func parsePort(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a port", s)
	}
	return int(n), nil
}

// expand makes the names of a pattern with ranges: those of its last range go
// through first.
func expand(pattern string, limit int) ([]string, error) {
	open := strings.IndexByte(pattern, '[')
	if open < 0 {
		if strings.Contains(pattern, "]") {
			return nil, fmt.Errorf("%q has a ] without its [", pattern)
		}
		return []string{pattern}, nil
	}
	length := strings.IndexByte(pattern[open:], ']')
	if length < 0 {
		return nil, fmt.Errorf("%q has a [ without its ]", pattern)
	}
	values, err := spread(pattern[open+1:open+length], limit)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", pattern, err)
	}
	tails, err := expand(pattern[open+length+1:], limit)
	if err != nil {
		return nil, err
	}
	if len(values)*len(tails) > limit {
		return nil, fmt.Errorf("%q names more than %d hosts", pattern, limit)
	}
	var names []string
	for _, v := range values {
		for _, tail := range tails {
			names = append(names, pattern[:open]+v+tail)
		}
	}
	return names, nil
}

// spread returns the values of one range, both ends included.
func spread(text string, limit int) ([]string, error) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return nil, fmt.Errorf("[%s] is no range: it is written [FIRST:LAST] or [FIRST:LAST:STEP]", text)
	}
	first, last, step := parts[0], parts[1], 1
	if len(parts) == 3 {
		n, err := strconv.Atoi(parts[2])
		if err != nil || n < 1 {
			return nil, fmt.Errorf("[%s]: %q is no step", text, parts[2])
		}
		step = n
	}
	if first == "" {
		first = "0"
	}
	if len(first) == 1 && len(last) == 1 && strings.Contains(letters, first) {
		return between(text, strings.Index(letters, first), strings.Index(letters, last), step, limit, func(n int) string {
			return letters[n : n+1]
		})
	}
	from, err := parseCount(first)
	if err != nil {
		return nil, fmt.Errorf("[%s]: %w", text, err)
	}
	to, err := parseCount(last)
	if err != nil {
		return nil, fmt.Errorf("[%s]: %w", text, err)
	}
	width := 0
	if len(first) > 1 && first[0] == '0' {
		if width = len(first); width != len(last) {
			return nil, fmt.Errorf("[%s]: with a leading 0, both ends need as many digits", text)
		}
	}
	return between(text, from, to, step, limit, func(n int) string { return fmt.Sprintf("%0*d", width, n) })
}

func parseCount(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a number nor a letter", s)
	}
	return int(n), nil
}

func between(text string, from, to, step, limit int, show func(int) string) ([]string, error) {
	if from < 0 || to < from {
		return nil, fmt.Errorf("[%s] goes backwards", text)
	}
	if (to-from)/step >= limit {
		return nil, fmt.Errorf("[%s] names more than %d hosts", text, limit)
	}
	var values []string
	for n := from; n <= to; n += step {
		values = append(values, show(n))
	}
	return values, nil
}
