package cmd

import (
	"github.com/spf13/cobra"

	"brokeforge/store"
)

func (a *app) installCmd() *cobra.Command {
	ch := change{app: a, action: store.Install}
	c := &cobra.Command{
		Use:   "install PACKAGE... --on SERVER[,SERVER...]",
		Short: "Install packages on servers",
		Long: `Install packages on servers, after what they require.

What would be done is shown first, for each server: every command and every file, in
order. Then you are asked; without a terminal --yes must be given. The servers are
worked on side by side, and what fails on one doesn't stop the others. Installing what
is installed changes nothing and says so.

--set gives options to the packages of this call by their name, so of a package that
may be on a server several times, such as firewall-rule, each one needs a call of its
own. "brokeforge packages" lists the options.

A signal such as ctrl+c ends the watching, never a run: it goes on on its server.`,
		Example: `  brokeforge install nginx php --on web1,web2 --set php.extensions=mbstring,xml
  brokeforge install firewall-rule --on web1 --set firewall-rule.port=8080 --yes`,
		Args: atLeastOne("PACKAGE"),
		RunE: func(c *cobra.Command, args []string) error { return ch.run(c, args) },
	}
	ch.flags(c)
	c.Flags().StringArrayVar(&ch.set, "set", nil, "`PACKAGE.OPTION=VALUE`; may be repeated")
	return c
}
