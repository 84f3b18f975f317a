package database

import (
	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Valkey is the store of keys and values Valkey, as Debian packages it. Debian 12
// and Ubuntu 22.04 have none.
type Valkey struct{}

func valkey() keyStore {
	return keyStore{
		pkg: Valkey{}, title: "Valkey", user: "valkey",
		needs: []packages.Command{packages.Run{
			Title: "refuse if no package source has Valkey",
			Script: `echo "no package source of this server has valkey-server (Debian has it from 13 on, Ubuntu from 24.04 on): choose redis, which speaks the same; nothing was installed" >&2
exit 1`,
			Check: apt.Installed("valkey-server") + " ||\n" + `apt-cache policy valkey-server | grep -q '^  Candidate: [0-9]'`,
		}},
	}
}

// Name returns "valkey".
func (Valkey) Name() packages.Name { return valkeyName }

// Type returns the category of databases.
func (Valkey) Type() packages.Type { return packages.Database }

// Credential returns root.
func (Valkey) Credential() packages.Credential { return packages.Root() }

// Describe tells of Valkey.
func (Valkey) Describe() packages.Description {
	return valkey().describe("store of keys and values in memory that speaks as Redis does; in Debian from 13, Ubuntu from 24.04 on")
}

// EncodeSecret writes the password into the files that Valkey reads.
func (Valkey) EncodeSecret(as packages.Encoding, value string) (string, error) {
	return encodeSecret(as, value)
}

// Probe tells whether Valkey is installed and runs.
func (Valkey) Probe() string { return apt.Probe(valkey().server(), valkey().server()) }

// Units returns the systemd unit of Valkey.
func (Valkey) Units(packages.Context) []string { return []string{valkey().server()} }

// Install returns the commands that install Valkey. What it holds stays.
func (Valkey) Install(ctx packages.Context) ([]packages.Command, error) { return valkey().install(ctx) }

// Remove returns the commands that remove Valkey's software. Its data and settings
// stay unless they are to be purged.
func (Valkey) Remove(ctx packages.Context) ([]packages.Command, error) { return valkey().remove(ctx) }

// Release returns the commands that take BrokeForge's settings away from a
// Valkey that was there before.
func (Valkey) Release(ctx packages.Context) ([]packages.Command, error) { return valkey().release(ctx) }
