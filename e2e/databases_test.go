package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// awkward is a password with every printable character, and some that are more
// than a byte.
var awkward = func() string {
	var b strings.Builder
	for c := ' ' + 1; c < 0x7f; c++ {
		b.WriteRune(c)
	}
	return b.String() + ` \'";$(touch /tmp/pwn)` + "äß€😀 x"
}()

// dialect is how a test speaks to an engine, past the program.
type dialect struct {
	engine string
	// root returns sh that has the superuser do a statement in a database, as
	// reads it from standard input.
	root func(database string) string
	// as returns sh that has a user do a statement that it reads from standard
	// input, with the password from /root/pw.
	as    func(user, database string) string
	table string // a statement that makes the table NAME with a row
}

func myDialect(engine, client string) dialect {
	return dialect{
		engine: engine,
		root:   func(database string) string { return client + " -N -D " + database },
		as: func(user, database string) string {
			// An option file of its own, with escapes that are not the program's.
			return `perl -e 'local $/; $p = <STDIN>; $p =~ s/([\\"])/\\$1/g; print "[client]\nuser=` + user + `\npassword=\"$p\"\n"' </root/pw >/root/client.cnf && ` + client +
				" --defaults-file=/root/client.cnf --default-character-set=utf8mb4 -N -D " + database
		},
		table: "CREATE TABLE NAME (x VARCHAR(9)); INSERT INTO NAME VALUES ('kept');",
	}
}

var pgDialect = dialect{
	engine: "postgresql",
	root: func(database string) string {
		return "runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -d " + database
	},
	as: func(user, database string) string {
		return `PGPASSWORD="$(cat /root/pw)" psql -XqAt -v ON_ERROR_STOP=1 -w -h 127.0.0.1 -U ` + user + " -d " + database
	},
	table: "CREATE TABLE NAME (x VARCHAR(9)); INSERT INTO NAME VALUES ('kept');",
}

// TestDatabases makes databases and users on each engine, and logs in as them.
func TestDatabases(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for _, c := range []struct {
		name  string
		suite hosts.Suite
		d     dialect
	}{
		{"mariadb12", hosts.Bookworm, myDialect("mariadb", "mariadb")},
		{"mariadb13", hosts.Trixie, myDialect("mariadb", "mariadb")},
		{"mysql", hosts.Trixie, myDialect("mysql", "mysql")},
		{"postgresql12", hosts.Bookworm, pgDialect},
		{"postgresql13", hosts.Trixie, pgDialect},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: "d" + c.name[:2] + c.name[len(c.name)-2:], Suite: c.suite})
			d := databases{newProgram(t), h, c.d}
			d.add(h)
			if c.d.engine == "mysql" {
				d.sh("echo 'deb [check-valid-until=no] http://deb.debian.org/debian sid main' >/etc/apt/sources.list.d/sid.list")
			}
			d.refused()
			d.make()
			d.rights()
			d.password()
			d.removed()
		})
	}
}

type databases struct {
	program
	h *hosts.Host
	dialect
}

func (d databases) sh(script string) string {
	d.Helper()
	return on(d, d.h, "sh", "-c", script)
}

func (d databases) must(code int, args ...string) result {
	d.Helper()
	return d.program.must(code, append(args, "--on", d.h.Name, "--yes")...)
}

func (d databases) database(name string) []string {
	return []string{"install", "database", "--set=database.engine=" + d.engine, "--set=database.name=" + name}
}

func (d databases) user(name string, more ...string) []string {
	args := []string{"install", "database-user", "--set=database-user.engine=" + d.engine, "--set=database-user.name=" + name}
	for _, m := range more {
		args = append(args, "--set=database-user."+m)
	}
	return args
}

// can reports whether a user may do a statement.
func (d databases) can(user, database, sql string) bool {
	d.Helper()
	_, err := d.h.Exec(d.Context(), "sh", "-c", "cat >/root/sql <<'X'\n"+sql+"\nX\n"+d.as(user, database)+" </root/sql")
	return err == nil
}

func (d databases) root(database, sql string) string {
	d.Helper()
	return d.sh(d.dialect.root(database) + " <<'X'\n" + sql + "\nX")
}

// refused tries names that no server should be asked to take.
func (d databases) refused() {
	d.Helper()
	for _, name := range []string{
		"", "db; DROP", "a`b", `a"b`, "a'b", `a\b`, "a%", strings.Repeat("x", 65), "mysql", "MySQL", "information_schema", "postgres",
		"ünicode", "root", "-rf", "--help", "$(touch /tmp/pwn)", "`id`", "a\nb", "template1", "pg_x", "a_owner",
	} {
		d.must(2, d.database(name)...)
		d.must(2, d.user(name)...)
	}
	for _, bad := range []string{"host=%'", "host=a b", "host=$(id)", "rights=grant", "databases=a;b", "databases=mysql", "password=short", "engine=oracle"} {
		d.must(2, append(d.user("ok"), "--set=database-user."+bad)...)
	}
	if got := d.sh("ls /tmp/pwn /var/lib/brokeforge 2>/dev/null || true"); got != "" {
		d.Errorf("what was refused left %s", got)
	}
}

func (d databases) make() {
	d.Helper()
	// The server comes along.
	d.must(0, d.database("blog_1")...)
	d.must(0, d.database("shop")...)
	d.must(0, d.database("blogX1")...)
	contains(d, d.must(0, d.database("shop")...).stdout, "nothing to do")
	contains(d, d.must(2, d.database("Shop")...).stderr, "differs in case alone")
	contains(d, d.must(2, d.user("u", "databases=nowhere")...).stderr, "there is no database nowhere")
	d.root("shop", strings.ReplaceAll(d.table, "NAME", "earlier"))
	file := filepath.Join(d.home, "pw")
	if err := os.WriteFile(file, []byte(awkward), 0o600); err != nil {
		d.Fatal(err)
	}
	if err := d.h.WriteFile(d.Context(), "/root/pw", []byte(awkward)); err != nil {
		d.Fatal(err)
	}
	d.adopted()
	args := d.user("app-1", "databases=shop,blog_1", "password=@"+file)
	d.must(0, args...)
	contains(d, d.must(0, args...).stdout, "nothing to do")
	contains(d, d.must(2, d.user("App-1")...).stderr, "differs in case alone")
}

// adopted takes over a database and a user that somebody else has made, and lets go of them.
func (d databases) adopted() {
	d.Helper()
	statement := "CREATE USER 'theirs'@'localhost' IDENTIFIED BY 'Made by hand 1';"
	system := "mysql"
	if d.engine == "postgresql" {
		statement, system = "CREATE ROLE theirs LOGIN PASSWORD 'Made by hand 1';", "postgres"
	}
	d.root(system, statement)
	d.root(system, "CREATE DATABASE old;")
	database, user := "database@"+d.engine+"-old", "database-user@"+d.engine+"-theirs"
	adopt := func(code int, what ...string) result {
		d.Helper()
		return d.program.must(code, append(append([]string{"adopt"}, what...), "--on", d.h.Name)...)
	}
	r := adopt(1, "database@"+d.engine+"-nowhere")
	contains(d, r.stdout+r.stderr, "has no database nowhere: it has ")
	r = adopt(1, "database-user@"+d.engine+"-nobody")
	contains(d, r.stdout+r.stderr, "has no user nobody")
	adopt(0, database, user, "--set=database-user.databases=old")
	of := adoption{d.program, d.h}
	if was := of.recorded("database", d.engine+"-old"); was["character-set"] != "utf8" || was["adopted"] != "yes" {
		d.Errorf("of the database is recorded %v", was)
	}
	if was := of.recorded("database-user", d.engine+"-theirs"); was["databases"] != "old" || was["password"] != nil {
		d.Errorf("of the user is recorded %v", was)
	}
	contains(d, adopt(2, database).stderr, "managed by BrokeForge already")
	d.must(0, "remove", user, database)
	d.root("old", d.table)
	d.root(system, "DROP DATABASE old;")
	d.root(system, strings.Replace(strings.Fields(statement)[0], "CREATE", "DROP", 1)+" "+strings.Join(strings.Fields(statement)[1:3], " ")+";")
}

// rights goes through the rights of a user, and looks at each what it can do.
func (d databases) rights() {
	d.Helper()
	file := "password=@" + filepath.Join(d.home, "pw")
	look := func(when string, sql string, want bool) {
		d.Helper()
		if got := d.can("app-1", "shop", sql); got != want {
			d.Errorf("with rights %s, %q is done: %v", when, sql, got)
		}
	}
	later := 0
	afterwards := func() string {
		later++
		name := fmt.Sprintf("later%d", later)
		// Who may do everything makes it; a superuser, if nobody may.
		d.root("shop", strings.ReplaceAll(d.table, "NAME", name))
		return name
	}
	for _, old := range []string{"earlier", afterwards()} {
		look("all", "SELECT x FROM "+old+";", true)
		look("all", "INSERT INTO "+old+" VALUES ('y');", true)
	}
	look("all", strings.ReplaceAll(d.table, "NAME", "mine")+" DROP TABLE mine;", true)
	look("all", strings.ReplaceAll(d.table, "NAME", "own"), true)
	if d.can("app-1", "blogX1", "SELECT 1;") {
		d.Error("rights on blog_1 are rights on blogX1")
	}
	d.must(0, d.user("app-2", "databases=shop", "rights=read-only", file)...)
	if !d.can("app-2", "shop", "SELECT x FROM own;") {
		d.Error("who may read can't read what another user has made")
	}
	if d.can("app-1", "shop", strings.ReplaceAll(d.table, "NAME", "afterapp2")) && !d.can("app-2", "shop", "SELECT x FROM afterapp2;") {
		d.Error("who may read can't read what another user makes later")
	}
	if d.can("app-2", "shop", "DELETE FROM own;") || d.can("app-2", "shop", "CREATE TABLE no (x INT);") || d.can("app-2", "shop", "DROP TABLE own;") {
		d.Error("who may read can do more")
	}
	d.must(0, d.user("app-1", "databases=shop", "rights=read-write", file)...)
	for _, name := range []string{"earlier", "own", afterwards()} {
		look("read-write", "INSERT INTO "+name+" VALUES ('y');", true)
		look("read-write", "UPDATE "+name+" SET x = 'kept';", true)
	}
	look("read-write", "CREATE TABLE no (x INT);", false)
	look("read-write", "DROP TABLE own;", false)
	if d.can("app-1", "blog_1", "SELECT 1;") {
		d.Error("rights on a database that is no more chosen stay")
	}
	d.must(0, d.user("app-1", "databases=shop", "rights=read-only", file)...)
	for _, name := range []string{"earlier", "own", afterwards()} {
		look("read-only", "SELECT x FROM "+name+";", true)
		look("read-only", "INSERT INTO "+name+" VALUES ('y');", false)
	}
	contains(d, d.must(0, d.user("app-1", "databases=shop", "rights=read-only", file)...).stdout, "nothing to do")
}

// password gives a user another password, and sees that a foreign change is seen.
func (d databases) password() {
	d.Helper()
	file := filepath.Join(d.home, "pw2")
	if err := os.WriteFile(file, []byte("another, longer one"), 0o600); err != nil {
		d.Fatal(err)
	}
	args := d.user("app-1", "databases=shop", "rights=read-only", "password=@"+file)
	d.must(0, args...)
	if d.can("app-1", "shop", "SELECT 1;") {
		d.Error("the old password still works")
	}
	if err := d.h.WriteFile(d.Context(), "/root/pw", []byte("another, longer one")); err != nil {
		d.Fatal(err)
	}
	if !d.can("app-1", "shop", "SELECT 1;") {
		d.Error("the new password does not work")
	}
	alter := "ALTER USER 'app-1'@'localhost' IDENTIFIED BY 'Changed by hand 1';"
	database := "mysql"
	if d.engine == "postgresql" {
		alter, database = `ALTER ROLE "app-1" PASSWORD 'Changed by hand 1';`, "postgres"
	}
	d.root(database, alter)
	// Left empty, the password stays what it is recorded as.
	d.must(0, d.user("app-1", "databases=shop", "rights=read-only")...)
	if !d.can("app-1", "shop", "SELECT 1;") {
		d.Error("a password that was changed by hand is not put right")
	}
	if out := d.sh("grep -rlF -e 'another, longer one' -e 'touch /tmp/pwn' /var/log /var/lib/brokeforge /var/lib/mysql/*.log 2>/dev/null || true; ls /tmp/pwn 2>/dev/null || true"); out != "" {
		d.Errorf("a password is in %s", out)
	}
}

func (d databases) removed() {
	d.Helper()
	r := d.must(2, "remove", d.engine)
	contains(d, r.stderr, "still needed by")
	r = d.must(2, "remove", "database@"+d.engine+"-shop")
	contains(d, r.stderr, "has rights on it")
	r = d.must(0, "remove", "database@"+d.engine+"-shop", "database-user@"+d.engine+"-app-1", "database-user@"+d.engine+"-app-2")
	dump := d.sh("ls /var/lib/brokeforge/dumps/" + d.engine + "-shop-*")
	contains(d, r.stdout+r.stderr+d.sh("cat /var/lib/brokeforge/runs/*/log"), dump)
	if got := d.sh("stat -c '%a %U' " + dump + " /var/lib/brokeforge/dumps"); got != "600 root\n700 root" {
		d.Errorf("the dump and its folder are %q", got)
	}
	restore := d.dialect.root("mysql") + " <" + dump
	if d.engine == "postgresql" {
		restore = "runuser -u postgres -- createdb shop && runuser -u postgres -- pg_restore --no-owner --no-acl -d shop <" + dump
	}
	d.sh(restore)
	if got := d.root("shop", "SELECT x FROM earlier LIMIT 1;"); got != "kept" {
		d.Errorf("the dump brings back %q", got)
	}
	for _, user := range []string{"app-1", "app-2"} {
		if d.can(user, "blog_1", "SELECT 1;") {
			d.Errorf("%s, removed, still logs in", user)
		}
	}
	d.must(0, "remove", "database@"+d.engine+"-blog_1", "database@"+d.engine+"-blogX1", d.engine)
}
