package database

import (
	"fmt"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// keyStore is what Redis and Valkey, which was made of it, have in common, with
// the names in which they differ.
type keyStore struct {
	pkg   packages.Package
	title string
	user  string // and what everything of it is named after
	needs []packages.Command
}

const (
	redisName  packages.Name = "redis"
	valkeyName packages.Name = "valkey"

	optionPassword    = "password"
	optionPolicy      = "eviction"
	optionPersistence = "persistence"
)

// server is the Debian package, the systemd unit and the program, client the
// program that speaks to it.
func (k keyStore) server() string { return k.user + "-server" }
func (k keyStore) client() string { return k.user + "-cli" }

// It reads one file. Debian's is left alone: the unit is told to read ours,
// which includes Debian's first.
func (k keyStore) own() string      { return "/etc/" + k.user + "/" + k.user + ".conf" }
func (k keyStore) file() string     { return "/etc/" + k.user + "/brokeforge.conf" }
func (k keyStore) password() string { return "/etc/" + k.user + "/brokeforge-password.conf" }
func (k keyStore) unitDir() string  { return "/etc/systemd/system/" + k.server() + ".service.d" }
func (k keyStore) unitFile() string { return k.unitDir() + "/brokeforge.conf" }
func (k keyStore) data() string     { return "/var/lib/" + k.user }

// forRedis puts a secret between double quotes as redis.conf and redis-cli read
// it.
const forRedis packages.Encoding = "redis"

// describe tells of it.
func (k keyStore) describe(summary string) packages.Description {
	bind := bindChoice()
	bind.Help = "listened on besides 127.0.0.1; 0.0.0.0 means all of IPv4"
	bind.Validate = acceptRedisAddress
	return packages.Description{
		Title:    k.title,
		Summary:  summary,
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

// encodeSecret writes a secret between double quotes, every byte that is not a
// letter or a digit by its number, as sdssplitargs of Redis reads it.
func encodeSecret(as packages.Encoding, value string) (string, error) {
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

// ask returns sh that sends lines to it with the password that its
// files have, and prints what it answers. The password goes from a file to
// the client and is nobody's argument.
func (k keyStore) ask(port string, lines ...string) string {
	return fmt.Sprintf(`{
	cat %s %s 2>/dev/null | sed -n 's/^requirepass /AUTH /p' | tail -n 1
	printf '%%s\n' %s
} | %s -h 127.0.0.1 -p %s`, k.own(), k.password(), strings.Join(lines, " "), k.client(), port)
}

func (k keyStore) settings(ctx packages.Context) (settings, error) {
	v := ctx.Values
	memory := share(v[optionMemory], ctx.Facts.MemoryBytes, 32*mebi)
	content, err := packages.Render(templates, "redis.conf.tmpl", map[string]any{
		"Package": k.pkg.Name(), "Own": k.own(), "Password": k.password(), "Port": v[optionPort], "Bind": redisBind(v[optionBind], ctx.Facts.OS),
		"Memory": memory, "Policy": v[optionPolicy], "Persistence": v[optionPersistence],
	})
	if err != nil {
		return settings{}, err
	}
	return settings{
		file:  packages.Write{Path: k.file(), Content: content, Group: k.user, Mode: 0o640},
		opens: opens(ctx.Values), title: k.title, unit: k.server(), blank: "include " + k.own(),
		answers: k.ask(v[optionPort], "PING") + " | grep -qx PONG",
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

// install returns the commands that install it. What it holds stays.
func (k keyStore) install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	if err := needMemory(k.title, ctx.Facts, ctx.Values[optionMemory], 64*mebi); err != nil {
		return nil, err
	}
	if ctx.Values[optionPassword] == "" {
		return nil, fmt.Errorf("%s has no password", k.pkg.Name())
	}
	software, err := apt.Install(k.pkg.Name(), k.server())
	if err != nil {
		return nil, err
	}
	set, err := k.settings(ctx)
	if err != nil {
		return nil, err
	}
	unit, err := packages.Render(templates, "redis.service.tmpl", map[string]string{"File": k.file(), "Program": k.program()})
	if err != nil {
		return nil, err
	}
	password := "# Written by BrokeForge.\nrequirepass " +
		packages.SecretRef(packages.SecretOf(k.pkg.Name(), ctx.Instance, optionPassword), forRedis) + "\n"
	commands := append([]packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		refuseTakenPort(ctx.Values[optionPort], k.server()),
		refuseOtherAddress(k.pkg, k.server(), k.file(), ctx.Values),
		packages.Track{Name: "install_software", Label: "Installing software"},
	}, software[:len(software)-1]...)
	commands = append(commands, k.needs...)
	commands = append(commands, software[len(software)-1], packages.Track{Name: "configure", Label: "Configuring " + k.title})
	commands = append(commands, k.saveFirst(ctx.Values[optionPersistence], set)...)
	commands = append(commands, set.place()...)
	return append(commands,
		packages.Write{Path: k.password(), Content: password, Group: k.user, Mode: 0o640},
		packages.Run{Script: "install -d -m 0755 " + k.unitDir(), Check: "[ -d " + k.unitDir() + " ]"},
		packages.Write{Path: k.unitFile(), Content: unit},
		packages.Run{
			Script: "systemctl daemon-reload",
			// systemd 252 does not see that it lacks a folder that is new.
			Check: fmt.Sprintf(`systemctl show -P DropInPaths %[1]s | grep -qF %[2]s && [ "$(systemctl show -P NeedDaemonReload %[1]s)" = no ]`, k.server(), k.unitFile()),
		},
		packages.Track{Name: "start_service", Label: "Starting service"},
		set.apply(),
		apt.Start(k.server()),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "log in, and see that nobody can without the password", Script: k.verify(ctx.Values), IfChanged: true},
		packages.Persist{Version: apt.Version(k.server())},
	), nil
}

// saveFirst returns the command that has one that runs write what is in memory to
// the disk before it is restarted: one that kept nothing, or is to keep an
// append-only file in place of snapshots, would start empty.
func (k keyStore) saveFirst(persistence string, set settings) []packages.Command {
	script := k.save(persistence)
	if script == "" {
		return nil
	}
	return []packages.Command{packages.Run{
		Title:  "have " + k.title + " write what is in memory to the disk",
		Script: script,
		Check:  "! systemctl is-active --quiet " + k.server() + " || " + set.stands(),
	}}
}

// save returns sh that writes what is in memory to the disk, as it is read by one
// that keeps its data so; it is empty where that keeps none.
func (k keyStore) save(persistence string) string {
	port := fmt.Sprintf(`port=$(cat %s %s 2>/dev/null | sed -n 's/^port //p' | tail -n 1)
`, k.own(), k.file())
	ask := func(lines ...string) string { return k.ask(`"${port:-6379}"`, lines...) }
	switch persistence {
	case "none":
		return ""
	case "rdb":
		return port + ask("SAVE") + ` | tail -n 1 | grep -qx OK || { echo "` + k.title + ` could not save what is in memory; nothing was changed" >&2 && exit 1; }`
	}
	return port + ask("'CONFIG SET appendonly yes'") + ` | tail -n 1 | grep -qx OK || { echo "` + k.title + ` could not begin an append-only file; nothing was changed" >&2 && exit 1; }
while state=$(` + ask("'INFO persistence'") + `) && echo "$state" | grep -qE '^aof_rewrite_(in_progress|scheduled):1'; do
	sleep 0.2
done
echo "$state" | grep -q '^aof_last_bgrewrite_status:ok' || { echo "` + k.title + ` could not write its append-only file: $state" >&2 && exit 1; }`
}

// verify logs in, sees that it runs with what was chosen, and that it refuses who
// gives no password.
func (k keyStore) verify(v packages.Values) string {
	appendOnly := "no"
	if v[optionPersistence] == "aof" {
		appendOnly = "yes"
	}
	return fmt.Sprintf(`said=$(%s | sed '/^$/d; /^OK$/d' | tr '\n' ' ')
[ "$said" = 'PONG maxmemory-policy %s appendonly %s ' ] || { echo "%[4]s does not run as chosen: $said" >&2 && exit 1; }
echo "$said"
echo PING | %[5]s -h 127.0.0.1 -p %[6]s | grep -q '^NOAUTH' || { echo "%[4]s answers without a password" >&2 && exit 1; }`,
		k.ask(v[optionPort], "PING", "'CONFIG GET maxmemory-policy'", "'CONFIG GET appendonly'"),
		v[optionPolicy], appendOnly, k.title, k.client(), v[optionPort])
}

// remove returns the commands that remove its software. Its data and settings
// stay unless they are to be purged.
func (k keyStore) remove(ctx packages.Context) ([]packages.Command, error) {
	added, err := apt.RemoveAdded(k.pkg.Name(), k.user)
	if err != nil {
		return nil, err
	}
	rest, err := apt.Remove(k.server())
	if err != nil {
		return nil, err
	}
	purging := ctx.Removal.Yes(packages.PurgeOption)
	var commands []packages.Command
	if purging {
		commands = append(commands, packages.Track{Name: "dump_data", Label: "Dumping the data"}, k.purge(ctx.Values[optionPort]).before())
	}
	commands = append(commands,
		packages.Track{Name: "stop_service", Label: "Stopping service"},
		apt.Stop(k.server()),
		packages.Track{Name: "remove_software", Label: "Removing software"},
	)
	commands = append(commands, added...)
	commands = append(commands, rest[len(apt.Helper()):]...)
	if purging {
		deletion, err := k.purge(ctx.Values[optionPort]).after()
		if err != nil {
			return nil, err
		}
		commands = append(commands, deletion...)
	}
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "see that " + k.title + " is gone, and say what stays",
			Script: fmt.Sprintf(`! command -v %[1]s && ! systemctl is-active --quiet %[1]s || { echo "%[2]s is still there" >&2 && exit 1; }
[ ! -e %[3]s ] || echo "the data stays in %[4]s, the settings in /etc/%[5]s and %[6]s"`,
				k.server(), k.title, k.file(), k.data(), k.user, k.unitDir()),
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}

// release returns the commands that take BrokeForge's settings away from one that
// was there before.
func (k keyStore) release(ctx packages.Context) ([]packages.Command, error) {
	added, err := apt.RemoveAdded(k.pkg.Name(), k.user)
	if err != nil {
		return nil, err
	}
	set := settings{file: packages.Write{Path: k.file()}, title: k.title, unit: k.server(), answers: "systemctl is-active --quiet " + k.server()}
	commands := []packages.Command{
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		packages.Run{
			Title: "have " + k.title + " write what is in memory to the disk",
			Script: fmt.Sprintf("if grep -qsx 'appendonly yes' %s; then\n%s\nelse\n%s\nfi",
				k.own(), k.save("aof"), k.save("rdb")),
			Check: fmt.Sprintf("[ ! -e %s ] || ! systemctl is-active --quiet %s", k.file(), k.server()),
		},
		set.withdraw(k.unitFile(), k.password()),
	}
	return append(append(commands, added...), packages.Forget{}), nil
}

func (k keyStore) program() string { return "/usr/bin/" + k.server() }

func (k keyStore) purge(port string) purge {
	return purge{
		name: k.pkg.Name(), title: k.title, unit: k.server(), program: k.program(), ending: "rdb",
		dump: k.ask(port, "SAVE") + ` | tail -n 1 | grep -qx OK && cat ` + k.data() + `/dump.rdb`,
		look: k.user + `-check-rdb "$file.part" >/dev/null || fail "the dump can't be read"`,
		debs: []string{k.server()},
		// The folders are also those of Sentinel.
		folders: []string{
			k.data() + "/dump.rdb", k.data() + "/appendonly*", "/var/log/" + k.user + "/" + k.server() + ".log*",
			k.file(), k.password(), k.unitDir(), k.backup() + "*",
		},
	}
}

// backup is where settings keeps the file of ours from before.
func (k keyStore) backup() string { return settings{file: packages.Write{Path: k.file()}}.backup() }
