package sites

import (
	"embed"
	"fmt"
	"html"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/packages/apt"
	"brokeforge/store"
)

//go:embed templates
var templates embed.FS

// Site makes a site: its folder and user, its virtual host and its pool of PHP
// processes. All other packages of sites work on one that it has made.
type Site struct{}

// Name returns "site".
func (Site) Name() packages.Name { return siteName }

// Type returns the category of sites.
func (Site) Type() packages.Type { return packages.SiteType }

// Credential returns root.
func (Site) Credential() packages.Credential { return packages.Root() }

// Describe tells of the site.
func (Site) Describe() packages.Description {
	return packages.Description{
		Title:    "Site",
		Summary:  "a domain that the server answers for, with a folder, a user and a virtual host of its own",
		Requires: []packages.Name{packages.Base},
		Options:  options(),
		RemoveOptions: []packages.Option{{
			Name: archiveOption, Label: "Archive first", Kind: packages.YesNo, Default: "no",
			Help: "yes keeps its files and settings in " + archives + " before they are deleted",
		}, {
			Name: packages.DropDatabasesOption, Label: "Drop its databases", Kind: packages.YesNo, Default: "no",
			Help: "yes drops the databases that belong to it, each after a dump, and their users; no leaves them",
		}},
	}
}

// Domain returns the domain that the values choose.
func (Site) Domain(v packages.Values) string {
	domain, err := packages.CleanDomain(v[domainOption])
	if err != nil {
		return "" // Accept has refused it
	}
	return domain
}

// Fill writes what is recorded of the package into the site's own record.
func (Site) Fill(s *store.Site, configuration map[string]string) {
	s.DocumentRoot = configuration[rootKey]
	s.PHPVersion = store.PackageVersion(configuration[branchKey])
}

// Place tells where the parts of a site are.
func (Site) Place(ctx packages.SiteContext) packages.SitePlace {
	l := layoutOf(ctx)
	return packages.SitePlace{
		User: l.user, Own: l.own, Root: l.folder(), Folder: l.current(), Environment: l.shared() + "/.env",
		AccessLog: l.accessLog(), ErrorLog: l.errorLog(),
	}
}

// Needs returns the web server, and PHP in the version that is chosen.
func (Site) Needs(ctx packages.SiteContext) []packages.Want {
	wants := []packages.Want{{Name: webServer(ctx)}}
	if hasPHP(ctx.Values) {
		wants = append(wants, packages.Want{Name: phpName, Values: packages.Values{"version": phpVersion(ctx)}})
	}
	return wants
}

func hasPHP(v packages.Values) bool {
	return slices.Contains([]string{phpKind, laravel, wordpress}, v[kindOption])
}

// webServer is the one that the site has, or the server, or nginx where there is
// none.
func webServer(ctx packages.SiteContext) packages.Name {
	record, _ := ctx.SiteInstalls(siteName)
	if name := packages.Name(record.Configuration[webServerKey]); name != "" {
		return name
	}
	_, nginx := ctx.Installs(nginxName)
	if _, apache := ctx.Installs(apacheName); apache && !nginx {
		return apacheName
	}
	return nginxName
}

// phpVersion is the choice of PHP's version that the site makes: where it makes
// none, what it has already, the default of sites, the distribution's, or another
// that is there.
func phpVersion(ctx packages.SiteContext) string {
	if chosen := ctx.Values[phpOption]; chosen != autoPHP && chosen != "" {
		return chosen
	}
	site, _ := ctx.SiteInstalls(siteName)
	choice, own, isDefault := "", false, false
	for _, p := range ctx.Installed {
		if p.Name != phpName {
			continue
		}
		version := p.Instance
		if version == "" {
			version, own = distributionPHP, true
		}
		if p.Configuration["branch"] != "" && p.Configuration["branch"] == site.Configuration[branchKey] {
			return version
		}
		if p.Configuration["site-default"] == "yes" || choice == "" {
			choice = version
		}
		isDefault = isDefault || p.Configuration["site-default"] == "yes"
	}
	if choice == "" || own && !isDefault {
		return distributionPHP
	}
	return choice
}

// branchOf returns the branch of the PHP that the site has, such as "8.2", from the
// record of that.
func branchOf(ctx packages.SiteContext) (string, error) {
	version := phpVersion(ctx)
	for _, p := range ctx.Installed {
		if p.Name == phpName && (p.Instance == version || p.Instance == "" && version == distributionPHP) && p.Configuration["branch"] != "" {
			return p.Configuration["branch"], nil
		}
	}
	return "", fmt.Errorf("it is not recorded which PHP the server has for php=%s: install php again", version)
}

// newLayout is the layout of a site as it is to be.
func newLayout(ctx packages.SiteContext) (layout, error) {
	v := ctx.Values
	l := layout{domain: ctx.Site.Domain, server: webServer(ctx), web: strings.Trim(v[webOption], "/"), own: v.Yes(ownUserOption), user: appUser(ctx.Context)}
	if l.own {
		l.user = siteUser(l.domain)
	}
	if l.web == "" && v[kindOption] == laravel {
		l.web = "public"
	}
	if hasPHP(v) {
		var err error
		if l.branch, err = branchOf(ctx); err != nil {
			return l, err
		}
	}
	return l, nil
}

// refuse says why the choices can't be.
func refuse(ctx packages.SiteContext) error {
	v := ctx.Values
	switch {
	case v[kindOption] == proxy && v[targetOption] == "":
		return &packages.RefusedError{Reason: "a proxy needs a target: a port, HOST:PORT, or the path of a socket"}
	case v[kindOption] != proxy && v[targetOption] != "":
		return &packages.RefusedError{Reason: "only a site of the kind proxy has a target"}
	}
	taken := map[string]string{}
	for _, other := range ctx.Neighbours {
		var c map[string]string
		for _, p := range other.Packages {
			if p.Name == siteName {
				c = p.Configuration
			}
		}
		for _, name := range namesOf(other.Domain, c[aliasesOption]) {
			taken[name] = other.Domain
		}
		if v.Yes(defaultOption) && c[defaultOption] == "yes" {
			return &packages.RefusedError{Reason: fmt.Sprintf("%s is the default site of this server: set its default-site to no first", other.Domain)}
		}
	}
	for _, name := range namesOf(ctx.Site.Domain, v[aliasesOption]) {
		if by := taken[name]; by != "" {
			return &packages.RefusedError{Reason: fmt.Sprintf("%s is a name of the site %s on this server", packages.ShownDomain(name), by)}
		}
	}
	if record, ok := ctx.SiteInstalls(siteName); ok && record.Configuration[ownUserOption] != v[ownUserOption] {
		return &packages.RefusedError{Reason: "whose the files of a site are stays as it was made: own-user=" + record.Configuration[ownUserOption]}
	}
	return nil
}

// Install returns the commands that make the site, or change it.
func (s Site) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx.Context); err != nil {
		return nil, err
	}
	if err := refuse(ctx); err != nil {
		return nil, err
	}
	l, err := newLayout(ctx)
	if err != nil {
		return nil, err
	}
	files, err := l.files(ctx)
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{packages.Track{Name: "prepare_site", Label: "Preparing the site"}}
	if !ctx.Values.Yes(overwriteOption) {
		commands = append(commands, l.refuseEdited(files))
	}
	folders, err := l.folders()
	if err != nil {
		return nil, err
	}
	commands = append(commands, folders...)
	if l.branch != "" {
		commands = append(commands, packages.Track{Name: "configure_php", Label: "Configuring PHP"}, files[0].write(), l.placePool(files[0]))
		files = files[1:]
	}
	commands = append(commands, packages.Track{Name: "configure_web_server", Label: "Configuring the web server"})
	if l.server == apacheName {
		commands = append(commands, l.apacheModules(ctx.Values[kindOption]))
	}
	for _, f := range files {
		commands = append(commands, f.write())
	}
	host, err := l.placeHost(files, ctx.Values.Yes(defaultOption))
	if err != nil {
		return nil, err
	}
	commands = append(commands, host, l.dropPools())
	return append(commands,
		packages.Run{
			Script:    l.test() + " && systemctl reload " + l.unit(),
			IfChanged: true,
			Touch:     packages.Touch{Reloads: []string{l.unit()}},
		},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that the server answers to " + l.domain, Script: l.verify(port(ctx)), IfChanged: true},
		packages.Persist{Configuration: map[string]string{
			webServerKey: string(l.server), userKey: l.user, branchKey: l.branch, webOption: l.web,
			rootKey: l.root(), overwriteOption: "no",
		}},
		packages.Note{Name: "host-sha256", Script: "sha256sum <" + l.host() + " | cut -d' ' -f1"},
	), nil
}

// port is the one that the web server listens on.
func port(ctx packages.SiteContext) string {
	if webServer(ctx) == apacheName {
		apache, _ := ctx.Installs(apacheName)
		if p := apache.Configuration["port"]; p != "" {
			return p
		}
	}
	return "80"
}

// file is one that is written to a folder of ours first, and taken into place only
// where what reads it accepts it.
type file struct {
	staged, placed, path, content string
}

func (f file) write() packages.Write {
	return packages.Write{Path: f.staged, Content: f.content, Over: f.path, Placed: f.placed}
}

// files returns the settings of the site: the pool of PHP first, if it has one.
func (l layout) files(ctx packages.SiteContext) ([]file, error) {
	v := ctx.Values
	data := map[string]any{
		"Domain": l.domain, "Names": strings.Join(namesOf(l.domain, v[aliasesOption]), " "), "Aliases": namesOf(l.domain, v[aliasesOption])[1:],
		"Settings": l.settings(), "Custom": l.custom(), "ACME": acmeRoot, "AccessLog": l.accessLog(), "ErrorLog": l.errorLog(),
		"Body": v[bodyOption], "BodyBytes": bytesOf(v[bodyOption]), "Kind": v[kindOption], "PHP": l.branch != "", "Own": l.own,
		"Root": l.root(), "Folder": l.folder(), "Socket": l.socket(), "User": l.user, "Home": l.home(), "Children": v[childrenOption],
		"Ident": strings.NewReplacer(".", "_", "-", "__").Replace(l.domain), "Port": port(ctx), "Upstream": "", "DefaultServer": "",
	}
	if v.Yes(defaultOption) {
		data["DefaultServer"] = " default_server"
	}
	if v[kindOption] == proxy {
		target, err := upstream(v[targetOption])
		if err != nil {
			return nil, fmt.Errorf("the target %q %w", v[targetOption], err)
		}
		if socket, ok := strings.CutPrefix(target, "http://unix:"); ok && l.server == apacheName {
			target = "unix:" + strings.TrimSuffix(socket, ":") + "|http://localhost"
		}
		data["Upstream"] = target
	}
	var out []file
	add := func(name, path, tmpl string) error {
		content, err := packages.Render(templates, tmpl, data)
		out = append(out, file{l.staged(name), l.placed(name), path, content})
		return err
	}
	if l.branch != "" {
		if err := add("pool", l.pool(), "pool.conf.tmpl"); err != nil {
			return nil, err
		}
	}
	if l.server != apacheName {
		return out, add("host", l.host(), "nginx.conf.tmpl")
	}
	if err := add("site", l.settings()+"/site.conf", "apache-site.conf.tmpl"); err != nil {
		return nil, err
	}
	return out, add("host", l.host(), "apache.conf.tmpl")
}

// refuseEdited returns the command that fails where somebody has changed one of the
// files since they were last taken into place, or has made one that is not ours.
func (l layout) refuseEdited(files []file) packages.Run {
	var script, check []string
	for _, f := range files {
		// As written last it is also where taking it into place was broken off.
		check = append(check, fmt.Sprintf("{ [ ! -e %[1]s ] || cmp -s %[2]s %[1]s || cmp -s %[3]s %[1]s; }", f.path, f.placed, f.staged))
		script = append(script, fmt.Sprintf(`if [ -e %[2]s ] && [ -e %[1]s ]; then diff -u %[2]s %[1]s
elif [ -e %[1]s ]; then echo "%[1]s is there, and BrokeForge has not written it"; fi`, f.path, f.placed))
	}
	return packages.Run{
		Title: "refuse if somebody has changed the site's settings by hand",
		Script: strings.Join(script, "\n") + fmt.Sprintf(`
echo "somebody has changed the settings of %s by hand: move the changes into %s, or choose overwrite=yes to lose them; nothing was changed" >&2
exit 1`, l.domain, l.custom()),
		Check: strings.Join(check, " &&\n"),
	}
}

// folders returns the commands that make the site's user and folders.
func (l layout) folders() ([]packages.Command, error) {
	page, err := packages.Render(templates, "placeholder.html.tmpl", map[string]string{"Shown": html.EscapeString(packages.ShownDomain(l.domain))})
	if err != nil {
		return nil, err
	}
	var commands []packages.Command
	ours := notes + "/" + l.domain
	commands = append(commands, packages.Run{
		Script: "install -d -m 0700 " + notes + " " + ours + " && install -d -m 0755 " + sitesFolder + " " + acmeRoot + " " + acmeRoot + "/.well-known " + acmeRoot + "/.well-known/acme-challenge",
		Check:  "[ -d " + ours + " ] && [ -d " + sitesFolder + " ] && [ -d " + acmeRoot + "/.well-known/acme-challenge ]",
	})
	if l.own {
		commands = append(commands, l.makeUser())
	}
	placeholder := l.folder() + "/releases/placeholder"
	web := strings.TrimSuffix(placeholder+"/"+l.web, "/")
	return append(commands,
		packages.Run{
			Title: "make the site's folders",
			// What is in a folder of a user is made by that user: root could be led
			// anywhere by a link there.
			Script: fmt.Sprintf(`set -e
install -d -o %[2]s -g www-data -m 0750 %[1]s
runuser -u %[2]s -- mkdir -p -m 0755 %[1]s/releases %[1]s/shared %[3]s
runuser -u %[2]s -- mkdir -p -m 0700 %[1]s/home
install -d -m 0755 %[4]s %[5]s`, l.folder(), l.user, placeholder, strings.TrimSuffix(l.settings(), "/"+l.domain), l.settings()+" "+l.custom()),
			Check: fmt.Sprintf(`[ -d %[1]s/releases ] && [ -d %[1]s/shared ] && [ -d %[1]s/home ] && [ -d %[3]s ] &&
[ "$(stat -c %%U:%%G:%%a %[1]s)" = %[2]s:www-data:750 ] && { [ -e %[1]s/current ] || [ -d %[4]s ]; }`, l.folder(), l.user, l.custom(), placeholder),
		},
		packages.Write{Path: ours + "/index.html", Content: page},
		packages.Run{
			Title: "put a page in place until something is deployed",
			Script: fmt.Sprintf(`runuser -u %[2]s -- mkdir -p %[3]s &&
runuser -u %[2]s -- tee %[3]s/index.html <%[4]s/index.html >/dev/null &&
{ [ -e %[1]s ] || [ -L %[1]s ] || runuser -u %[2]s -- ln -s releases/placeholder %[1]s; }`, l.current(), l.user, web, ours),
			Check: fmt.Sprintf("[ -e %[1]s ] && { [ \"$(readlink %[1]s)\" != releases/placeholder ] || [ -e %[2]s/index.html ]; }", l.current(), web),
		},
	), nil
}

// makeUser returns the command that makes the site's user.
func (l layout) makeUser() packages.Run {
	return packages.Run{
		Title: "make the user " + l.user,
		Script: fmt.Sprintf(`if getent passwd %[1]s >/dev/null; then
	echo "there is a user %[1]s that BrokeForge has not made: rename or remove it, or choose own-user=no" >&2
	exit 1
fi
useradd --system --user-group --no-create-home --home-dir %[2]s --shell /usr/sbin/nologin --comment %[3]s %[1]s &&
touch %[4]s`, l.user, l.home(), shellescape.Quote("site "+l.domain), l.staged("user")),
		Check: fmt.Sprintf("[ -e %s ] && getent passwd %s >/dev/null", l.staged("user"), l.user),
	}
}
