package catalog_test

import (
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
)

// TestStacks checks the catalog's own stacks as those of the operator are checked.
func TestStacks(t *testing.T) {
	c := catalog.New()
	if len(c.Stacks()) == 0 {
		t.Fatal("there are no stacks")
	}
	bare := struct{ packages.Catalog }{c} // without stacks of its own
	if _, err := packages.AddStacks(bare, c.Stacks()...); err != nil {
		t.Error(err)
	}
	for _, s := range c.Stacks() {
		resolved, err := packages.ResolveInstall(c, s.Spread(nil), nil, nil)
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		if len(resolved) < len(s.Packages) {
			t.Errorf("%s resolves to %d packages", s.Name, len(resolved))
		}
	}
}
