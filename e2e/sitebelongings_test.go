package e2e

import (
	"strings"

	"brokeforge/e2e/hosts"
)

// What belongs to sites is tested on one release: neither supervisor, nor cron, nor a
// database knows of sites.
func (s sites) hasBelongings() bool { return s.h.Suite == hosts.Trixie }

// belongings gives both sites a program and a database with a row, and the shop a task.
func (s sites) belongings() {
	s.Helper()
	if !s.hasBelongings() {
		return
	}
	install := func(name string, options ...string) {
		s.Helper()
		s.must(0, s.arguments(name, options)...)
	}
	install("program", "name=shop-queue", "command=sleep 601", "user=site_shop_example_org")
	install("program", "name=shop-folder", "command=sleep 602", "user=root", "directory=/srv/sites/"+shopSite+"/current")
	install("program", "name=blog-queue", "command=sleep 603", "user=site_xn--bcher-kva_example_org")
	install("scheduled-task", "name=shop-report", "command=true", "site=Shop.Example.org.")
	s.sh("echo '0 0 1 1 * true' | crontab -u site_shop_example_org -") // with cron, which the task has brought
	s.refused("database", []string{"engine=mariadb", "name=lost", "site=none.example.org"}, "database.site", "is no site of this server")
	for database, site := range map[string]string{"shop": shopSite, "blog": "bücher.example.org"} {
		install("database", "engine=mariadb", "name="+database, "site="+site)
		install("database-user", "engine=mariadb", "name="+database, "databases="+database)
		s.sh("mariadb -e \"CREATE TABLE " + database + ".t (x VARCHAR(9)); INSERT INTO " + database + ".t VALUES ('kept')\"")
	}
}

// withoutBelongings: the shop's programs and task are gone, named before; its database
// was named and stays; the other site's are as they were.
func (s sites) withoutBelongings(told string) {
	s.Helper()
	if !s.hasBelongings() {
		return
	}
	contains(s, told, "program@shop-queue", "program@shop-folder", "scheduled-task@shop-report", "(goes with the site "+shopSite+")",
		"stays: database@mariadb-shop", "stays: database-user@mariadb-shop")
	if strings.Contains(told, "blog") {
		s.Errorf("something of the other site is told of:\n%s", told)
	}
	if got := s.sh("supervisorctl status | awk '{ print $1, $2 }'; ls -d /etc/cron.d/*shop* /etc/supervisor/conf.d/*shop* 2>/dev/null; pgrep -f '[s]leep 60[12]'; true"); got != "brokeforge-blog-queue RUNNING" {
		s.Errorf("of the programs and tasks there are: %s", got)
	}
	if got := s.sh("mariadb -N -e 'SELECT x FROM shop.t UNION ALL SELECT x FROM blog.t'; mariadb -N -e \"SELECT user FROM mysql.user WHERE user IN ('shop', 'blog') ORDER BY user\"; ls /var/lib/brokeforge/dumps 2>/dev/null || true"); got != "kept\nkept\nblog\nshop" {
		s.Errorf("of the databases there are: %s", got)
	}
	if got := s.must(0, "status", "--on", s.h.Name).stdout; strings.Contains(got, "shop-queue") || !strings.Contains(got, "mariadb-shop") {
		s.Errorf("recorded is still:\n%s", got)
	}
}

// databasesDropped: the other site's program is gone, and its database after a dump that
// holds what was in it; the shop's stays.
func (s sites) databasesDropped() {
	s.Helper()
	if !s.hasBelongings() {
		return
	}
	if got := s.sh("supervisorctl status; mariadb -N -e 'SHOW DATABASES' | grep -x 'blog\\|shop'; mariadb -N -e \"SELECT user FROM mysql.user WHERE user IN ('shop', 'blog')\"; grep -c kept /var/lib/brokeforge/dumps/mariadb-blog-*.sql; stat -c %a /var/lib/brokeforge/dumps/*"); got != "shop\nshop\n1\n600" {
		s.Errorf("of databases, users and dumps there are: %s", got)
	}
}
