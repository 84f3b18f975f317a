#!/bin/sh
# Keeps watch over which PHP the command line has, as that is what composer and
# cron jobs get: Debian's alternatives (update-alternatives(1)) change it to the
# highest version whenever one comes or goes.
#
# usage: default [-n] remember OWNER       notes what it is, before OWNER changes it
#        default [-n] take OWNER VERSION   makes it VERSION
#        default [-n] leave OWNER [VERSION]   makes it what was noted, where it is VERSION
#                                    by OWNER's doing or that of alternatives alone;
#                                    without VERSION, one that apt brought for OWNER
#        default [-n] forget OWNER         the same after OWNER has gone, for good
#
# With -n it changes nothing, and exits with 0 where nothing would change.
set -u
notes=/var/lib/brokeforge/php
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

dry=
if [ "${1:-}" = -n ]; then
	dry=yes
	shift
fi
action=${1:-} owner=${2:-} version=${3:-}
[ -n "$owner" ] || exit 2
note=$notes/$owner

# ask BINARY reads the state of an alternative.
ask() {
	said=$(update-alternatives --query "$1" 2>/dev/null)
	mode=$(echo "$said" | sed -n 's/^Status: //p')
	value=$(echo "$said" | sed -n 's/^Value: //p')
	best=$(echo "$said" | sed -n 's/^Best: //p')
}

# offers PATH says whether the alternative that was asked for has it.
offers() { echo "$said" | grep -qx "Alternative: $1"; }

# noted BINARY reads what was noted of it.
noted() {
	was_mode='' was=''
	while read -r name m v; do
		[ "$name" != "$1" ] || { was_mode=$m was=$v; }
	done <"$note"
}

# change ARGUMENT... changes alternatives; with -n it ends this script.
change() {
	[ -z "$dry" ] || exit 1
	update-alternatives "$@" || exit 1
}

# restore BINARY makes it what was noted, as far as that is there.
restore() {
	if [ -z "$was" ] || ! offers "$was"; then
		[ "$mode" = auto ] || change --auto "$1"
	elif [ "$was_mode" = auto ] && [ "$best" = "$was" ]; then
		[ "$mode" = auto ] || change --auto "$1"
	elif [ "$value" != "$was" ]; then
		change --set "$1" "$was"
	fi
}

remember() {
	[ ! -e "$note" ] || return 0
	[ -z "$dry" ] || exit 1
	mkdir -p "$notes" || exit 1
	for binary in php phar phar.phar; do
		ask "$binary"
		[ -z "$value" ] || echo "$binary $mode $value"
	done >"$note.new"
	mv -f "$note.new" "$note"
}

take() {
	for binary in php phar phar.phar; do
		ask "$binary"
		mine=/usr/bin/$binary$version
		if offers "$mine" && { [ "$value" != "$mine" ] || [ "$mode" != manual ]; }; then
			change --set "$binary" "$mine"
		fi
	done
	if ! grep -qsx taken "$note"; then
		[ -z "$dry" ] || exit 1
		echo taken >>"$note"
	fi
}

leave() {
	[ -e "$note" ] || return 0
	for binary in php phar phar.phar; do
		ask "$binary"
		noted "$binary"
		[ -n "$value" ] || continue
		if [ -n "$version" ]; then
			[ "$value" = "/usr/bin/$binary$version" ] || continue
		else
			grep -qsxF "php${value#/usr/bin/"$binary"}-cli" "/var/lib/brokeforge/added/$owner" || continue
		fi
		if [ "$mode" = auto ]; then
			# The first PHP on the server is the default, whatever is chosen.
			[ -z "$was" ] || [ "$was" = "$value" ] || ! offers "$was" || change --set "$binary" "$was"
		elif grep -qx taken "$note"; then
			restore "$binary"
		fi
	done
	if grep -qx taken "$note"; then
		[ -z "$dry" ] || exit 1
		grep -vx taken "$note" >"$note.new"
		mv -f "$note.new" "$note"
	fi
}

forget() {
	[ -e "$note" ] || return 0
	[ -z "$dry" ] || exit 1
	for binary in php phar phar.phar; do
		ask "$binary"
		noted "$binary"
		[ -n "$value" ] || continue
		# It was taken, and has fallen to another; or it was held for this one.
		if { grep -qx taken "$note" && { [ "$mode" = auto ] || [ "$value" = "/usr/bin/$binary$version" ]; }; } ||
			[ "$value" = "$was" ]; then
			restore "$binary"
		fi
	done
	rm -f "$note"
	# With the last note this script goes too.
	[ -n "$(find "$notes" -type f ! -name default)" ] || rm -rf "$notes"
}

case $action in
remember | take | leave | forget) "$action" ;;
*) exit 2 ;;
esac
