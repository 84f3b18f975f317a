package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/store"
)

// deploying is what a deployment is made with on the command line.
type deploying struct {
	change
	repository, ref, preset, script, after, shared string
}

func (a *app) deployCmd() *cobra.Command {
	d := deploying{change: change{app: a, action: store.Install}}
	c := &cobra.Command{
		Use:   "deploy DOMAIN",
		Short: "Deploy a site from its git repository",
		Long: `Deploy a site: fetch its repository, build a release beside the one in use, switch to it
in one step, and ask the site for a page. Where anything of that fails the site uses the
release before, as it did all the time.

The first time --repository says where the site comes from. With an address of ssh the
site gets a deploy key of its own, which the first run shows: allow it on the git server,
with the right to read, and run the command again. Who the git server is must be known:
GitHub, GitLab.com, Bitbucket and Codeberg are; of others the host key is given once, with
--set git-repository.host-key=SHA256:…

How a site is built is remembered: --preset, --script, --after-script, --shared and the
options of the package deployment need to be given once. --ref is for one deployment. A
script runs in the release as the site's user, with RELEASE, COMMIT, RELEASE_PATH,
SHARED_PATH and SITE_PATH set, by sh, or by bash where its first line says so.`,
		Example: `  brokeforge deploy example.org --repository git@github.com:team/blog.git --preset php
  brokeforge deploy example.org --ref v1.4.2 --yes
  brokeforge deploy example.org --script build.sh --set deployment.check-path=/up`,
		Args: exactly("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			list, err := d.wanted(c)
			if err != nil {
				return misuse(c, err)
			}
			return d.onSite(c, args[0], list, nil)
		},
	}
	d.flags(c)
	f := c.Flags()
	f.StringVar(&d.repository, "repository", "", "`ADDRESS` of the git repository")
	f.StringVar(&d.ref, "ref", "", "`BRANCH`, tag or commit; without it the branch of the repository")
	f.StringVar(&d.preset, "preset", "", "`NAME` of what fills in scripts and shared paths: none, php, laravel, wordpress, static-node")
	f.StringVar(&d.script, "script", "", "`FILE` with the script that builds a release; - reads it from standard input")
	f.StringVar(&d.after, "after-script", "", "`FILE` with the script for after the switch")
	f.StringVar(&d.shared, "shared", "", "`PATHS` that all releases have in common, such as storage/,.env")
	f.StringArrayVar(&d.set, "set", nil, "`PACKAGE.OPTION=VALUE` of deployment or git-repository; may be repeated")
	return c
}

// wanted returns what is to be done: the repository first, where something of it is
// given.
func (d *deploying) wanted(c *cobra.Command) ([]packages.Want, error) {
	deployment := packages.Want{Name: packages.DeploymentName, Values: packages.Values{packages.RefOption: d.ref}}
	for option, value := range map[string]string{"preset": d.preset, "shared": d.shared} {
		if c.Flags().Changed(option) {
			deployment.Values[option] = value
		}
	}
	for option, file := range map[string]string{"script": d.script, "after-script": d.after} {
		if !c.Flags().Changed(option) {
			continue
		}
		text, err := d.readScript(file)
		if err != nil {
			return nil, fmt.Errorf("--%s: %w", option, err)
		}
		deployment.Values[option] = text
	}
	list := []packages.Want{deployment}
	ofRepository := c.Flags().Changed("repository")
	for _, s := range d.set {
		ofRepository = ofRepository || strings.HasPrefix(s, string(packages.RepositoryName)+".")
	}
	if ofRepository {
		repository := packages.Want{Name: packages.RepositoryName, Values: packages.Values{}}
		if c.Flags().Changed("repository") {
			repository.Values["url"] = d.repository
		}
		list = []packages.Want{repository, deployment}
	}
	return list, setValues(d.Catalog, list, d.set, d.secretReader(c.Context(), d.set))
}

// maxScriptBytes bounds what is read of a script.
const maxScriptBytes = 1 << 20

// readScript reads a script. Without a file it is empty, which is none.
func (d *deploying) readScript(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	from := d.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("read the script: %w", err)
		}
		defer f.Close() // nothing was written
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxScriptBytes+1))
	if err != nil {
		return "", fmt.Errorf("read the script: %w", err)
	}
	if len(text) > maxScriptBytes {
		return "", errors.New("the script is very long: put it into the repository, and run it from there")
	}
	return string(text), nil
}

func (a *app) rollbackCmd() *cobra.Command {
	ch := change{app: a, action: store.Install}
	c := &cobra.Command{
		Use:   "rollback DOMAIN [RELEASE]",
		Short: "Have a site use an earlier release again",
		Long: `Have a site use an earlier release again: the one before the one in use, or RELEASE, as
"brokeforge site releases" lists them, as long as it is kept. The site is asked for a page
afterwards; where it does not answer it goes on with what it used.

No script is run. What a deployment did elsewhere stays: migrations of a database,
uploaded files and shared paths are as they are now.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return exactly("DOMAIN")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			want := packages.Want{Name: packages.RollbackName, Values: packages.Values{packages.ReleaseOption: ""}}
			if len(args) == 2 {
				want.Values[packages.ReleaseOption] = args[1]
			}
			if err := setValues(ch.Catalog, []packages.Want{want}, nil, nil); err != nil {
				return misuse(c, err)
			}
			if !ch.json {
				fmt.Fprintln(ch.Stderr, packages.RollbackWarning)
			}
			return ch.onSite(c, args[0], []packages.Want{want}, nil)
		},
	}
	ch.flags(c)
	return c
}
