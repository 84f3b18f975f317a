# Makes a release of WordPress's archive. On any failure nothing of it stays.
umask 022
if [ -e "$site/current" ] && [ ! -L "$site/current" ]; then
	echo "$site/current is there and is no link to a release: move it away first" >&2
	exit 1
fi
mkdir -p "$site/releases" "$site/shared" "$site/deployments" && chmod 0700 "$site/deployments" || exit 1
rm -f "$site/deployments/build" "$site/deployments/after"
work=$site/deployments/archive release=''
undo() {
	ended=$?
	rm -rf "$work"
	[ "$ended" = 0 ] || [ -z "$release" ] || rm -rf "$release"
	exit "$ended"
}
trap undo EXIT
rm -rf "$work" && mkdir -p "$work/tree" || exit 1
if ! curl -fsSL --proto "=${url%%:*}" --max-time 900 --max-filesize 1G -o "$work/file" "$url"; then
	echo "the archive can't be fetched from $url" >&2
	exit 1
fi
got=$(sha256sum <"$work/file") got=${got%% *}
if [ -n "$sum" ] && [ "$got" != "$sum" ]; then
	echo "the archive is not the expected one: the SHA-256 sum of $url is $got; nothing was changed" >&2
	exit 1
fi
if ! tar -xzf "$work/file" -C "$work/tree" --no-same-owner --no-same-permissions; then
	echo "the archive of $url can't be unpacked: it must be a tar archive packed by gzip" >&2
	exit 1
fi
tree=$work/tree
[ -e "$tree/wp-settings.php" ] || tree=$(find "$work/tree" -mindepth 2 -maxdepth 2 -name wp-settings.php | head -n 1) tree=${tree%/*}
if [ ! -f "$tree/wp-settings.php" ] || [ ! -f "$tree/wp-load.php" ]; then
	echo "the archive of $url holds no WordPress" >&2
	exit 1
fi
name=$(date -u +%Y%m%d%H%M%S)-$(printf %.7s "$got")
release=$site/releases/$name
if [ -e "$release" ]; then
	echo "$release is there already: try again" >&2
	release=''
	exit 1
fi
mv -T "$tree" "$release" || exit 1
printf '%s\n' "release=$name" "message=WordPress of $url" "started=$(date +%s)" >"$site/deployments/next" &&
	cp "$site/deployments/next" "$site/deployments/$name.built" || exit 1
