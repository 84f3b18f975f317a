package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/store"
)

// wants reads what is wanted: in a removal --set and --purge choose among the
// options of removing.
func (ch *change) wants(ctx context.Context, args []string) ([]packages.Want, error) {
	if ch.action != store.Remove {
		c, err := ch.catalog()
		if err != nil {
			return nil, err
		}
		return wants(c, ch.action, args, ch.set, ch.secretReader(ctx, ch.set))
	}
	list, err := wants(ch.Catalog, ch.action, args, nil, nil)
	if err != nil {
		return nil, err
	}
	return list, setRemoval(ch.Catalog, list, ch.set, ch.purge)
}

// setRemoval puts the values of --set and --purge into the wants.
func setRemoval(c packages.Catalog, list []packages.Want, set []string, purge bool) error {
	purged := false
	for i := range list {
		p, _ := packages.Find(c, list[i].Name)
		list[i].Removal = packages.Values{}
		if purge && slices.ContainsFunc(p.Describe().RemoveOptions, func(o packages.Option) bool { return o.Name == packages.PurgeOption }) {
			list[i].Removal[packages.PurgeOption], purged = "yes", true
		}
	}
	if purge && !purged {
		return fmt.Errorf("--purge: nothing of it has data or settings that would stay")
	}
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		name, option, ok2 := strings.Cut(key, ".")
		if !ok || !ok2 || name == "" || option == "" {
			return fmt.Errorf("--set %q is not in the form PACKAGE.OPTION=VALUE", key)
		}
		found := false
		for i := range list {
			if string(list[i].Name) == name {
				list[i].Removal[option], found = value, true
			}
		}
		if !found {
			return fmt.Errorf("--set %q: %s is not among the packages of this call", key, name)
		}
	}
	for i := range list {
		p, _ := packages.Find(c, list[i].Name)
		if _, err := packages.CompleteRemoval(p, list[i].Removal); err != nil {
			return err
		}
		maps.DeleteFunc(list[i].Removal, func(_, v string) bool { return v == "" })
		if len(list[i].Removal) == 0 {
			list[i].Removal = nil
		}
	}
	return nil
}
