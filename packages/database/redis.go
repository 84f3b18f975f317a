package database

import (
	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Redis is the store of keys and values Redis, as Debian packages it.
type Redis struct{}

func redis() keyStore { return keyStore{pkg: Redis{}, title: "Redis", user: "redis"} }

// Name returns "redis".
func (Redis) Name() packages.Name { return redisName }

// Type returns the category of databases.
func (Redis) Type() packages.Type { return packages.Database }

// Credential returns root.
func (Redis) Credential() packages.Credential { return packages.Root() }

// Describe tells of Redis.
func (Redis) Describe() packages.Description {
	return redis().describe("store of keys and values in memory: cache, queue, sessions")
}

// EncodeSecret writes the password into the files that Redis reads.
func (Redis) EncodeSecret(as packages.Encoding, value string) (string, error) {
	return encodeSecret(as, value)
}

// Probe tells whether Redis is installed and runs.
func (Redis) Probe() string { return apt.Probe(redis().server(), redis().server()) }

// Units returns the systemd unit of Redis.
func (Redis) Units(packages.Context) []string { return []string{redis().server()} }

// Install returns the commands that install Redis. What it holds stays.
func (Redis) Install(ctx packages.Context) ([]packages.Command, error) { return redis().install(ctx) }

// Remove returns the commands that remove Redis's software. Its data and settings
// stay unless they are to be purged.
func (Redis) Remove(ctx packages.Context) ([]packages.Command, error) { return redis().remove(ctx) }

// Release returns the commands that take BrokeForge's settings away from a
// Redis that was there before.
func (Redis) Release(ctx packages.Context) ([]packages.Command, error) { return redis().release(ctx) }
