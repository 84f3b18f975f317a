package database

import (
	"fmt"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Redis is the store of keys and values Redis, as Debian packages it.
type Redis struct{}

const (
	redisName packages.Name = "redis"

	optionPassword    = "password"
	optionPolicy      = "eviction"
	optionPersistence = "persistence"
)

// Redis reads one file. Debian's is left alone: the unit is told to read ours,
// which includes Debian's first.
const (
	redisOwn      = "/etc/redis/redis.conf"
	redisFile     = "/etc/redis/brokeforge.conf"
	redisPassword = "/etc/redis/brokeforge-password.conf"
	redisUnitDir  = "/etc/systemd/system/redis-server.service.d"
	redisUnitFile = redisUnitDir + "/brokeforge.conf"
)

// forRedis puts a secret between double quotes as redis.conf and redis-cli read
// it.
const forRedis packages.Encoding = "redis"

// Name returns "redis".
func (Redis) Name() packages.Name { return redisName }

// Type returns the category of databases.
func (Redis) Type() packages.Type { return packages.Database }

// Credential returns root.
func (Redis) Credential() packages.Credential { return packages.Root() }

// Describe tells of Redis.
func (Redis) Describe() packages.Description {
	bind := bindChoice()
	bind.Help = "listened on besides 127.0.0.1; 0.0.0.0 means all of IPv4"
	bind.Validate = acceptRedisAddress
	return packages.Description{
		Title:    "Redis",
		Summary:  "store of keys and values in memory: cache, queue, sessions",
		Requires: []packages.Name{packages.Base},

		RemoveOptions: []packages.Option{packages.Purge("what it holds and its settings, after a dump")},

		Options: []packages.Option{
			portChoice(6379),
			bind,
			{
				Name: optionPassword, Label: "Password", Kind: packages.Secret, Generate: packages.Generate{Length: 40},
				Help: "that every login needs; made where none is given", Validate: acceptPassword,
			},
			memoryChoice("the most that it keeps data in (maxmemory), such as 512M; auto is a quarter of the server's, keep leaves it alone"),
			{
				Name: optionPolicy, Label: "When full", Kind: packages.Choice, Default: "noeviction", Required: true,
				Choices: []string{"noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"},
				Help:    "which keys go when memory is full; noeviction refuses writes, allkeys-lru suits a cache",
			},
			{
				Name: optionPersistence, Label: "On disk", Kind: packages.Choice, Default: "rdb", Required: true,
				Choices: []string{"none", "rdb", "aof"},
				Help:    "none loses all at a restart, rdb keeps snapshots, aof keeps every write",
			},
		},
	}
}

func acceptRedisAddress(value string) error {
	if value == "::" {
		return fmt.Errorf("is not enough for all addresses: choose 0.0.0.0, or one address")
	}
	return acceptAddress(value)
}

// EncodeSecret writes a secret between double quotes, every byte that is not a
// letter or a digit by its number, as sdssplitargs of Redis reads it.
func (Redis) EncodeSecret(as packages.Encoding, value string) (string, error) {
	if as != forRedis {
		return "", fmt.Errorf("there is no encoding %q", as)
	}
	return quoteRedis(value), nil
}

func quoteRedis(value string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(value) {
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Probe tells whether Redis is installed and runs.
func (Redis) Probe() string { return apt.Probe("redis-server", "redis-server") }

// redisAsk returns sh that sends lines to Redis with the password that its
// files have, and prints what it answers. The password goes from a file to
// redis-cli and is nobody's argument.
func redisAsk(port string, lines ...string) string {
	return fmt.Sprintf(`{
	cat %s %s 2>/dev/null | sed -n 's/^requirepass /AUTH /p' | tail -n 1
	printf '%%s\n' %s
} | redis-cli -h 127.0.0.1 -p %s`, redisOwn, redisPassword, strings.Join(lines, " "), port)
}

func (r Redis) settings(ctx packages.Context) (settings, error) {
	v := ctx.Values
	memory := share(v[optionMemory], ctx.Facts.MemoryBytes, 32*mebi)
	content, err := packages.Render(templates, "redis.conf.tmpl", map[string]any{
		"Own": redisOwn, "Password": redisPassword, "Port": v[optionPort], "Bind": redisBind(v[optionBind], ctx.Facts.OS),
		"Memory": memory, "Policy": v[optionPolicy], "Persistence": v[optionPersistence],
	})
	if err != nil {
		return settings{}, err
	}
	return settings{
		file:  packages.Write{Path: redisFile, Content: content, Group: "redis", Mode: 0o640},
		opens: opens(ctx.Values), title: "Redis", unit: "redis-server", blank: "include " + redisOwn,
		answers: redisAsk(v[optionPort], "PING") + " | grep -qx PONG",
	}, nil
}

// redisBind is what bind is set to: programs on the machine always reach it. An
// address after "-" may be missing, which Redis 6.0 of Ubuntu 22.04 does not
// know.
func redisBind(chosen string, os packages.OS) string {
	if chosen == "0.0.0.0" {
		return chosen
	}
	list := []string{"127.0.0.1"}
	if chosen != "::1" && os.ID+os.Version != "ubuntu22.04" {
		list = append(list, "-::1")
	}
	if !slices.Contains(list, chosen) {
		list = append(list, chosen)
	}
	return strings.Join(list, " ")
}

// Units returns the systemd unit of Redis.
func (Redis) Units(packages.Context) []string { return []string{"redis-server"} }

// Install returns the commands that install Redis. What it holds stays.
func (r Redis) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	if err := needMemory("Redis", ctx.Facts, ctx.Values[optionMemory], 64*mebi); err != nil {
		return nil, err
	}
	if ctx.Values[optionPassword] == "" {
		return nil, fmt.Errorf("redis has no password")
	}
	software, err := apt.Install(r.Name(), "redis-server")
	if err != nil {
		return nil, err
	}
	set, err := r.settings(ctx)
	if err != nil {
		return nil, err
	}
	unit, err := packages.Render(templates, "redis.service.tmpl", map[string]string{"File": redisFile})
	if err != nil {
		return nil, err
	}
	password := "# Written by BrokeForge.\nrequirepass " +
		packages.SecretRef(packages.SecretOf(r.Name(), ctx.Instance, optionPassword), forRedis) + "\n"
	commands := append([]packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		refuseTakenPort(ctx.Values[optionPort], "redis-server"),
		refuseOtherAddress(r, "redis-server", redisFile, ctx.Values),
		packages.Track{Name: "install_software", Label: "Installing software"},
	}, software...)
	commands = append(commands, packages.Track{Name: "configure", Label: "Configuring Redis"})
	commands = append(commands, saveFirst(ctx.Values[optionPersistence], set)...)
	commands = append(commands, set.place()...)
	return append(commands,
		packages.Write{Path: redisPassword, Content: password, Group: "redis", Mode: 0o640},
		packages.Run{Script: "install -d -m 0755 " + redisUnitDir, Check: "[ -d " + redisUnitDir + " ]"},
		packages.Write{Path: redisUnitFile, Content: unit},
		packages.Run{
			Script: "systemctl daemon-reload",
			// systemd 252 does not see that it lacks a folder that is new.
			Check: `systemctl show -P DropInPaths redis-server | grep -qF ` + redisUnitFile + ` && [ "$(systemctl show -P NeedDaemonReload redis-server)" = no ]`,
		},
		packages.Track{Name: "start_service", Label: "Starting service"},
		set.apply(),
		apt.Start("redis-server"),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "log in, and see that nobody can without the password", Script: redisVerify(ctx.Values), IfChanged: true},
		packages.Persist{Version: apt.Version("redis-server")},
	), nil
}

// saveFirst returns the command that has a running Redis write what is in
// memory to the disk before it is restarted: one that kept nothing, or is to
// keep an append-only file in place of snapshots, would start empty.
func saveFirst(persistence string, set settings) []packages.Command {
	script := `port=$(cat ` + redisOwn + ` ` + redisFile + ` 2>/dev/null | sed -n 's/^port //p' | tail -n 1)
`
	switch persistence {
	case "none":
		return nil
	case "rdb":
		script += redisAsk(`"${port:-6379}"`, "SAVE") + ` | tail -n 1 | grep -qx OK || { echo "Redis could not save what is in memory; nothing was changed" >&2 && exit 1; }`
	default:
		script += redisAsk(`"${port:-6379}"`, "'CONFIG SET appendonly yes'") + ` | tail -n 1 | grep -qx OK || { echo "Redis could not begin an append-only file; nothing was changed" >&2 && exit 1; }
while state=$(` + redisAsk(`"${port:-6379}"`, "'INFO persistence'") + `) && echo "$state" | grep -qE '^aof_rewrite_(in_progress|scheduled):1'; do
	sleep 0.2
done
echo "$state" | grep -q '^aof_last_bgrewrite_status:ok' || { echo "Redis could not write its append-only file: $state" >&2 && exit 1; }`
	}
	return []packages.Command{packages.Run{
		Title:  "have Redis write what is in memory to the disk",
		Script: script,
		Check:  "! systemctl is-active --quiet redis-server || " + set.stands(),
	}}
}

// redisVerify logs in, sees that Redis runs with what was chosen, and that it
// refuses who gives no password.
func redisVerify(v packages.Values) string {
	appendOnly := "no"
	if v[optionPersistence] == "aof" {
		appendOnly = "yes"
	}
	return fmt.Sprintf(`said=$(%s | sed '/^$/d; /^OK$/d' | tr '\n' ' ')
[ "$said" = 'PONG maxmemory-policy %s appendonly %s ' ] || { echo "Redis does not run as chosen: $said" >&2 && exit 1; }
echo "$said"
echo PING | redis-cli -h 127.0.0.1 -p %s | grep -q '^NOAUTH' || { echo "Redis answers without a password" >&2 && exit 1; }`,
		redisAsk(v[optionPort], "PING", "'CONFIG GET maxmemory-policy'", "'CONFIG GET appendonly'"),
		v[optionPolicy], appendOnly, v[optionPort])
}

// Remove returns the commands that remove Redis's software. Its data and
// settings stay unless they are to be purged.
func (r Redis) Remove(ctx packages.Context) ([]packages.Command, error) {
	added, err := apt.RemoveAdded(r.Name(), "redis")
	if err != nil {
		return nil, err
	}
	rest, err := apt.Remove("redis-server")
	if err != nil {
		return nil, err
	}
	purging := ctx.Removal.Yes(packages.PurgeOption)
	var commands []packages.Command
	if purging {
		commands = append(commands, packages.Track{Name: "dump_data", Label: "Dumping the data"}, redisPurge(ctx.Values[optionPort]).before())
	}
	commands = append(commands,
		packages.Track{Name: "stop_service", Label: "Stopping service"},
		apt.Stop("redis-server"),
		packages.Track{Name: "remove_software", Label: "Removing software"},
	)
	commands = append(commands, added...)
	commands = append(commands, rest[len(apt.Helper()):]...)
	if purging {
		deletion, err := redisPurge(ctx.Values[optionPort]).after()
		if err != nil {
			return nil, err
		}
		commands = append(commands, deletion...)
	}
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "see that Redis is gone, and say what stays",
			Script: `! command -v redis-server && ! systemctl is-active --quiet redis-server || { echo "Redis is still there" >&2 && exit 1; }
[ ! -e ` + redisFile + ` ] || echo "the data stays in /var/lib/redis, the settings in /etc/redis and ` + redisUnitDir + `"`,
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}

func redisPurge(port string) purge {
	return purge{
		name: redisName, title: "Redis", unit: "redis-server", program: "/usr/bin/redis-server", ending: "rdb",
		dump: redisAsk(port, "SAVE") + ` | tail -n 1 | grep -qx OK && cat /var/lib/redis/dump.rdb`,
		look: `redis-check-rdb "$file.part" >/dev/null || fail "the dump can't be read"`,
		debs: []string{"redis-server"},
		// The folders are also those of Redis Sentinel.
		folders: []string{
			"/var/lib/redis/dump.rdb", "/var/lib/redis/appendonly*", "/var/log/redis/redis-server.log*",
			redisFile, redisPassword, redisUnitDir, settings{file: packages.Write{Path: redisFile}}.backup() + "*",
		},
	}
}
