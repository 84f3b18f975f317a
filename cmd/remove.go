package cmd

import (
	"github.com/spf13/cobra"

	"brokeforge/store"
)

func (a *app) removeCmd() *cobra.Command {
	ch := change{app: a, action: store.Remove}
	c := &cobra.Command{
		Use:   "remove PACKAGE[@INSTANCE]... --on SERVER[,SERVER...]",
		Short: "Remove packages from servers",
		Long: `Remove packages from servers: their services, their software and their own files.

What would be done is shown first, for each server, and then you are asked; without a
terminal --yes must be given. A package that another one needs is not removed. Of a
package that is on a server several times, PACKAGE@INSTANCE says which one; "brokeforge
status" lists them in this form.

Data and settings that people have made stay, where a package has such. --purge deletes
them too, for each package that knows the choice "purge"; "brokeforge packages" lists
what can be chosen, and --set chooses it.`,
		Example: `  brokeforge remove nginx --on web1
  brokeforge remove firewall-rule@allow-8080-tcp --on web1,web2 --yes
  brokeforge remove nginx --on web1 --purge`,
		Args: atLeastOne("PACKAGE"),
		RunE: func(c *cobra.Command, args []string) error { return ch.run(c, args) },
	}
	ch.flags(c)
	c.Flags().StringArrayVar(&ch.set, "set", nil, "`PACKAGE.OPTION=VALUE`; may be repeated")
	c.Flags().BoolVar(&ch.purge, "purge", false, "delete data and settings too")
	return c
}
