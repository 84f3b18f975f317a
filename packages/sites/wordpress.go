package sites

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"brokeforge/packages"
)

// WordPress puts WordPress on a site, from the archive that its makers publish or any
// other, with a database that belongs to the site.
type WordPress struct{}

const (
	archiveURLOption = "archive"
	sumOption        = "sha256"
	engineOption     = "database-server"
	databaseOption   = "database"
	prefixOption     = "table-prefix"
)

const (
	databaseName     packages.Name = "database"
	databaseUserName packages.Name = "database-user"
)

// forPHP is a string literal of PHP.
const forPHP packages.Encoding = "php"

// setupPage answers as long as WordPress and its database do, also once it is set up.
const setupPage = "/wp-admin/install.php"

// Name returns "wordpress".
func (WordPress) Name() packages.Name { return packages.WordPressName }

// Type returns the category of sites.
func (WordPress) Type() packages.Type { return packages.SiteType }

// Credential returns root; what is done in the site's folders is done as its user.
func (WordPress) Credential() packages.Credential { return packages.Root() }

// Describe tells of WordPress.
func (WordPress) Describe() packages.Description {
	return packages.Description{
		Title:     "WordPress",
		Summary:   "WordPress on a site of that kind, with a database that belongs to the site",
		Requires:  []packages.Name{siteName},
		Conflicts: []packages.Name{deploymentName},
		Options: []packages.Option{
			{
				Name: archiveURLOption, Label: "Archive", Kind: packages.Text, Default: "https://wordpress.org/latest.tar.gz", Required: true,
				Help: "where its files come from: the address of a .tar.gz", Validate: acceptArchive,
			},
			{
				Name: sumOption, Label: "SHA-256", Kind: packages.Text,
				Help: "sum that the archive must have; needed for one that comes by http", Validate: acceptSum,
			},
			{
				Name: engineOption, Label: "Database server", Kind: packages.Choice, Default: "mariadb", Required: true,
				Choices: []string{"mariadb", "mysql"}, Help: "installed where it is not there",
			},
			{
				Name: databaseOption, Label: "Database", Kind: packages.Text,
				Help: "empty: one of the site's own; one that is there may have a WordPress in it", Validate: acceptDatabase,
			},
			{
				Name: prefixOption, Label: "Table prefix", Kind: packages.Text, Default: "wp_", Required: true,
				Help: "what the names of its tables begin with", Validate: acceptPrefix,
			},
		},
	}
}

func acceptArchive(value string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("is no address that begins with https:// or http://")
	case u.User != nil:
		return errors.New("has a user or password in it, which others would see")
	case u.Fragment != "" || len(value) > 500 || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"'<>\\^`{|}[]#", r) }):
		return errors.New("has characters that an address has not: write them as % and two digits")
	}
	return nil
}

var (
	sumPattern      = regexp.MustCompile(`^[0-9a-f]{64}$`)
	databasePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,47}$`)
	prefixPattern   = regexp.MustCompile(`^[A-Za-z0-9_]{1,20}$`)
)

func acceptSum(value string) error {
	if !sumPattern.MatchString(value) {
		return errors.New("is no SHA-256 sum: 64 digits and letters from a to f")
	}
	return nil
}

func acceptDatabase(value string) error {
	if !databasePattern.MatchString(value) {
		return errors.New("is no name of a database")
	}
	return nil
}

func acceptPrefix(value string) error {
	if !prefixPattern.MatchString(value) {
		return errors.New("is not made of letters, digits and _, 20 at most")
	}
	return nil
}

// Needs returns the site's database and its user there.
func (WordPress) Needs(ctx packages.SiteContext) []packages.Want {
	engine, name := ctx.Values[engineOption], databaseOf(ctx)
	return []packages.Want{
		{Name: databaseName, Values: packages.Values{"engine": engine, "name": name}, ForSite: true},
		{Name: databaseUserName, Values: packages.Values{"engine": engine, "name": siteUser(ctx.Site.Domain), "databases": name}, ForSite: true},
	}
}

func databaseOf(ctx packages.SiteContext) string {
	if name := ctx.Values[databaseOption]; name != "" {
		return name
	}
	return siteUser(ctx.Site.Domain)
}

// EncodeSecret writes a password into a file of PHP.
func (WordPress) EncodeSecret(as packages.Encoding, value string) (string, error) {
	if as != forPHP {
		return "", fmt.Errorf("there is no encoding %q", as)
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'", nil
}

// Install returns the commands that put WordPress in place, or another archive's in
// place of the one that is there.
func (w WordPress) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	p, err := placeOf(ctx)
	if err != nil {
		return nil, err
	}
	v := ctx.Values
	site, _ := ctx.SiteInstalls(siteName)
	switch {
	case site.Configuration[kindOption] != wordpress:
		return nil, &packages.RefusedError{Reason: fmt.Sprintf("%s is a site of the kind %s: change that to wordpress first", p.domain, site.Configuration[kindOption])}
	case site.Configuration[webOption] != "":
		return nil, &packages.RefusedError{Reason: fmt.Sprintf("%s serves the folder %s below a release, and WordPress is not in one: empty its web-directory first", p.domain, site.Configuration[webOption])}
	case strings.HasPrefix(v[archiveURLOption], "http:") && v[sumOption] == "":
		return nil, &packages.RefusedError{Reason: "an archive that comes by http could be anybody's: give its sum with wordpress.sha256"}
	}
	if err := hasRights(ctx); err != nil {
		return nil, err
	}
	fetch, err := compose(append(p.variables(), variable{"url", v[archiveURLOption]}, variable{"sum", v[sumOption]}), "wordpress", "share")
	if err != nil {
		return nil, err
	}
	fetch += linksTo([]sharedPath{{"wp-config.php", false}, {"wp-content", true}})
	change, err := p.change(packages.Values{timeoutOption: "60", checkOption: "yes", pathOption: setupPage, statusOption: "200", reloadOption: "graceful"}, "yes")
	if err != nil {
		return nil, err
	}
	prune, err := compose(append(p.variables(), variable{"keep", "2"}), "common", "prune")
	if err != nil {
		return nil, err
	}
	config, err := w.config(ctx, p)
	if err != nil {
		return nil, err
	}
	as, mark := p.credential(), quote(p.root+"/deployments/wordpress")
	archive := quote(strings.TrimSpace(v[archiveURLOption] + " " + v[sumOption]))
	done := fmt.Sprintf(`[ "$(cat %s 2>/dev/null)" = %s ] && [ -e %s/current/wp-settings.php ]`, mark, archive, quote(p.root))
	return []packages.Command{
		packages.Track{Name: "write_settings", Label: "Writing settings"},
		config,
		packages.Track{Name: "fetch_archive", Label: "Fetching archive"},
		packages.Run{Title: "make a release of the archive, with its shared paths", As: as, Timeout: fetchTime, Script: fetch, Check: done},
		packages.Track{Name: "switch_release", Label: "Switching to release"},
		packages.Run{Title: "switch to the release, see that WordPress answers, or go back", Script: change, Check: done, Touch: p.touch(packages.Values{})},
		packages.Run{Title: "note which archive the site has", As: as, Script: "echo " + archive + " >" + mark, Check: done},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that WordPress answers", Script: p.answers(setupPage), IfChanged: true},
		packages.Track{Name: "clean_up", Label: "Cleaning up"},
		packages.Run{Title: "delete old releases", As: as, Script: prune, IfChanged: true},
		packages.Run{Title: "say where it is set up", Script: "echo 'until it is set up at http://" + p.domain + setupPage + " whoever is there first becomes its administrator'", IfChanged: true},
		packages.Persist{Version: fmt.Sprintf(`sed -n "s/^\$wp_version = '\([^']*\)';.*/\1/p" %s/current/wp-includes/version.php`, quote(p.root))},
		packages.Note{Name: packages.ReleaseKey, As: as, Script: "basename \"$(readlink " + quote(p.root+"/current") + ")\""},
	}, nil
}

// hasRights refuses a database that is there and that the site's user has no rights on.
func hasRights(ctx packages.SiteContext) error {
	name, user := databaseOf(ctx), siteUser(ctx.Site.Domain)
	for _, r := range ctx.Installed {
		if r.Name == databaseUserName && r.Instance == ctx.Values[engineOption]+"-"+user && !slices.Contains(splitNames(r.Configuration["databases"]), name) {
			return &packages.RefusedError{Reason: fmt.Sprintf("the database user %s has no rights on the database %s: give it those with database-user.databases first", user, name)}
		}
	}
	return nil
}

// answers returns a script that fails where the site has no good answer to a visitor who
// asks for a page. PHP looks for changes of its files only every few seconds.
func (p place) answers(path string) string {
	return fmt.Sprintf(`tries=10
while [ $tries -gt 0 ]; do
	tries=$((tries - 1))
	got=$(curl -sSkL -o /dev/null -w '%%{http_code}' --noproxy '*' --max-time 20 --max-redirs 3 --resolve %[1]s:%[2]s:127.0.0.1 --resolve %[1]s:443:127.0.0.1 http://%[1]s:%[2]s%[3]s 2>&1)
	[ "$got" != 200 ] || exit 0
	sleep 1
done
echo "asked for %[3]s, the site answers $got and not 200: see its log of errors, and whether its database runs" >&2
exit 1`, p.domain, p.port, path)
}

// config returns the command that writes wp-config.php, which only the site's user can
// read. The keys in it are made on the server, once.
func (WordPress) config(ctx packages.SiteContext, p place) (packages.Run, error) {
	script, err := compose(p.variables(), "wpconfig")
	if err != nil {
		return packages.Run{}, err
	}
	user := siteUser(ctx.Site.Domain)
	secret := packages.SecretOf(databaseUserName, ctx.Values[engineOption]+"-"+user, "password")
	lines := fmt.Sprintf(`define( 'DB_NAME', '%s' );
define( 'DB_USER', '%s' );
define( 'DB_PASSWORD', %s );
define( 'DB_HOST', 'localhost' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
$table_prefix = '%s';
`, databaseOf(ctx), user, packages.SecretRef(secret, forPHP), ctx.Values[prefixOption])
	file := quote(p.root + "/shared/wp-config.php")
	return packages.Run{
		Title: "write wp-config.php, with the database and keys of its own", As: p.credential(), Script: script, Timeout: time.Minute,
		Secrets: map[string]string{"database": lines},
		Check:   fmt.Sprintf(`[ "$(stat -c '%%U %%a' %[1]s 2>/dev/null)" = %[2]s ] && [ "$(grep -cxFf "$SECRETS/database" %[1]s)" = 7 ]`, file, quote(p.user+" 600")),
	}, nil
}

// Remove returns the commands that take WordPress away. What people have put into it,
// wp-content and the database, stays as long as the site does.
func (WordPress) Remove(ctx packages.SiteContext) ([]packages.Command, error) {
	p, err := placeOf(ctx)
	if err != nil {
		return nil, err
	}
	root := quote(p.root)
	return []packages.Command{
		packages.Track{Name: "remove_wordpress", Label: "Removing WordPress"},
		packages.Run{
			Title: "show the placeholder again, and delete WordPress's files but wp-content", As: p.credential(),
			Script: fmt.Sprintf(`cd %s 2>/dev/null || exit 0
if [ -d releases/placeholder ]; then
	ln -s releases/placeholder .current.new && mv -fT .current.new current || exit 1
else
	rm -f current
fi
rm -f shared/wp-config.php && find releases -mindepth 1 -maxdepth 1 ! -name placeholder -exec rm -rf {} + && rm -rf deployments`, root),
			Check: fmt.Sprintf("[ ! -e %[1]s/deployments ] && [ ! -e %[1]s/shared/wp-config.php ]", root),
		},
		packages.Forget{},
	}, nil
}
