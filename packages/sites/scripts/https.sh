# settle_https has names that no site has get no site's content by https, but for that of
# the default one. What else answers them is a server of ours, which is read first, with a
# certificate that says nothing.
settle_https() {
	look_at_https
	for domain in $wrong; do
		for file in "$settings/$domain/tls.conf" "$notes/$domain/tls.conf"; do
			[ ! -e "$file" ] || take_or_leave "$file" || return 1
		done
	done
	if [ -z "$any" ]; then
		rm -f "$catch_all" "$nobody"
		return
	fi
	[ -s "$nobody" ] || (
		umask 077
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj /CN=brokeforge-nobody \
			-keyout "$nobody.key" -out "$nobody.new" 2>/dev/null && cat "$nobody.key" >>"$nobody.new" &&
			rm "$nobody.key" && mv -fT "$nobody.new" "$nobody"
	) || return 1
	[ "$(cat "$catch_all" 2>/dev/null)" = "$answer" ] || { printf '%s\n' "$answer" >"$catch_all.new" && mv -fT "$catch_all.new" "$catch_all"; }
}

# take_or_leave FILE has nginx take a site where no name fits, if it is the default one.
take_or_leave() {
	edit='s/^\(listen .*\) default_server;$/\1;/'
	[ "$domain" != "$default" ] || edit='s/^\(listen .*\);$/\1 default_server;/'
	sed "$edit" "$1" >"$1.new" && chmod 0644 "$1.new" && mv -fT "$1.new" "$1"
}
