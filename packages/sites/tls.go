package sites

import (
	"fmt"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
)

// The files with which a site is answered by https.
const (
	tlsConf      = "tls.conf"
	redirectConf = "redirect.conf"
)

// tls is a site with its certificate, as it was chosen.
type tls struct {
	layout
	ctx    packages.SiteContext
	source string
	names  []string // that the certificate covers

	acmeServer, bundle, mail string // of certbot
}

// tlsOf tells how a site is to be answered by https.
func tlsOf(ctx packages.SiteContext) (tls, error) {
	if _, ok := ctx.SiteInstalls(siteName); !ok {
		return tls{}, fmt.Errorf("it is not recorded how the site %s is served", ctx.Site.Domain)
	}
	return tlsFrom(ctx), nil
}

func tlsFrom(ctx packages.SiteContext) tls {
	site, _ := ctx.SiteInstalls(siteName)
	certbot, _ := ctx.Installs(certbotName)
	return tls{
		layout: layoutOf(ctx), ctx: ctx, source: ctx.Values[sourceOption],
		names:      namesOf(ctx.Site.Domain, site.Configuration[aliasesOption]),
		acmeServer: certbot.Configuration["server"], bundle: certbot.Configuration["ca-bundle"], mail: certbot.Configuration["mail"],
	}
}

// files returns the files with which the site is answered by https, as the web server
// reads them; one that is not to be there is empty.
func (p tls) files() (map[string]string, error) {
	site, _ := p.ctx.SiteInstalls(siteName)
	days, err := strconv.Atoi(p.ctx.Values[hstsOption])
	if err != nil {
		return nil, fmt.Errorf("the number of days %q is none", p.ctx.Values[hstsOption])
	}
	data := map[string]any{
		"Domain": p.domain, "Settings": p.settings(), "Chain": p.chain(), "Key": p.key(),
		"HSTS": days * 24 * 60 * 60, "Default": site.Configuration[defaultOption] == "yes",
		"HTTP2": p.http2(),
	}
	kind := "nginx"
	if p.server == apacheName {
		kind = "apache"
	}
	out := map[string]string{redirectConf: ""}
	if out[tlsConf], err = packages.Render(templates, kind+"-tls.conf.tmpl", data); err != nil {
		return nil, err
	}
	if p.ctx.Values.Yes(redirectOption) {
		out[redirectConf], err = packages.Render(templates, kind+"-redirect.conf.tmpl", data)
	}
	return out, err
}

// http2 is how this version of nginx is told of HTTP/2: "directive" from 1.25.1 on,
// before that "listen", which later ones warn of.
func (p tls) http2() string {
	record, _ := p.ctx.Installs(nginxName)
	var major, minor int
	if _, err := fmt.Sscanf(string(record.Version), "%d.%d.", &major, &minor); err != nil {
		return ""
	}
	if major > 1 || minor > 25 {
		return "directive"
	}
	return "listen"
}

// configure returns the commands that have the web server answer by https. Where it
// refuses that, it is as it was before.
func (p tls) configure() ([]packages.Command, error) {
	files, err := p.files()
	if err != nil {
		return nil, err
	}
	folder := shellescape.Quote(notes + "/" + p.domain)
	commands := []packages.Command{packages.Run{Script: "install -d -m 0700 " + folder, Check: "[ -d " + folder + " ]"}}
	if p.server == apacheName {
		commands = append(commands, switchOn("ssl http2 rewrite headers"))
	}
	for _, name := range []string{tlsConf, redirectConf} {
		staged := p.staged(name)
		if files[name] == "" {
			commands = append(commands, packages.Run{Script: "rm -f " + staged, Check: "[ ! -e " + staged + " ]"})
			continue
		}
		commands = append(commands, packages.Write{Path: staged, Content: files[name]})
	}
	functions, settled, err := p.settling()
	if err != nil {
		return nil, err
	}
	return append(commands, packages.Run{
		Title:  "have " + p.unit() + " read it, and put the former settings back if it refuses them",
		Script: functions + p.take(),
		// Without the first, a preview would call it so where nothing is staged yet.
		Check: "[ -e " + p.staged(tlsConf) + " ] &&\n" + settled + " &&\n" + p.taken(),
	}), nil
}

// taken returns a check that the web server has the settings as they are staged.
func (p tls) taken() string {
	var checks []string
	for _, name := range []string{tlsConf, redirectConf} {
		live := p.settings() + "/" + name
		checks = append(checks, fmt.Sprintf("{ cmp -s %[1]s %[2]s || { [ ! -e %[1]s ] && [ ! -e %[2]s ]; }; }", p.staged(name), live))
	}
	return strings.Join(checks, " &&\n")
}

// take returns a script that puts the staged settings where the web server reads them,
// and the former ones back where it refuses all with them.
func (p tls) take() string {
	return fmt.Sprintf(`live=%s staged=%s
old=$(mktemp -d) || exit 1
trap 'rm -rf "$old"' EXIT
put() {
	for name in %s %s; do
		if [ -e "$1/$name" ]; then
			install -m 0644 "$1/$name" "$live/$name.new" && mv -fT "$live/$name.new" "$live/$name" || return 1
		else
			rm -f "$live/$name"
		fi
	done
}
install -d -m 0755 "$live" || exit 1
for name in %[3]s %[4]s; do
	[ ! -e "$live/$name" ] || cp -p "$live/$name" "$old/" || exit 1
done
put "$staged" && settle_https && %[5]s && exit 0
put "$old" && settle_https
echo '%[6]s refuses the settings for https: they are as they were before' >&2
exit 1`, p.settings(), notes+"/"+p.domain, tlsConf, redirectConf, p.test(), p.unit())
}

func (p tls) reload() packages.Run {
	return packages.Run{
		Script:    p.test() + " && systemctl reload " + p.unit(),
		IfChanged: true,
		Touch:     packages.Touch{Reloads: []string{p.unit()}},
	}
}

// verify returns a script that waits until the certificate is what is shown by https.
func (p tls) verify() string {
	return fmt.Sprintf(`want=$(openssl x509 -in %s -noout -fingerprint -sha256) || exit 1
left=50
while :; do
	shown=$(openssl s_client -connect 127.0.0.1:443 -servername %[2]s </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256 2>/dev/null)
	[ "$shown" != "$want" ] || break
	left=$((left - 1))
	[ "$left" -gt 0 ] || { echo 'another certificate is shown for %[2]s on port 443, or none' >&2; exit 1; }
	sleep 0.2
done
echo "$want"`, shellescape.Quote(p.chain()), p.domain)
}

// withoutSettings returns the commands that have the site answered by http alone.
func (p tls) withoutSettings() ([]packages.Command, error) {
	functions, settled, err := p.settling()
	if err != nil {
		return nil, err
	}
	live, staged := p.settings(), notes+"/"+p.domain
	var files, absent []string
	for _, folder := range []string{live, staged} {
		for _, name := range []string{tlsConf, redirectConf} {
			files = append(files, folder+"/"+name)
			absent = append(absent, "[ ! -e "+folder+"/"+name+" ]")
		}
	}
	return []packages.Command{
		packages.Track{Name: "remove_https", Label: "Removing https"},
		packages.Run{
			Title:  "have the site answered by http alone",
			Script: functions + "rm -f " + strings.Join(files, " ") + " && settle_https",
			Check:  settled + " &&\n" + strings.Join(absent, " && "),
		},
		packages.Run{
			Title:     "reload the web server, if it runs",
			Script:    "! systemctl is-active --quiet " + p.unit() + " || { " + p.test() + " && systemctl reload " + p.unit() + "; }",
			IfChanged: true,
			Touch:     packages.Touch{Reloads: []string{p.unit()}},
		},
	}, nil
}
