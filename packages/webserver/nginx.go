// Package webserver holds the web servers.
package webserver

import (
	"embed"
	"fmt"
	"path"
	"regexp"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

//go:embed templates
var templates embed.FS

// Nginx is the web server nginx, as Debian packages it.
type Nginx struct{}

const (
	clientMaxBody = "client-max-body"
	defaultSite   = "default-site"
)

// The files that the package puts on a server.
const (
	httpFile    = "/etc/nginx/conf.d/brokeforge.conf"
	namesFile   = "/etc/nginx/conf.d/brokeforge-names.conf"
	siteFile    = "/etc/nginx/sites-available/brokeforge-default"
	siteLink    = "/etc/nginx/sites-enabled/brokeforge-default"
	defaultRoot = "/var/www/brokeforge-default"

	// otherDefault is there while a site that somebody has made is the default one.
	otherDefault = apt.Folder + "/sites/default"
)

// debianNginx are the packages that nginx is made of in Debian and Ubuntu. Of
// the flavours a server has one at most.
var debianNginx = []string{"nginx", "nginx-core", "nginx-light", "nginx-full", "nginx-extras", "nginx-common"}

// Name returns "nginx".
func (Nginx) Name() packages.Name { return nginxName }

// Type returns the category of web servers.
func (Nginx) Type() packages.Type { return packages.WebServer }

// Credential returns root.
func (Nginx) Credential() packages.Credential { return packages.Root() }

// Describe tells of nginx.
func (Nginx) Describe() packages.Description {
	return packages.Description{
		Title:    "nginx",
		Summary:  "web server and reverse proxy",
		Requires: []packages.Name{packages.Base},

		RemoveOptions: []packages.Option{packages.Purge("other sites' settings and the logs")},

		Options: append([]packages.Option{
			{
				Name: clientMaxBody, Label: "Largest upload", Kind: packages.Text, Default: "64m", Required: true,
				Help: "the largest body of a request, such as 64m; 0 means no limit", Validate: acceptSize,
			},
			{
				Name: defaultSite, Label: "Default site", Kind: packages.YesNo, Default: "yes",
				Help: "answers on port 80 for every name that no site has, with PHP where that is installed",
			},
		}, workerOptions()...),
	}
}

// nginx's own form of a size, see "Configuration file measurement units" in its
// documentation.
var sizePattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,8}[kKmMgG]?)$`)

func acceptSize(value string) error {
	if !sizePattern.MatchString(value) {
		return fmt.Errorf("is not a size: a number with k, m or g, such as 64m")
	}
	return nil
}

// Probe tells whether nginx is installed and runs.
func (Nginx) Probe() string { return apt.Probe("nginx", "nginx") }

// Units returns nginx's service.
func (Nginx) Units(packages.Context) []string { return []string{"nginx"} }

// Install returns the commands that install nginx.
func (n Nginx) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	if record, there := ctx.Installs(apacheName); there {
		if err := beside(ctx, apacheName, "80", record.Configuration[apachePort]); err != nil {
			return nil, err
		}
	}
	software, err := apt.Install(n.Name(), "nginx")
	if err != nil {
		return nil, err
	}
	configuration, err := configure(ctx.Values)
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		packages.Run{Title: "refuse if port 80 is taken", Script: portIsTaken, Check: portIsFree},
		packages.Track{Name: "install_software", Label: "Installing software"},
	}, software...)
	commands = append(commands, nginxFiles().putBack(), packages.Track{Name: "configure_nginx", Label: "Configuring nginx"})
	commands = append(commands, configuration...)
	return append(commands,
		packages.Track{Name: "start_service", Label: "Starting service"},
		apt.Start("nginx"),
		packages.Run{Script: "nginx -t && systemctl reload nginx", IfChanged: true, Touch: packages.Touch{Reloads: []string{"nginx"}}},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Script: answers(ctx.Values.Yes(defaultSite)), IfChanged: true},
		packages.Persist{Version: apt.Version("nginx")},
	), nil
}

const portIsFree = `! ss -Hltnp 'sport = :80' | grep -qv '"nginx"'`

const portIsTaken = `who=$(ss -Hltnp 'sport = :80' | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | sed -n 1p)
echo "port 80 is taken by ${who:-another program}: stop and disable that first; nothing was installed" >&2
exit 1`

func answers(site bool) string {
	if !site {
		return "systemctl is-active nginx"
	}
	return "[ -e " + otherDefault + " ] || curl -sS -f -o /dev/null --noproxy '*' --max-time 10 --retry 5 --retry-delay 1 --retry-connrefused http://127.0.0.1/"
}

// configure returns the commands that put nginx's configuration in place.
func configure(values packages.Values) ([]packages.Command, error) {
	http, err := packages.Render(templates, "http.conf.tmpl", map[string]string{"ClientMaxBody": values[clientMaxBody]})
	if err != nil {
		return nil, err
	}
	workers, err := workers(values)
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{
		packages.Run{
			Title: "refuse if nginx is not Debian's",
			Script: `echo "this nginx has no /etc/nginx/sites-enabled: it is not Debian's, and can't be managed" >&2
exit 1`,
			Check: "[ -d /etc/nginx/sites-enabled ] && [ -d /etc/nginx/conf.d ]",
		},
	}
	commands = append(commands, workers...)
	commands = append(commands, longNames())
	ours := []string{namesFile}
	if values[connectionsOption] != "" {
		ours = append(ours, workersFile)
	}
	if !values.Yes(defaultSite) {
		return append(commands,
			packages.Run{
				Script: "rm -f " + siteLink + " " + siteFile,
				Check:  "[ ! -e " + siteLink + " ] && [ ! -e " + siteFile + " ]",
			},
			packages.Write{Path: httpFile, Content: http},
			packages.Run{Title: testTitle, Script: testOrTakeBack(append(ours, httpFile)...), IfChanged: true},
		), nil
	}
	site, err := packages.Render(templates, "default-site.conf.tmpl", map[string]string{"Root": defaultRoot})
	if err != nil {
		return nil, err
	}
	page, err := packages.Render(templates, "default.html.tmpl", nil)
	if err != nil {
		return nil, err
	}
	return append(commands,
		packages.Run{
			Script: "install -d -m 0755 " + defaultRoot,
			Check:  "[ -d " + defaultRoot + " ]",
		},
		packages.Write{Path: defaultRoot + "/index.html", Content: page},
		packages.Write{Path: siteFile, Content: site},
		packages.Write{Path: httpFile, Content: http},
		packages.Run{Title: "take off Debian's own default site, if nobody has changed it", Script: unlinkStock, Check: stockIsOff},
		packages.Run{
			Title:  "switch the default site on, unless a site of somebody's is it",
			Script: "ln -sfn " + siteFile + " " + siteLink,
			Check:  `[ -e ` + otherDefault + ` ] || [ "$(readlink ` + siteLink + `)" = ` + siteFile + ` ]`,
		},
		packages.Run{Title: testTitle, Script: testOrTakeBack(append(ours, siteLink, httpFile)...), IfChanged: true},
	), nil
}

// longNames lets domains be as long as they may be, of 253 characters: as it comes,
// nginx takes some 45. Two settings of this it would refuse.
func longNames() packages.Run {
	return packages.Run{
		Title:  "have nginx take long names of sites, unless somebody has set that",
		Script: "printf '%s\\n' '# Written by BrokeForge.' 'server_names_hash_bucket_size 512;' >" + namesFile,
		Check:  "grep -rEqs '^[[:space:]]*server_names_hash_bucket_size[[:space:]]' /etc/nginx/nginx.conf /etc/nginx/conf.d /etc/nginx/sites-enabled",
	}
}

const stockSite = "/etc/nginx/sites-available/default"

// stockIsOff passes where Debian's own default site is not linked, or is not
// Debian's own any more.
const stockIsOff = `link=/etc/nginx/sites-enabled/default
[ "$(readlink -f $link)" != ` + stockSite + ` ] ||
! dpkg-query -W -f '${Conffiles}\n' nginx-common | grep -qxF " ` + stockSite + ` $(md5sum <` + stockSite + ` | cut -d' ' -f1)"`

const unlinkStock = `echo "taking off Debian's own default site, which nobody has changed"
rm /etc/nginx/sites-enabled/default`

const testTitle = "nginx -t, and take BrokeForge's part out again if it is refused"

// testOrTakeBack has nginx read its configuration, and takes files of ours out
// of it where nginx refuses it with them and not without.
func testOrTakeBack(files ...string) string {
	script := `nginx -t && exit 0
kept=$(mktemp -d) || exit 1
`
	for _, f := range files {
		script += fmt.Sprintf("[ ! -e %[1]s ] || mv %[1]s $kept/\n", f)
	}
	script += `if nginx -t 2>/dev/null; then
	rm -r "$kept"
	echo "nginx refuses BrokeForge's settings beside those that are there; they are taken out again. Look for another default_server of port 80 (or choose default-site=no) and for another client_max_body_size, server_names_hash_bucket_size or worker_rlimit_nofile" >&2
	exit 1
fi
`
	for _, f := range files {
		script += fmt.Sprintf("[ ! -e $kept/%[1]s ] || mv $kept/%[1]s %[2]s\n", path.Base(f), f)
	}
	return script + `rm -r "$kept"
echo "nginx refuses its configuration, also without BrokeForge's part of it: correct what it names above" >&2
exit 1`
}
