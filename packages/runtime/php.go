// Package runtime holds the languages that sites are written in.
package runtime

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

//go:embed templates
var templates embed.FS

// PHP is PHP with its FastCGI process manager, in the version of the server's
// distribution.
type PHP struct{}

const (
	extensionsOption  = "extensions"
	memoryLimitOption = "memory-limit"
	uploadMaxOption   = "upload-max"

	// branchKey is what the installed branch, such as "8.2", is recorded as.
	branchKey = "branch"
)

// branch returns the branch of PHP that a release of Debian or Ubuntu has. The
// source are the distributions' package archives.
func branch(os packages.OS) (string, error) {
	branches := map[string]string{
		"debian 12":    "8.2",
		"debian 13":    "8.4",
		"ubuntu 22.04": "8.1",
		"ubuntu 24.04": "8.3",
	}
	if b, ok := branches[os.ID+" "+os.Version]; ok {
		return b, nil
	}
	name := os.Pretty
	if name == "" {
		name = "an unknown system"
	}
	return "", fmt.Errorf("this server runs %s: it is not known which PHP that has. PHP can be installed on Debian 12 and 13 and Ubuntu 22.04 and 24.04", name)
}

// modules returns the extensions that can be chosen, each with a module that
// its Debian package brings, in the order of the form.
func modules() [][2]string {
	return [][2]string{
		{"apcu", "apcu"},
		{"bcmath", "bcmath"},
		{"curl", "curl"},
		{"gd", "gd"},
		{"gmp", "gmp"},
		{"imagick", "imagick"},
		{"intl", "intl"},
		{"ldap", "ldap"},
		{"mbstring", "mbstring"},
		{"memcached", "memcached"},
		{"mysql", "mysqli"},
		{"pgsql", "pgsql"},
		{"redis", "redis"},
		{"soap", "soap"},
		{"sqlite3", "sqlite3"},
		{"xml", "xml"},
		{"zip", "zip"},
	}
}

// Name returns "php".
func (PHP) Name() packages.Name { return "php" }

// Type returns the category of runtimes.
func (PHP) Type() packages.Type { return packages.Runtime }

// Credential returns root.
func (PHP) Credential() packages.Credential { return packages.Root() }

// Describe tells of PHP.
func (PHP) Describe() packages.Description {
	var extensions []string
	for _, m := range modules() {
		extensions = append(extensions, m[0])
	}
	return packages.Description{
		Title:    "PHP",
		Summary:  "PHP-FPM and the command line, in the distribution's version",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: extensionsOption, Label: "Extensions", Kind: packages.Several, Choices: extensions,
				Default: "bcmath,curl,intl,mbstring,mysql,xml,zip",
				Help:    "gd and imagick bring some forty libraries",
			},
			{
				Name: memoryLimitOption, Label: "Memory limit", Kind: packages.Text, Default: "256M", Required: true,
				Help: "of one request to a site, such as 256M; -1 means none", Validate: acceptMemory,
			},
			{
				Name: uploadMaxOption, Label: "Largest upload", Kind: packages.Text, Default: "64M", Required: true,
				Help: "of one request to a site, such as 64M", Validate: acceptSize,
			},
		},
	}
}

// PHP's shorthand notation for bytes, in capitals.
var sizePattern = regexp.MustCompile(`^[1-9][0-9]{0,8}[KMG]$`)

func acceptSize(value string) error {
	if !sizePattern.MatchString(value) {
		return fmt.Errorf("is not a size: a number with K, M or G, such as 64M")
	}
	return nil
}

func acceptMemory(value string) error {
	if value == "-1" {
		return nil
	}
	return acceptSize(value)
}

// Probe tells whether PHP-FPM is installed and runs, in any version.
func (PHP) Probe() string {
	return `found=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' 'php[0-9].[0-9]-fpm' 2>/dev/null |
sed -n 's/^installed //p' | sort -V | tail -n 1)
[ -n "$found" ] || exit 1
systemctl is-active --quiet "${found%% *}" || { echo "${found%% *} is not running" && exit 2; }
echo "${found#* }"`
}

// debs returns the Debian packages of a branch with the chosen extensions.
func debs(branch string, extensions []string) []string {
	names := []string{"php" + branch + "-fpm", "php" + branch + "-cli"}
	for _, e := range extensions {
		names = append(names, "php"+branch+"-"+e)
	}
	return names
}

func iniFile(branch string) string { return "/etc/php/" + branch + "/fpm/conf.d/90-brokeforge.ini" }

// Install returns the commands that install PHP.
func (p PHP) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	branch, err := branch(ctx.Facts.OS)
	if err != nil {
		return nil, err
	}
	extensions := ctx.Values.List(extensionsOption)
	software, err := apt.Install(p.Name(), debs(branch, extensions)...)
	if err != nil {
		return nil, err
	}
	dropped, err := p.dropped(ctx, branch, extensions)
	if err != nil {
		return nil, err
	}
	ini, err := settings(ctx.Values)
	if err != nil {
		return nil, err
	}
	fpm := "php" + branch + "-fpm"
	commands := append([]packages.Command{packages.Track{Name: "install_software", Label: "Installing software"}}, software...)
	commands = append(commands, dropped...)
	return append(commands,
		packages.Track{Name: "configure_php", Label: "Configuring PHP-FPM"},
		packages.Write{Path: iniFile(branch), Content: ini},
		packages.Track{Name: "start_service", Label: "Starting service"},
		apt.Start(fpm),
		packages.Run{
			Script:    fmt.Sprintf("php-fpm%s -t && systemctl reload %s", branch, fpm),
			IfChanged: true,
		},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that PHP-FPM listens and has its extensions", Script: verify(branch, extensions), IfChanged: true},
		packages.Persist{Version: apt.Version(fpm), Configuration: map[string]string{branchKey: branch}},
	), nil
}

// dropped returns the commands that remove the extensions that were chosen
// when PHP was last installed, and are no more.
func (p PHP) dropped(ctx packages.Context, branch string, extensions []string) ([]packages.Command, error) {
	record, ok := ctx.Installs(p.Name())
	if !ok || record.Configuration[branchKey] != branch {
		return nil, nil
	}
	var names []string
	for _, e := range packages.Values(record.Configuration).List(extensionsOption) {
		if !slices.Contains(extensions, e) {
			names = append(names, "php"+branch+"-"+e)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	commands, err := apt.Purge(names...)
	if err != nil {
		return nil, err
	}
	return commands[len(apt.Helper()):], nil
}

// verify returns a script that fails where PHP-FPM does not listen or an
// extension is not loaded.
func verify(branch string, extensions []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `[ -S /run/php/php%[1]s-fpm.sock ] || { echo "PHP-FPM does not listen on /run/php/php%[1]s-fpm.sock" >&2 && exit 1; }
loaded=$(php-fpm%[1]s -m) || exit 1
`, branch)
	for _, m := range modules() {
		if slices.Contains(extensions, m[0]) {
			fmt.Fprintf(&b, "echo \"$loaded\" | grep -qix %[1]s || { echo 'the extension %[1]s is not loaded' >&2 && exit 1; }\n", m[1])
		}
	}
	return b.String() + fmt.Sprintf("php%s -v", branch)
}

func settings(values packages.Values) (string, error) {
	t, err := template.ParseFS(templates, "templates/php.ini.tmpl")
	if err != nil {
		return "", fmt.Errorf("read template: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]string{
		"MemoryLimit": values[memoryLimitOption],
		"UploadMax":   values[uploadMaxOption],
	})
	if err != nil {
		return "", fmt.Errorf("fill template: %w", err)
	}
	return b.String(), nil
}

var branchPattern = regexp.MustCompile(`^[0-9]\.[0-9]$`)

// Remove returns the commands that take away what installing PHP has brought.
// Other versions of PHP, and packages that were there before, stay.
func (p PHP) Remove(ctx packages.Context) ([]packages.Command, error) {
	branch := ctx.Values[branchKey]
	if !branchPattern.MatchString(branch) {
		return nil, fmt.Errorf("the record of php does not tell which version was installed")
	}
	software, err := apt.PurgeAdded(p.Name(), "php"+branch+"-")
	if err != nil {
		return nil, err
	}
	ini := iniFile(branch)
	fpm := "php" + branch + "-fpm"
	commands := []packages.Command{
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		packages.Run{Script: "rm -f " + ini, Check: "[ ! -e " + ini + " ]"},
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}
	commands = append(commands, software...)
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "reload a PHP-FPM that was there before",
			Script: fmt.Sprintf(`if systemctl is-active --quiet %[1]s; then
	echo "%[1]s was on the server before BrokeForge installed PHP: it stays"
	systemctl reload %[1]s
fi`, fpm),
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}
