package system

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// field is one of the five fields of a cron expression, see crontab(5).
type field struct {
	name     string
	min, max int
	names    []string // that stand for numbers from min on
}

func fields() []field {
	return []field{
		{name: "minute", max: 59},
		{name: "hour", max: 23},
		{name: "day of the month", min: 1, max: 31},
		{name: "month", min: 1, max: 12, names: []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
		{name: "day of the week", max: 7, names: []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}},
	}
}

// maxExpression is the longest expression that is read, in bytes; cron's own
// limit of a line is 1000.
const maxExpression = 200

// acceptExpression refuses what is no cron expression. It is stricter than cron,
// which takes some that never come, or come at other times than people think.
func acceptExpression(value string) error {
	if len(value) > maxExpression {
		return fmt.Errorf("is longer than %d characters", maxExpression)
	}
	if strings.HasPrefix(value, "@") {
		return fmt.Errorf("is a nickname of cron: choose a frequency, or say the five fields")
	}
	texts := strings.Fields(value)
	if len(texts) != 5 {
		return fmt.Errorf("has %d fields in place of five: minute, hour, day of the month, month, day of the week", len(texts))
	}
	days := make([][]int, 5)
	for i, f := range fields() {
		var err error
		if days[i], err = f.parse(texts[i]); err != nil {
			return fmt.Errorf("has the %s %q, which %w", f.name, texts[i], err)
		}
	}
	if texts[4] == "*" && !comes(days[2], days[3]) {
		return fmt.Errorf("never comes: no month of those has such a day")
	}
	return nil
}

// comes reports whether one of the months has one of the days.
func comes(days, months []int) bool {
	most := []int{31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	return slices.ContainsFunc(months, func(m int) bool { return slices.Min(days) <= most[m-1] })
}

// parse returns the numbers that a field chooses.
func (f field) parse(text string) ([]int, error) {
	if i := slices.Index(f.names, strings.ToLower(text)); i >= 0 {
		return []int{f.min + i}, nil
	}
	var out []int
	for part := range strings.SplitSeq(text, ",") {
		first, last, step, err := f.part(part)
		if err != nil {
			return nil, err
		}
		for n := first; n <= last; n += step {
			out = append(out, n)
		}
	}
	return out, nil
}

// part reads one element of a list: a number, a range or all, the latter two
// with a step or without.
func (f field) part(text string) (first, last, step int, err error) {
	span, every, stepped := strings.Cut(text, "/")
	step = 1
	if stepped {
		if step, err = f.number(every, 1, f.max-f.min+1); err != nil {
			return 0, 0, 0, err
		}
	}
	if span == "*" {
		return f.min, f.max, step, nil
	}
	from, to, ranged := strings.Cut(span, "-")
	if first, err = f.number(from, f.min, f.max); err != nil {
		return 0, 0, 0, err
	}
	switch {
	case !ranged && stepped:
		return 0, 0, 0, fmt.Errorf("has a step without a range: say %s-%d/%s", from, f.max, every)
	case !ranged:
		return first, first, 1, nil
	}
	if last, err = f.number(to, f.min, f.max); err != nil {
		return 0, 0, 0, err
	}
	if last < first {
		return 0, 0, 0, fmt.Errorf("has a range that ends before it begins")
	}
	return first, last, step, nil
}

func (f field) number(text string, low, high int) (int, error) {
	if text == "" || len(text) > 4 || strings.Trim(text, "0123456789") != "" {
		return 0, f.noNumber(text)
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, f.noNumber(text)
	}
	if n < low || n > high {
		return 0, fmt.Errorf("has %d, but it goes from %d to %d", n, low, high)
	}
	return n, nil
}

func (f field) noNumber(text string) error {
	if slices.Contains(f.names, strings.ToLower(text)) {
		return fmt.Errorf("has a name in a list or a range, where cron takes numbers only")
	}
	return fmt.Errorf("has %q, which is no number", text)
}
