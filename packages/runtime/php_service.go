package runtime

import "brokeforge/packages"

// Units returns the service of PHP-FPM in the branch that is recorded.
func (PHP) Units(ctx packages.Context) []string {
	branch := ctx.Values[branchKey]
	if !branchPattern.MatchString(branch) {
		return nil
	}
	return []string{"php" + branch + "-fpm"}
}
