package hosts

import (
	"os"
	"testing"
)

// Require reports whether hosts can run here, for a test that needs them:
//
//	if !hosts.Require(t) {
//		return
//	}
//
// Where they can't, it says why in the test's log. Under CI (the environment has CI=true) it fails
// the test instead, so that nothing is green there that did not run.
func Require(t testing.TB) bool {
	t.Helper()
	err := Check()
	switch {
	case err == nil:
		return true
	case os.Getenv("CI") == "true":
		t.Fatalf("NOT TESTED on a real host: %v", err)
	default:
		t.Logf("NOT TESTED on a real host: %v", err)
	}
	return false
}
