package webserver

import (
	"fmt"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Apache is the Apache HTTP Server, as Debian packages it. It runs PHP by way of
// PHP-FPM and never in itself, so that its event module can serve.
type Apache struct{}

const (
	apacheName packages.Name = "apache"
	nginxName  packages.Name = "nginx"

	apachePort = "port"
)

// The files that the package puts on a server. Those that Apache reads are first
// written to a folder of ours, and taken into place only together and tested.
const (
	apacheStaged   = apt.Folder + "/apache"
	apacheConf     = "/etc/apache2/conf-available/zz-brokeforge.conf"
	apacheConfLink = "/etc/apache2/conf-enabled/zz-brokeforge.conf"
	apacheSite     = "/etc/apache2/sites-available/000-brokeforge-default.conf"
	apacheSiteLink = "/etc/apache2/sites-enabled/000-brokeforge-default.conf"
	apacheRoot     = "/var/www/brokeforge-apache"

	// apacheStock remembers that Debian's own default site was taken off, and
	// apacheModules which modules were switched on.
	apacheStock   = apacheStaged + "/stock-site"
	apacheModules = apacheStaged + "/modules"
)

// portsFile is where Debian's Apache is told what it listens on.
func portsFile() stockFile {
	return stockFile{path: "/etc/apache2/ports.conf", deb: "apache2", name: "apache-ports.conf"}
}

// Name returns "apache".
func (Apache) Name() packages.Name { return apacheName }

// Type returns the category of web servers.
func (Apache) Type() packages.Type { return packages.WebServer }

// Credential returns root.
func (Apache) Credential() packages.Credential { return packages.Root() }

// Describe tells of Apache.
func (Apache) Describe() packages.Description {
	return packages.Description{
		Title:    "Apache",
		Summary:  "web server, with PHP by PHP-FPM",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: apachePort, Label: "Port", Kind: packages.Number, Default: "80", Required: true, Min: 1, Max: 65535,
				Help: "listened on; beside nginx another than 80",
			},
			{
				Name: defaultSite, Label: "Default site", Kind: packages.YesNo, Default: "yes",
				Help: "answers for every name that no site has, with PHP where that is installed",
			},
		},
	}
}

// beside refuses a web server on a port where another one that is recorded has
// the same.
func beside(ctx packages.Context, other packages.Name, port, otherPort string) error {
	if _, there := ctx.Installs(other); !there || port != otherPort {
		return nil
	}
	return fmt.Errorf("%s has port %s on this server: give Apache another port (apache.port), or remove one of the two first", other, port)
}

// Probe tells whether Apache is installed and runs.
func (Apache) Probe() string { return apt.Probe("apache2", "apache2") }

// Install returns the commands that install Apache.
func (a Apache) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	port := ctx.Values[apachePort]
	if err := beside(ctx, nginxName, port, "80"); err != nil {
		return nil, err
	}
	software, err := apt.Install(a.Name(), "apache2")
	if err != nil {
		return nil, err
	}
	configuration, err := a.configure(ctx.Values)
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		packages.Run{Title: "refuse if port " + port + " is taken", Script: apt.PortTaken(port, "apache2"), Check: apt.PortFree(port, "apache2")},
		packages.Run{
			Title:  "keep Apache from starting before it is set up",
			Script: "systemctl mask --runtime apache2",
			Check:  apt.Installed("apache2"),
		},
		packages.Track{Name: "install_software", Label: "Installing software"},
	}, software...)
	commands = append(commands, apacheFiles().putBack(), packages.Track{Name: "configure_apache", Label: "Configuring Apache"})
	commands = append(commands, configuration...)
	return append(commands,
		packages.Track{Name: "start_service", Label: "Starting service"},
		packages.Run{
			Script: "systemctl unmask --runtime apache2",
			Check:  "[ ! -L /run/systemd/system/apache2.service ]",
		},
		apt.Start("apache2"),
		packages.Run{Script: "apache2ctl configtest && systemctl reload apache2", IfChanged: true},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Script: apacheAnswers(ctx.Values), IfChanged: true},
		packages.Persist{Version: apt.Version("apache2")},
	), nil
}

func apacheAnswers(v packages.Values) string {
	port := v[apachePort]
	if !v.Yes(defaultSite) {
		return fmt.Sprintf("systemctl is-active apache2 && ss -Hltn 'sport = :%s' | grep .", port)
	}
	return fmt.Sprintf("curl -sS -f -o /dev/null --noproxy '*' --max-time 10 --retry 5 --retry-delay 1 --retry-connrefused http://127.0.0.1:%s/", port)
}

// configure returns the commands that put Apache's configuration in place.
func (Apache) configure(v packages.Values) ([]packages.Command, error) {
	conf, err := packages.Render(templates, "apache.conf.tmpl", nil)
	if err != nil {
		return nil, err
	}
	files := []placed{{apacheStaged + "/conf", apacheConf, apacheConfLink}}
	commands := []packages.Command{
		packages.Run{
			Title: "refuse if Apache runs PHP in itself",
			Script: `echo "this Apache has mod_php, or another process module than event: switch to those first (a2dismod php… mpm_prefork; a2enmod mpm_event); nothing was changed" >&2
exit 1`,
			Check: "[ -e /etc/apache2/mods-enabled/mpm_event.load ] && ! ls /etc/apache2/mods-enabled/php*.load >/dev/null 2>&1",
		},
		packages.Run{Script: "install -d -m 0700 " + apacheStaged, Check: "[ -d " + apacheStaged + " ]"},
		packages.Run{Title: "switch on the modules proxy_fcgi and setenvif", Script: enableModules, Check: modulesAreOn},
		packages.Write{Path: apacheStaged + "/conf", Content: conf},
	}
	port := portsFile().set("listen on port "+v[apachePort], fmt.Sprintf("s/^Listen [0-9]+$/Listen %s/", v[apachePort]), "apache2ctl configtest")
	if !v.Yes(defaultSite) {
		return append(commands,
			packages.Run{
				Script: "rm -f " + apacheSiteLink + " " + apacheSite + " " + apacheStaged + "/site",
				Check:  absent(apacheSiteLink, apacheSite),
			},
			port, putInPlace(files),
		), nil
	}
	site, err := packages.Render(templates, "apache-site.conf.tmpl", map[string]string{"Root": apacheRoot, "Port": v[apachePort]})
	if err != nil {
		return nil, err
	}
	page, err := packages.Render(templates, "default.html.tmpl", nil)
	if err != nil {
		return nil, err
	}
	files = append(files, placed{apacheStaged + "/site", apacheSite, apacheSiteLink})
	return append(commands,
		packages.Run{Title: "refuse if the default site would answer in place of another", Script: othersAnswer, Check: noOtherAnswers},
		packages.Run{Script: "install -d -m 0755 " + apacheRoot, Check: "[ -d " + apacheRoot + " ]"},
		packages.Write{Path: apacheRoot + "/index.html", Content: page},
		packages.Write{Path: apacheStaged + "/site", Content: site},
		port, putInPlace(files),
		packages.Run{
			Title:  "take off Debian's own default site, if nobody has changed it",
			Script: "touch " + apacheStock + " && rm " + stockApacheLink,
			Check:  "! { " + stockIsOn + "; }",
		},
	), nil
}

const (
	stockApacheSite = "/etc/apache2/sites-available/000-default.conf"
	stockApacheLink = "/etc/apache2/sites-enabled/000-default.conf"
)

// stockIsOn passes where Debian's own default site is linked, and nobody has
// changed it.
const stockIsOn = `[ "$(readlink -f ` + stockApacheLink + `)" = ` + stockApacheSite + ` ] &&
	dpkg-query -W -f '${Conffiles}\n' apache2 | grep -qxF " ` + stockApacheSite + ` $(md5sum <` + stockApacheSite + ` | cut -d' ' -f1)"`

const modulesAreOn = `cd /etc/apache2/mods-enabled && [ -e proxy.load ] && [ -e proxy_fcgi.load ] && [ -e setenvif.load ]`

const enableModules = `for module in proxy proxy_fcgi setenvif; do
	[ ! -e /etc/apache2/mods-enabled/$module.load ] || continue
	echo $module >>` + apacheModules + ` && a2enmod -q $module || exit 1
done`

// noOtherAnswers passes where our site is there already, where Debian's own,
// unchanged, answers for names that no site has, and where there is no site.
const noOtherAnswers = `[ -e ` + apacheSiteLink + ` ] || [ -z "$(ls /etc/apache2/sites-enabled)" ] || {
	` + stockIsOn + `
}`

const othersAnswer = `ls /etc/apache2/sites-enabled
echo "one of these sites answers for names that no site has, and the default site would in its place: choose default-site=no; nothing was changed" >&2
exit 1`

// placed is a file that Apache reads, by way of a link, and where it is written
// first.
type placed struct{ staged, file, link string }

// putInPlace returns the command that takes files of ours into place and has
// Apache test them, all or none: what was there before is put back where Apache
// refuses them.
func putInPlace(files []placed) packages.Run {
	var save, put, back strings.Builder
	var checks []string
	for i, f := range files {
		fmt.Fprintf(&save, "[ ! -e %[2]s ] || cp -p %[2]s \"$old/%[1]d\" || exit 1\n[ ! -L %[3]s ] || touch \"$old/%[1]d.link\"\n", i, f.file, f.link)
		fmt.Fprintf(&put, "install -m 0644 %[1]s %[2]s.new && mv -f %[2]s.new %[2]s && ln -sfn ../%[4]s %[3]s || exit 1\n", f.staged, f.file, f.link, strings.TrimPrefix(f.file, "/etc/apache2/"))
		fmt.Fprintf(&back, "[ -e \"$old/%[1]d.link\" ] || rm -f %[3]s\nif [ -e \"$old/%[1]d\" ]; then cp -p \"$old/%[1]d\" %[2]s; else rm -f %[2]s; fi\n", i, f.file, f.link)
		checks = append(checks, fmt.Sprintf("cmp -s %[1]s %[2]s && [ \"$(readlink -f %[3]s)\" = %[2]s ]", f.staged, f.file, f.link))
	}
	return packages.Run{
		Title: "take the settings into place, and the former ones back if Apache refuses them",
		Script: `old=$(mktemp -d) || exit 1
trap 'rm -rf "$old"' EXIT
` + save.String() + put.String() + `apache2ctl configtest && exit 0
` + back.String() + `if apache2ctl configtest 2>/dev/null; then
	echo "Apache refuses BrokeForge's settings beside those that are there: all is as it was before" >&2
else
	echo "Apache refuses its configuration, also without what is new: correct what it names above" >&2
fi
exit 1`,
		Check: strings.Join(checks, " &&\n"),
	}
}
