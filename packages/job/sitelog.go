package job

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/dotenv"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// SiteLog says what is read of a site's logs.
type SiteLog struct {
	Errors bool   // the log of errors in place of that of requests
	Lines  int    // the last ones, at most MaxJournal
	Text   string // only lines that have it; empty takes all
	Follow bool   // and then each that comes
}

// SiteLog tells the lines of a site's log, oldest first, until ctx ends or tell
// returns an error, which is returned. The lines are cleaned, and without the
// server's secrets. Nothing is left running on the server.
func (e *Engine) SiteLog(ctx context.Context, site store.ID, l SiteLog, tell func(line string) error) error {
	if strings.ContainsAny(l.Text, "\n\x00") {
		return &InputError{"text", "it is looked for within a line, and has several"}
	}
	place, err := e.place(site)
	if err != nil {
		return err
	}
	file := place.AccessLog
	if l.Errors {
		file = place.ErrorLog
	}
	redact, err := e.redactorOf(ctx, place.Server.ID)
	if err != nil {
		return err
	}
	remote, err := e.reach(ctx, place.Server)
	if err != nil {
		return err
	}
	if redact, err = e.redactorOn(ctx, place, remote, redact); err != nil {
		return err
	}
	script := packages.ReadLog(file, min(max(l.Lines, 0), MaxJournal), l.Text, l.Follow)
	result, err := remote.Stream(ctx, sshrun.Script{Text: script, Become: true}, func(line string) error { return tell(redact.text(line)) })
	if err != nil {
		return fmt.Errorf("read %s on %s: %w", file, place.Server.Name, err)
	}
	if result.Status != 0 {
		return fmt.Errorf("read %s on %s: status %d: %s", file, place.Server.Name, result.Status, cleanIndented(string(result.Stderr)))
	}
	return nil
}

// redactedValues are those values of a server's secrets that are looked for in its
// output.
func redactedValues(values packages.Secrets) []string {
	var out []string
	for name, value := range values {
		if packages.IsEnvironment(name) {
			out = append(out, dotenv.SecretValues(value)...)
			continue
		}
		out = append(out, value)
	}
	return out
}

// redactorOn returns a redactor that also takes out what the .env of a site holds on
// its server, as somebody may have written it there by hand. One that can't be read as
// a .env holds nobody up.
func (e *Engine) redactorOn(ctx context.Context, place sitePlace, remote Remote, r *redactor) (*redactor, error) {
	now, err := place.environment(ctx, remote)
	var unreached *ReachError
	if errors.As(err, &unreached) {
		return r, err
	}
	if err != nil {
		e.cfg.Log.Warn("read a site's .env, to keep its secrets out of what is shown", "site", place.Site.Domain, "error", err)
		return r, nil
	}
	return r.with(dotenv.SecretValues(now.Text)), nil
}
