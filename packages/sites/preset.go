package sites

import (
	"fmt"

	"brokeforge/packages"
)

// A preset fills in what nobody chose of a deployment: scripts and shared paths.
type preset struct {
	script string // before the release is used
	after  string // once it is used
	shared string
}

// presetNames lists the presets in the order of the form.
func presetNames() []string {
	return []string{"none", "php", "laravel", "wordpress", "static-node"}
}

// presetOf returns what a preset fills in. The paths are those that the framework's
// own documentation has written by the running site: Laravel's storage and .env,
// WordPress's uploads and wp-config.php.
func presetOf(name string) preset {
	composer := "set -e\n" + needs("composer.json", "composer", "composer") + `if [ -f composer.json ]; then
	composer install --no-dev --no-interaction --no-progress --prefer-dist --optimize-autoloader
fi
`
	node := "set -e\n" + needs("package.json", "npm", "node") + `if [ -f package-lock.json ]; then
	npm ci --no-audit --no-fund
elif [ -f package.json ]; then
	npm install --no-audit --no-fund
fi
if [ -f package.json ]; then
	npm run build --if-present
fi
`
	switch name {
	case "php":
		return preset{script: composer}
	case "laravel":
		return preset{
			shared: "storage/,.env",
			script: composer + needs("package-lock.json", "npm", "node") + `if [ -f package-lock.json ]; then
	npm ci --no-audit --no-fund
	npm run build --if-present
fi
mkdir -p storage/app/public storage/framework/cache/data storage/framework/sessions storage/framework/views storage/logs bootstrap/cache
grep -q '^APP_KEY=.' .env || php artisan key:generate --force
php artisan storage:link --force
php artisan migrate --force
php artisan config:cache
php artisan route:cache
php artisan view:cache
`,
			after: "php artisan queue:restart\n",
		}
	case "wordpress":
		return preset{shared: "wp-config.php,wp-content/uploads/", script: `if [ ! -s wp-config.php ]; then
	echo "wp-config.php is empty: write it into $SHARED_PATH, and deploy again" >&2
	exit 1
fi
` + composer}
	case "static-node":
		return preset{script: node}
	}
	return preset{}
}

// needs returns a part of a script that ends it where a release has a file for a
// command that is not there, and names the package that brings it.
func needs(file, command, from packages.Name) string {
	return fmt.Sprintf(`if [ -f %[1]s ] && ! command -v %[2]s >/dev/null; then
	echo 'the release has a %[1]s, and %[2]s is not on this server: install %[3]s there first' >&2
	exit 1
fi
`, file, command, from)
}

// chosenOr returns the value of an option, or what the preset fills in.
func chosenOr(v packages.Values, option, filled string) string {
	if value := v[option]; value != "" {
		return value
	}
	return filled
}
