# Writes WordPress's settings, with keys of their own, or has those that are there use
# the database.
umask 077
[ -d "$site/shared" ] || mkdir -m 0755 "$site/shared" || exit 1
file=$site/shared/wp-config.php
new=$file.brokeforge-new
trap 'rm -f "$new"' EXIT
if [ ! -s "$file" ]; then
	{
		echo '<?php'
		cat "$SECRETS/database"
		for key in AUTH_KEY SECURE_AUTH_KEY LOGGED_IN_KEY NONCE_KEY AUTH_SALT SECURE_AUTH_SALT LOGGED_IN_SALT NONCE_SALT; do
			value=$(head -c 48 /dev/urandom | base64 | tr -d '\n')
			[ ${#value} = 64 ] || exit 1
			echo "define( '$key', '$value' );"
		done
		cat <<'end'
define( 'WP_DEBUG', false );

// Settings of your own go here.

if ( ! defined( 'ABSPATH' ) ) {
	define( 'ABSPATH', dirname( __DIR__ ) . '/current/' );
}
require_once ABSPATH . 'wp-settings.php';
end
	} >"$new" || exit 1
elif [ "$(head -n 1 "$file")" = '<?php' ]; then
	{
		echo '<?php' && cat "$SECRETS/database" &&
			tail -n +2 "$file" | sed -E "/^(define\( *['\"]DB_(NAME|USER|PASSWORD|HOST|CHARSET|COLLATE)['\"]|.table_prefix *=)/d"
	} >"$new" || exit 1
else
	echo "the first line of $file is not <?php alone, so it is not known where the settings of the database go: have it be that, and try again" >&2
	exit 1
fi
mv -fT "$new" "$file"
