# look_at_https finds out whether any site is answered by https, and of which sites nginx
# is told wrongly whether it takes them where no name fits.
look_at_https() {
	default=$(cat "$mark" 2>/dev/null)
	any='' wrong=''
	for file in "$settings"/*/tls.conf; do
		[ -e "$file" ] || continue
		domain=${file%/tls.conf} domain=${domain##*/}
		any=yes is='' has=''
		[ "$domain" != "$default" ] || is=yes
		! grep -q ' default_server;$' "$file" || has=yes
		[ "$server" != nginx ] || [ "$is" = "$has" ] || wrong="$wrong $domain"
	done
}

# https_is_settled passes where settle_https would change nothing.
https_is_settled() {
	look_at_https
	[ -z "$wrong" ] || return 1
	if [ -n "$any" ]; then
		[ -s "$nobody" ] && [ "$(cat "$catch_all" 2>/dev/null)" = "$answer" ]
	else
		[ ! -e "$catch_all" ]
	fi
}
