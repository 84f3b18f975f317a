package cmd

import (
	"github.com/spf13/cobra"

	"brokeforge/packages"
)

func (a *app) wordpressCmd() *cobra.Command {
	ch := change{app: a}
	remove := false
	c := &cobra.Command{
		Use:   "wordpress DOMAIN",
		Short: "Put WordPress on a site of that kind",
		Long: `Put WordPress on a site of the kind wordpress, from the archive that its makers publish,
with a database and a user of it that belong to the site. Another archive is chosen by
its address, and held to a SHA-256 sum where one is given. What would be done is shown,
and asked about. It is then set up in a browser, at /wp-admin/install.php: at once, as
whoever is there first becomes its administrator.

It updates itself. Another archive takes the place of its files; wp-content stays.

With --remove its files go. wp-content stays until the site is removed, and the database
until it is removed with --databases.`,
		Example: `  brokeforge site add blog.example.org --on web1 --set kind=wordpress
  brokeforge wordpress blog.example.org
  brokeforge wordpress blog.example.org \
    --set wordpress.archive=https://files.example.org/wp.tar.gz --set wordpress.sha256=…`,
		Args: exactly("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			return ch.oneOfSite(c, packages.WordPressName, args[0], remove)
		},
	}
	ch.flags(c)
	c.Flags().StringArrayVar(&ch.set, "set", nil, "`wordpress.OPTION=VALUE` chooses; may be repeated")
	c.Flags().BoolVar(&remove, "remove", false, "take it away again")
	return c
}
