package sites

import (
	"fmt"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// inAndOut is what else a script takes into place: lines that note what was there, in
// files of the folder "$old", that change it, and that change it back.
type inAndOut struct{ save, put, back string }

// linked switches on what a link leads to.
func linked(link, path string) inAndOut {
	return inAndOut{
		save: fmt.Sprintf("[ ! -L %s ] || touch \"$old/link\"\n", link),
		put:  fmt.Sprintf("ln -sfn %s %s || exit 1\n", path, link),
		back: fmt.Sprintf("[ -e \"$old/link\" ] || rm -f %s\n", link),
	}
}

func (a inAndOut) and(b inAndOut) inAndOut {
	return inAndOut{a.save + b.save, a.put + b.put, a.back + b.back}
}

// takeInPlace returns a script that takes files into place and puts back what was
// there where the test fails. The test may read the file "$said" for what it printed.
func takeInPlace(files []file, more inAndOut, test, refused string) string {
	var save, put, back, keep strings.Builder
	for i, f := range files {
		fmt.Fprintf(&save, "[ ! -e %[2]s ] || cp -p %[2]s \"$old/%[1]d\" || exit 1\n", i, f.path)
		fmt.Fprintf(&put, "install -m 0644 %[1]s %[2]s.new && mv -f %[2]s.new %[2]s || exit 1\n", f.staged, f.path)
		fmt.Fprintf(&back, "if [ -e \"$old/%[1]d\" ]; then cp -p \"$old/%[1]d\" %[2]s; else rm -f %[2]s; fi\n", i, f.path)
		fmt.Fprintf(&keep, "cp %s %s || exit 1\n", f.staged, f.placed)
	}
	return `old=$(mktemp -d) || exit 1
trap 'rm -rf "$old"' EXIT
said=$old/said
` + save.String() + more.save + put.String() + more.put + `if ` + test + `; then
` + keep.String() + `exit 0
fi
cat "$said" >&2
` + back.String() + more.back + `echo "` + refused + `" >&2
exit 1`
}

func inPlace(files []file) string {
	var checks []string
	for _, f := range files {
		checks = append(checks, fmt.Sprintf("cmp -s %[1]s %[2]s && cmp -s %[1]s %[3]s", f.staged, f.path, f.placed))
	}
	return strings.Join(checks, " &&\n")
}

// placePool returns the command that takes the pool of PHP processes into place.
func (l layout) placePool(pool file) packages.Run {
	test := fmt.Sprintf(`php-fpm%[1]s -t >"$said" 2>&1 && systemctl reload php%[1]s-fpm`, l.branch)
	return packages.Run{
		Title:  "take the pool into place, and the former one back if PHP refuses it",
		Script: takeInPlace([]file{pool}, inAndOut{}, test, "PHP "+l.branch+" refuses the pool of "+l.domain+": all is as it was before"),
		Check:  inPlace([]file{pool}),
		Touch:  packages.Touch{Reloads: []string{l.fpm()}},
	}
}

// dropPools returns the command that takes away the site's pools of versions of PHP
// that it does not have any more.
func (l layout) dropPools() packages.Run {
	keep := "none"
	if l.branch != "" {
		keep = l.branch
	}
	name := "fpm/pool.d/brokeforge-" + l.domain + ".conf"
	return packages.Run{
		Title: "take away its pools of other versions of PHP",
		Script: fmt.Sprintf(`for file in /etc/php/*/%[1]s; do
	version=${file#/etc/php/} version=${version%%%%/*}
	[ -e "$file" ] && [ "$version" != %[2]s ] || continue
	rm -f "$file" || exit 1
	! systemctl is-active --quiet "php$version-fpm" || systemctl reload "php$version-fpm" || exit 1
done`, name, keep),
		Check: fmt.Sprintf(`for file in /etc/php/*/%[1]s; do [ ! -e "$file" ] || [ "$file" = /etc/php/%[2]s/%[1]s ] || exit 1; done`, name, keep),
	}
}

// placeHost returns the command that takes the virtual host into place. One whose
// names another one answers to is refused as well: the web server only warns of it.
func (l layout) placeHost(files []file, isDefault bool) (packages.Run, error) {
	functions, settled, err := l.settling()
	if err != nil {
		return packages.Run{}, err
	}
	test := l.test() + ` >"$said" 2>&1`
	if l.server != apacheName {
		test = `{ nginx -t >"$said" 2>&1 && ! grep -q 'conflicting server name' "$said"; }`
	}
	refused := fmt.Sprintf("%s refuses the virtual host of %s: it and all others are as they were before", l.unit(), l.domain)
	def, check := l.setDefault(isDefault)
	return packages.Run{
		Title:  "take the virtual host into place, and the former one back if " + l.unit() + " refuses it",
		Script: functions + takeInPlace(files, linked(l.link(), l.host()).and(def), test, refused),
		Check:  settled + " &&\n" + inPlace(files) + fmt.Sprintf(" &&\n[ \"$(readlink %s)\" = %s ] &&\n%s", l.link(), l.host(), check),
	}, nil
}

// apacheModules returns the command that switches on what the site needs of Apache.
func (l layout) apacheModules(kind string) packages.Run {
	if kind == proxy {
		return switchOn("headers alias proxy proxy_http proxy_wstunnel")
	}
	return switchOn("headers alias")
}

// switchOn returns the command that switches on modules of Apache. They are noted with
// those of the package of Apache, which takes them off again.
func switchOn(modules string) packages.Run {
	return packages.Run{
		Title: "switch on the modules " + modules,
		Script: fmt.Sprintf(`for module in %s; do
	[ ! -e /etc/apache2/mods-enabled/$module.load ] || continue
	echo $module >>%s/apache/modules && a2enmod -q $module || exit 1
done`, modules, apt.Folder),
		Check: fmt.Sprintf(`for module in %s; do [ -e /etc/apache2/mods-enabled/$module.load ] || exit 1; done`, modules),
	}
}

const (
	// defaultMark is there while a site answers for names that no site has; it holds
	// the site's domain. The package of nginx looks for it.
	defaultMark = notes + "/default"

	nginxDefault     = "/etc/nginx/sites-enabled/brokeforge-default"
	nginxDefaultFile = "/etc/nginx/sites-available/brokeforge-default"
	// apacheDefault is read before all others, the package's own default site too.
	apacheDefault = "/etc/apache2/sites-enabled/000-0-brokeforge-site.conf"
)

// setDefault returns what makes the site the one that answers for names that no site
// has, or no longer, and what checks that it is so. The web server's own page steps
// back for it.
func (l layout) setDefault(is bool) (inAndOut, string) {
	link, path := nginxDefault, nginxDefaultFile
	away, there := "rm -f "+link, fmt.Sprintf("{ [ ! -e %[1]s ] || ln -sfn %[1]s %[2]s; }", path, link)
	if l.server == apacheName {
		link, path = apacheDefault, l.host()
		away, there = fmt.Sprintf("ln -sfn %s %s", path, link), "rm -f "+link
	}
	holds := fmt.Sprintf("[ \"$(cat %s 2>/dev/null)\" = %s ]", defaultMark, l.domain)
	mark, unmark := fmt.Sprintf("echo %s >%s", l.domain, defaultMark), "rm -f "+defaultMark
	save := holds + " && touch \"$old/default\"\n"
	if is {
		return inAndOut{
			save: save,
			put:  away + " && " + mark + " && settle_https || exit 1\n",
			back: "[ -e \"$old/default\" ] || { " + there + " && " + unmark + " && settle_https; }\n",
		}, holds
	}
	return inAndOut{
		save: save,
		put:  "! [ -e \"$old/default\" ] || { " + there + " && " + unmark + "; } && settle_https || exit 1\n",
		back: "! [ -e \"$old/default\" ] || { " + away + " && " + mark + "; }\nsettle_https\n",
	}, "! " + holds
}

// unsetDefault returns the command of a site that goes.
func (l layout) unsetDefault() (packages.Run, error) {
	functions, _, err := l.settling()
	if err != nil {
		return packages.Run{}, err
	}
	_, isNot := l.setDefault(false)
	set, _ := l.setDefault(true)
	return packages.Run{
		Title:  "be the default site no longer",
		Script: functions + "old=$(mktemp -d) || exit 1\ntrap 'rm -rf \"$old\"' EXIT\n" + set.back,
		Check:  isNot,
	}, nil
}

// verify returns a script that fails where the web server does not answer for the
// site: it serves a file of the ACME folder, which only virtual hosts of sites do.
func (l layout) verify(port string) string {
	return fmt.Sprintf(`file=$(mktemp %[1]s/.well-known/acme-challenge/brokeforge.XXXXXX) || exit 1
trap 'rm -f "$file"' EXIT
echo "$file" >"$file" && chmod 0644 "$file" || exit 1
tries=10
while [ $tries -gt 0 ]; do
	tries=$((tries - 1))
	got=$(curl -sS --noproxy '*' --max-time 10 -H 'Host: %[2]s' "http://127.0.0.1:%[3]s/.well-known/acme-challenge/${file##*/}")
	[ "$got" != "$file" ] || exit 0
	sleep 0.3
done
echo "the server does not answer to %[2]s on port %[3]s" >&2
exit 1`, acmeRoot, l.domain, port)
}
