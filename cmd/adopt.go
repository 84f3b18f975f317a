package cmd

import (
	"github.com/spf13/cobra"

	"brokeforge/store"
)

func (a *app) adoptCmd() *cobra.Command {
	ch := change{app: a, action: store.Adopt}
	c := &cobra.Command{
		Use:   "adopt PACKAGE... --on SERVER[,SERVER...]",
		Short: "Manage what is on servers already, as it is",
		Long: `Record packages that are on servers though BrokeForge has not installed them. Nothing
is changed on the servers: no software, no configuration.

The version is read from the server. The options are recorded with their defaults, or as
--set gives them; the next install with other options makes it so. What was there before
stays when an adopted package is removed: only what BrokeForge has brought since goes.`,
		Example: "  brokeforge adopt nginx --on web1",
		Args:    atLeastOne("PACKAGE"),
		RunE: func(c *cobra.Command, args []string) error {
			ch.yes = true // nothing is changed
			return ch.run(c, args)
		},
	}
	ch.flags(c)
	c.Flags().StringArrayVar(&ch.set, "set", nil, "`PACKAGE.OPTION=VALUE`; may be repeated")
	return c
}
