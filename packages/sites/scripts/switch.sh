# Has the site use the release, sees that it answers, and goes back where it doesn't.
# The user of the site does what is done in its folders; root only reloads.
as_user() { runuser -u "$user" -- sh -c "$1" sh "$site" "$2"; }

# point RELEASE swaps the link in one step: a rename, and never a moment without one.
point() {
	# shellcheck disable=SC2016
	as_user 'rm -f "$1/.current.new" && ln -s "$2" "$1/.current.new" && mv -fT "$1/.current.new" "$1/current"' "$1"
}

# used prints what the link leads to; nothing where there is none.
used() {
	# shellcheck disable=SC2016
	as_user 'readlink "$1/current"' -
}

# reload has PHP-FPM let go of the code that it holds, where that breaks off no request
# or was asked for: see process_control_timeout in the manual of PHP-FPM.
reload() {
	[ -n "$php" ] && systemctl is-active --quiet "php$php-fpm" || return 0
	case $reload in
	never) return 0 ;;
	graceful)
		waits=$("php-fpm$php" -tt 2>&1 | sed -n 's/.*process_control_timeout = \([0-9]*\).*/\1/p' | head -n 1)
		# Apache does not tell PHP real paths, so without this the old code stays.
		[ "$server" = apache ] || [ "${waits:-0}" != 0 ] || return 0
		;;
	esac
	systemctl reload "php$php-fpm"
}

# answers asks the site for a page, on this server, as a visitor would.
answers() {
	[ "$check" = yes ] || return 0
	left=10
	while :; do
		got=$(curl -sS -o /dev/null -w '%{http_code} %{redirect_url}' --noproxy '*' --max-time 20 --resolve "$domain:$port:127.0.0.1" "http://$domain:$port$path" 2>&1)
		case $got in
		30[1278]" https://$domain$path" | 30[1278]" https://$domain:443$path")
			# Its certificate is for visitors: here it is only asked what it serves.
			got=$(curl -sS -k -o /dev/null -w '%{http_code} %{redirect_url}' --noproxy '*' --max-time 20 --resolve "$domain:443:127.0.0.1" "https://$domain$path" 2>&1)
			;;
		esac
		[ "${got%% *}" != "$expected" ] || return 0
		left=$((left - 1))
		[ "$left" -gt 0 ] || break
		sleep 0.5
	done
	why="asked for $path, the site answers ${got%% *} and not $expected"
	case $got in
	[0-9][0-9][0-9]' '*) ;;
	*) why="asked for $path, the site does not answer: $(printf %s "$got" | head -n 1)" ;;
	esac
	return 1
}

# back has the site use what it used before.
back() {
	trap '' TERM INT HUP
	if [ "$(used)" = "$before" ]; then
		echo "$why; the site still uses ${before##*/}" >&2
	elif [ -n "$before" ]; then
		if point "$before" && reload; then
			echo "$why; the site is back on ${before##*/}" >&2
		else
			echo "$why; the link $site/current could not be put back to $before: do that by hand" >&2
		fi
	else
		# shellcheck disable=SC2016
		as_user 'rm -f "$1/current"' - && reload
		echo "$why; the site has no release, as before" >&2
	fi
	[ "$discard" = no ] || as_user 'rm -rf "$1/releases/$2" "$1/deployments/$2.built"' "$name"
	exit 1
}

before=$(used)
if [ ! -d "$site/releases/$name" ]; then
	echo "there is no release $name any more" >&2
	exit 1
fi
why="the release can't be switched to"
trap 'why="this was cancelled"; back' TERM INT HUP
# What was never switched to is nothing to go back to later.
# shellcheck disable=SC2016
as_user '[ -e "$1/deployments/$2.built" ] || cp "$1/deployments/next" "$1/deployments/$2.built"' "$name" &&
	point "releases/$name" && reload && answers && finish_up || back
trap '' TERM INT HUP
# shellcheck disable=SC2016
as_user 'cd "$1/deployments" && printf "%s\n" "$2" | cat >previous.new && mv -f previous.new previous' "${before##*/}" || true
echo "the site uses $name"
