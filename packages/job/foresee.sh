# shellcheck shell=sh
# Tells what steps would change, and changes nothing. What goes before it sets
# $so, the numbers of the steps that find everything as they want it, a line
# each; what goes behind it calls these functions in the order of the steps.
#
# Lines of the answer begin with a word and the number of a step:
#
#   none, link, other   what is at the path: nothing, a symbolic link, no file
#   file                owner, group, mode and size of the file there
#   sum, written        the SHA-256 of it, and of what was last written there
#   text                the file itself, in base64
#   deb                 a line of apt-get -s
#   unread              it is not known before apt's lists are read
#   failed              what apt-get says instead
set -u
unread='' wanted='' unwanted='' only='' limit=65536
newline='
'

due() {
	# shellcheck disable=SC2154
	case "$newline$so$newline" in
	*"$newline$1$newline"*) return 1 ;;
	esac
}

# file STEP PATH NOTE SHOWN tells of the file at a path. NOTE holds the SHA-256
# of what was last written there. Its text is told if SHOWN is yes and everybody
# on the server may read it.
file() {
	due "$1" || return 0
	look "$@"
}

# over STEP PATH PLACED SHOWN is file for one that a later step takes into place, so
# that it is told of in any case. PLACED is a copy of what was last taken there.
over() {
	look "$1" "$2" '' "$4"
	[ ! -f "$2" ] || [ ! -f "$3" ] || echo "written $1 $(sha256sum <"$3")"
} 2>/dev/null

look() {
	if [ -L "$2" ]; then
		echo "link $1"
	elif [ ! -e "$2" ]; then
		echo "none $1"
	elif [ ! -f "$2" ]; then
		echo "other $1"
	else
		mode=$(stat -c %a -- "$2")
		size=$(stat -c %s -- "$2")
		echo "file $1 $(stat -c '%U %G' -- "$2") $mode $size"
		echo "sum $1 $(sha256sum <"$2")"
		written=
		[ ! -s "$3" ] || read -r written <"$3"
		echo "written $1 $written"
		case $4$mode in
		yes*[4-7]) [ "$size" -gt "$limit" ] || echo "text $1 $(base64 -w 0 <"$2")" ;;
		esac
	fi
} 2>/dev/null

# sources STEP notes that a step that is due makes apt's lists old.
sources() {
	! due "$1" || unread=yes
}

# install STEP NAME... tells what apt would do to have these and all those that
# earlier steps want.
install() {
	due "$1" || return 0
	step=$1
	shift
	wanted="$wanted $*"
	if [ -n "$unread" ]; then
		echo "unread $step"
		return
	fi
	# shellcheck disable=SC2086
	ask "$step" --no-install-recommends install -- $wanted
}

# purge STEP VERB NAME... tells what apt would remove with these and those before.
# VERB is purge, remove, or auto for a purge of what then nothing needs, too.
purge() {
	due "$1" || return 0
	step=$1 verb=$2
	shift 2
	for name; do
		case $(dpkg-query -W -f '${db:Status-Status}' -- "$name" 2>/dev/null) in
		'' | not-installed) ;;
		*) unwanted="$unwanted $name" ;;
		esac
	done
	[ -n "$unwanted" ] || return 0
	# shellcheck disable=SC2086
	if [ "$verb" = auto ]; then
		some=$only only=
		ask "$step" purge -- $unwanted
		only=$some
		ask "$step" -o APT::AutoRemove::SuggestsImportant=false --auto-remove purge -- $unwanted
	else
		ask "$step" "$verb" -- $unwanted
	fi
}

# noted STEP VERB FILE PATTERN... is purge with the names in a file that match. Of
# what nothing needs any more only what is in the file is told, or in the one of
# what was left over before.
noted() {
	due "$1" || return 0
	step=$1 verb=$2 list=$3
	shift 3
	names=
	[ ! -r "$list" ] || while read -r name; do
		for pattern; do
			# shellcheck disable=SC2254
			case $name in
			$pattern) names="$names $name" ;;
			esac
		done
	done <"$list"
	[ "$verb" != auto ] || only=$(cat "$list" "${list%/*}/.rest" 2>/dev/null)
	# shellcheck disable=SC2086
	[ -z "$names" ] || purge "$step" "$verb" $names
	only=
}

# ask STEP ARGUMENT... has apt-get tell what it would do.
ask() {
	step=$1
	shift
	if answer=$(timeout -k 5 30 env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -s -q -o Debug::NoLocking=true "$@" 2>&1 </dev/null); then
		printf '%s\n' "$answer" | sed -n "s/^\(Inst\|Remv\|Purg\) /deb $step &/p" | while read -r line; do
			name=${line#* * * }
			case ${only:+"$newline$only$newline"} in
			'' | *"$newline${name%% *}$newline"*) printf '%s\n' "$line" ;;
			esac
		done
	else
		printf 'failed %s %s\n' "$step" "$(printf '%s\n' "$answer" | grep -m 1 '^E: ')"
	fi
}

