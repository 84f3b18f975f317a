package job

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"brokeforge/packages"
	"brokeforge/sshrun"
)

// already asks a server, in one execution, which steps find everything as they
// want it, and what the others would change.
func already(ctx context.Context, remote Remote, check string, steps []packages.Step) ([]bool, map[int]Effect, error) {
	out := make([]bool, len(steps))
	if check == "" {
		return out, nil, nil
	}
	result, err := remote.Execute(ctx, sshrun.Script{Text: check, Become: true, MaxOutput: maxForeseen})
	if err != nil {
		return nil, nil, fmt.Errorf("ask what is so already: %w", err)
	}
	answer := string(result.Stdout)
	for line := range strings.Lines(answer) {
		i, err := strconv.Atoi(strings.TrimSpace(line))
		if err == nil && i >= 0 && i < len(out) {
			out[i] = true
		}
	}
	return out, effects(answer, steps), nil
}

// andForesee returns the script of the checks with what tells of the steps that
// are not so already behind it.
func andForesee(checks string, steps []packages.Step) string {
	foresee := foreseeScript(steps)
	if foresee == "" {
		return checks
	}
	return "so=$(\n" + checks + ")\nprintf '%s\\n' \"$so\"\n" + foreseeFunctions + foresee
}
