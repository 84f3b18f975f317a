package database

import (
	"embed"
	"fmt"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

//go:embed templates
var templates embed.FS

// mysqlFamily is what MariaDB and MySQL have in common, with the names in which
// they differ.
type mysqlFamily struct {
	pkg     packages.Package
	title   string
	deb     string   // the Debian package of the server
	debs    []string // all that it is made of, to be removed
	others  []string // how more of what came along with it begins
	unit    string
	program string // the process that listens
	client  string
	dump    string
	file    string // of our settings, in a folder that it reads last
	folder  string // of that file
	test    string // sh that reads the settings without starting
	least   int64  // bytes of memory without which it is of no use
	free    int64  // bytes that must be free, in memory or swap, for its first start
	other   string // the one that its data can't be shared with
	foreign string // a file that data of the other one has
	needs   []packages.Command
	before  []packages.Command // that have apt know a version that is not the distribution's
	record  map[string]string
	leave   []packages.Command // that take its repository away
}

// dataFolder is where both keep their databases.
const dataFolder = "/var/lib/mysql"

// client flags: what is printed is as it is in the database, without a head.
const plainly = " --batch --skip-column-names --raw"

func (m mysqlFamily) options() []packages.Option {
	return []packages.Option{
		portChoice(3306),
		bindChoice(),
		memoryChoice("for the cache of tables (innodb_buffer_pool_size), such as 512M; auto is a quarter of the server's, keep leaves it alone"),
	}
}

// settings returns our part of the server's settings.
func (m mysqlFamily) settings(ctx packages.Context) (settings, error) {
	pool, connections := share(ctx.Values[optionMemory], ctx.Facts.MemoryBytes, 64*mebi), 0
	if pool > 0 && ctx.Facts.MemoryBytes > 0 && ctx.Facts.MemoryBytes < gibi {
		connections = 50 // each may take some megabytes
	}
	content, err := packages.Render(templates, "mysql.cnf.tmpl", map[string]any{
		"Package": m.pkg.Name(), "Port": ctx.Values[optionPort], "Bind": ctx.Values[optionBind],
		"Pool": megabytes(pool, "M"), "Tuned": pool > 0, "Connections": connections,
	})
	if err != nil {
		return settings{}, err
	}
	return settings{
		file: packages.Write{Path: m.file, Content: content}, opens: opens(ctx.Values), title: m.title, unit: m.unit, test: m.test,
		answers: m.says("SELECT 1", "1"),
	}, nil
}

// says returns sh that exits with 0 where root's query on the unix socket
// prints what is wanted.
func (m mysqlFamily) says(query, wanted string) string {
	return fmt.Sprintf(`[ "$(echo '%s' | %s%s)" = '%s' ]`, query, m.client, plainly, wanted)
}

func (m mysqlFamily) install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	if err := needMemory(m.title, ctx.Facts, ctx.Values[optionMemory], m.least); err != nil {
		return nil, err
	}
	software, err := apt.Install(m.pkg.Name(), m.deb)
	if err != nil {
		return nil, err
	}
	set, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	installed := apt.Installed(m.deb)
	commands := []packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		refuseTakenPort(ctx.Values[optionPort], m.program),
		refuseOtherAddress(m.pkg, m.program, m.file, ctx.Values),
		packages.Run{
			Title: "refuse if " + dataFolder + " holds data of " + m.other,
			Script: fmt.Sprintf(`echo "%[1]s holds data of %[2]s, which %[3]s can't read: move it to another place first; nothing was changed" >&2
exit 1`, dataFolder, m.other, m.title),
			Check: fmt.Sprintf("[ ! -e %s/%s ]", dataFolder, m.foreign),
		},
		packages.Run{
			Title: "refuse if root can't log in to the " + m.title + " that is there",
			Script: fmt.Sprintf(`echo 'SELECT 1' | %[1]s%[2]s && exit 0
echo "root can't log in to the %[3]s that is on this server over its unix socket; give root a way (in /root/.my.cnf, if it has a password) to have it taken over; nothing was changed" >&2
exit 1`, m.client, plainly, m.title),
			Check: fmt.Sprintf("! { %s && systemctl is-active --quiet %s; } ||\n%s", installed, m.unit, m.says("SELECT 1", "1")),
		},
		packages.Run{
			Title: "refuse if too little memory is free",
			Script: fmt.Sprintf(`echo "too little memory is free for %s, which needs %s to start: end what is not needed, or add swap; nothing was changed" >&2
exit 1`, m.title, megabytes(m.free, " MB")),
			Check: fmt.Sprintf("%s ||\n"+`[ "$(awk '/^(MemAvailable|SwapFree):/ { n += $2 } END { print n }' /proc/meminfo)" -ge %d ]`, installed, m.free/1024),
		},
	}
	commands = append(commands, m.before...)
	commands = append(commands,
		packages.Track{Name: "configure", Label: "Configuring " + m.title},
		// Before its packages are there, so that it never listens elsewhere.
		packages.Run{Script: "install -d -m 0755 /etc/mysql " + m.folder, Check: "[ -d " + m.folder + " ]"},
	)
	commands = append(commands, set.place()...)
	commands = append(commands, packages.Track{Name: "install_software", Label: "Installing software"})
	commands = append(commands, software[:len(software)-1]...)
	commands = append(commands, m.needs...)
	return append(commands,
		software[len(software)-1],
		packages.Track{Name: "start_service", Label: "Starting service"},
		set.apply(),
		apt.Start(m.unit),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "log in and see that it listens as chosen",
			Script: fmt.Sprintf(`said=$(echo 'SELECT @@port, @@bind_address' | %[1]s%[2]s) || exit 1
echo "%[3]s says: $said"
[ "$said" = "$(printf '%[4]s\t%[5]s')" ] || { echo "%[3]s does not listen on %[5]s port %[4]s: another file of /etc/mysql sets it" >&2 && exit 1; }`,
				m.client, plainly, m.title, ctx.Values[optionPort], ctx.Values[optionBind]),
			IfChanged: true,
		},
		packages.Persist{Version: apt.Version(m.deb), Configuration: m.record},
	), nil
}

func (m mysqlFamily) remove(ctx packages.Context) ([]packages.Command, error) {
	added, err := apt.RemoveAdded(m.pkg.Name(), m.prefixes()...)
	if err != nil {
		return nil, err
	}
	rest, err := apt.Remove(m.debs...)
	if err != nil {
		return nil, err
	}
	purging := ctx.Removal.Yes(packages.PurgeOption)
	var commands []packages.Command
	if purging {
		commands = append(commands, packages.Track{Name: "dump_data", Label: "Dumping the data"}, m.purge().before())
	}
	commands = append(commands,
		packages.Track{Name: "stop_service", Label: "Stopping service"},
		apt.Stop(m.unit),
		packages.Track{Name: "remove_software", Label: "Removing software"},
	)
	commands = append(commands, added...)
	commands = append(commands, rest[len(apt.Helper()):]...)
	commands = append(commands, m.leave...)
	if purging {
		deletion, err := m.purge().after()
		if err != nil {
			return nil, err
		}
		commands = append(commands, deletion...)
	}
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "see that the server is gone, and say what stays",
			Script: fmt.Sprintf(`! command -v %[1]s && ! systemctl is-active --quiet %[2]s || { echo "%[3]s is still there" >&2 && exit 1; }
[ ! -d %[4]s ] || echo "the databases stay in %[4]s ($(du -sh %[4]s | cut -f1)), the settings in /etc/mysql"`,
				m.program, m.unit, m.title, dataFolder),
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}

func (m mysqlFamily) purge() purge {
	return purge{
		name: m.pkg.Name(), title: m.title, unit: m.unit, program: "/usr/sbin/" + m.program, ending: "sql", debs: m.debs,
		dump:    m.dump + " --all-databases --single-transaction --routines --events --triggers --hex-blob --default-character-set=utf8mb4",
		look:    `tail -n 1 "$file.part" | grep -q '^-- Dump completed' || fail "the dump ends in the middle"`,
		folders: []string{dataFolder, "/var/log/mysql", m.file, settings{file: packages.Write{Path: m.file}}.backup() + "*"},
	}
}

// release returns the commands that take BrokeForge's part out of a server that
// was there before.
func (m mysqlFamily) release() ([]packages.Command, error) {
	added, err := apt.RemoveAdded(m.pkg.Name(), m.prefixes()...)
	if err != nil {
		return nil, err
	}
	set := settings{file: packages.Write{Path: m.file}, title: m.title, unit: m.unit, answers: m.says("SELECT 1", "1")}
	commands := []packages.Command{packages.Track{Name: "remove_settings", Label: "Removing settings"}, set.withdraw()}
	return append(append(append(commands, added...), m.leave...), packages.Forget{}), nil
}

// prefixes are how the Debian packages begin that come along with it.
func (m mysqlFamily) prefixes() []string {
	return append([]string{string(m.pkg.Name()) + "-server", string(m.pkg.Name()) + "-client"}, m.others...)
}
