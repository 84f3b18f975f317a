package cmd

import (
	"errors"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/store"
)

func (a *app) wordpressCmd() *cobra.Command {
	ch := change{app: a, action: store.Install}
	remove := false
	c := &cobra.Command{
		Use:   "wordpress DOMAIN",
		Short: "Put WordPress on a site of that kind",
		Long: `Put WordPress on a site of the kind wordpress, from the archive that its makers publish,
with a database and a user of it that go with the site. Another archive is chosen by its
address, and held to a SHA-256 sum where one is given. What would be done is shown, and
asked about. It is then set up in a browser, at /wp-admin/install.php: at once, as whoever
is there first becomes its administrator.

It updates itself. Another archive takes the place of its files; wp-content stays.

With --remove its files go; wp-content and the database stay until the site is removed.`,
		Example: `  brokeforge site add blog.example.org --on web1 --set kind=wordpress
  brokeforge wordpress blog.example.org
  brokeforge wordpress blog.example.org \
    --set wordpress.archive=https://files.example.org/wp.tar.gz --set wordpress.sha256=…`,
		Args: exactly("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			if remove && len(ch.set) > 0 {
				return misuse(c, errors.New("--remove and --set exclude each other"))
			}
			if remove {
				ch.action = store.Remove
			}
			if err := ch.mayGoOn(c, ch.yes || ch.preview); err != nil {
				return err
			}
			list := []packages.Want{{Name: packages.WordPressName}}
			if err := setValues(a.Catalog, list, ch.set, a.secretReader(c.Context(), ch.set)); err != nil {
				return misuse(c, err)
			}
			return ch.onSite(c, args[0], list, nil)
		},
	}
	ch.flags(c)
	c.Flags().StringArrayVar(&ch.set, "set", nil, "`wordpress.OPTION=VALUE` chooses; may be repeated")
	c.Flags().BoolVar(&remove, "remove", false, "take it away again")
	return c
}
