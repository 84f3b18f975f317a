#!/bin/sh
# Gives BrokeForge's packages a package repository of somebody else's, after
# everything about it was checked here, and takes it away after the last of
# them.
#
# usage: repository use NAME OWNER KEY FINGERPRINT INSTEAD PACKAGE[=VERSION]...
#        repository used NAME OWNER FINGERPRINT PACKAGE[=VERSION]...
#        repository relabel NAME
#        repository leave NAME OWNER
#
# "use" checks it and adds it, "used" exits with 0 where "use" has nothing to
# do, "relabel" reads its lists although its makers have given it another label,
# "leave" takes it away if OWNER was the last who uses it. KEY is the address of
# the key, INSTEAD what else can be done where it can't be used, VERSION how a
# version begins. What goes to /etc/apt is in files below this script's folder.
#
# Where "A && B || C" is said, C is meant to follow a failure of either.
# shellcheck disable=SC2015
set -u
home=/var/lib/brokeforge
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset APT_CONFIG

usage() {
	echo "apt: usage: repository use | used | relabel | leave NAME ..." >&2
	exit 1
}

# refuse REASON... ends before anything was changed.
refuse() {
	echo "apt: $*; the server's package sources are as they were: $instead" >&2
	exit 1
}

fail() {
	echo "apt: $*" >&2
	exit 1
}

# field KEY prints a field of the source.
field() { sed -n "s/^$1: //p" "$own/sources"; }

# elsewhere prints the file in which somebody else has named the repository
# already: apt refuses to work at all where two name it with different keys.
elsewhere() {
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
		[ -f "$file" ] && [ "$file" != "$sources" ] || continue
		awk -v uri="$uri" -v suite="$suite" -v deb822="${file##*.}" '
			BEGIN { if (deb822 == "sources") RS = ""; sub(/^https?:/, "", uri); sub(/\/+$/, "", uri) }
			/(^|\n)Enabled:[ \t]*no/ { next }
			{
				hasuri = hassuite = 0
				lines = split($0, line, "\n")
				for (i = 1; i <= lines; i++) {
					if (line[i] ~ /^[ \t]*#/) continue
					words = split(line[i], word, /[ \t]+/)
					for (j = 1; j <= words; j++) {
						w = word[j]
						if (w == suite) hassuite = 1
						sub(/^https?:/, "", w); sub(/\/+$/, "", w)
						if (w == uri) hasuri = 1
					}
				}
				if (hasuri && hassuite) found = 1
			}
			END { exit !found }' "$file" || continue
		echo "$file"
		return 0
	done
	return 1
}

# known PACKAGE[=VERSION] says whether the lists that the command in $cache
# reads have the package, in a version that begins so.
known() {
	case $1 in
	*=*) begins=${1#*=} ;;
	*) begins= ;;
	esac
	$cache madison -- "${1%%=*}" 2>/dev/null | awk -v begins="$begins" '
		$2 == "|" && index($3, begins) == 1 { found = 1 } END { exit !found }'
}

# installed PACKAGE[=VERSION] says whether it is installed, in a version that
# begins so.
installed() {
	case $1 in
	*=*) begins=${1#*=} ;;
	*) begins= ;;
	esac
	case $(dpkg-query -W -f '${db:Status-Status} ${Version}' -- "${1%%=*}" 2>/dev/null) in
	"installed $begins"*) return 0 ;;
	esac
	return 1
}

used() {
	[ -e "$own/users/$owner" ] || return 1
	if [ -e "$own/elsewhere" ]; then
		elsewhere >/dev/null || return 1
	else
		[ -s "$key" ] && cmp -s "$own/key.gpg" "$key" || return 1
		[ "$(cat "$own/fingerprint" 2>/dev/null)" = "$fingerprint" ] || return 1
		cmp -s "$own/sources" "$sources" || return 1
		same "$own/preferences" "$preferences" || return 1
	fi
	cache=apt-cache
	for wanted; do
		installed "$wanted" || known "$wanted" || return 1
	done
}

# same FILE COPY says whether both are alike, or both are not there.
same() { cmp -s "$1" "$2" || { [ ! -e "$1" ] && [ ! -e "$2" ]; }; }

# scratch makes a folder in which apt's own user may write.
scratch() {
	scratch=$(mktemp -d /run/brokeforge-repository.XXXXXX) || exit 1
	trap 'rm -rf "$scratch"' EXIT
	trap 'exit 143' TERM INT HUP
	chmod 0755 "$scratch"
	mkdir -m 0700 "$scratch/gnupg"
	mkdir -p "$scratch/sources" "$scratch/preferences" "$scratch/lists/partial" "$scratch/cache/archives/partial" "$scratch/download"
	chown -R _apt "$scratch/lists" "$scratch/download" "$scratch/cache" 2>/dev/null
}

# alone TOOL ARGUMENT... runs a tool of apt that sees this repository and nothing
# else, and leaves the server's own lists as they are.
alone() {
	tool=$1
	shift
	"$tool" -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$scratch/sources" \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts="$scratch/preferences" \
		-o Dir::State::Lists="$scratch/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$scratch/cache" "$@"
}

only_apt_cache() { alone apt-cache "$@"; }

# why says why the last download failed, from its output.
why() {
	if grep -qE 'Could not resolve|Temporary failure resolving' "$scratch/log"; then
		echo "its name is not resolved"
	elif grep -qE 'Connection refused|Could not connect|Connection failed|timed out|Unable to connect|Network is unreachable|No route' "$scratch/log"; then
		echo "it does not answer"
	elif grep -qE '[^0-9]404[^0-9]' "$scratch/log"; then
		echo "it says that there is no such file"
	elif grep -qiE 'certificate' "$scratch/log"; then
		echo "its certificate is not accepted"
	else
		reason=$(grep -m 1 -E '^(E|W): ' "$scratch/log")
		echo "${reason:-apt says nothing about it}"
	fi
}

# read_key fetches the key and keeps the one that is wanted, and no other that
# comes with it.
read_key() {
	timeout 120 /usr/lib/apt/apt-helper -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 \
		download-file "$key_at" "$scratch/download/key" >"$scratch/log" 2>&1 </dev/null ||
		refuse "the key of the repository $uri can't be fetched from $key_at, as $(why)"
	[ "$(stat -c %s "$scratch/download/key")" -lt 1000000 ] ||
		refuse "what $key_at gives is too large to be a key"
	gpg() { command gpg --batch --no-options --homedir "$scratch/gnupg" --no-autostart "$@"; }
	gpg --show-keys --with-colons "$scratch/download/key" >"$scratch/keys" 2>/dev/null ||
		refuse "what $key_at gives is no key"
	found=$(awk -F: -v want="$fingerprint" '
		$1 == "pub" { state = $2; expires = $7; primary = 1 }
		$1 == "fpr" && primary { primary = 0; if ($10 == want) print (state == "" ? "-" : state) " " (expires == "" ? 0 : expires) }
	' "$scratch/keys")
	[ -n "$found" ] || refuse "the key at $key_at has the fingerprint $(
		awk -F: '$1 == "pub" { p = 1 } $1 == "fpr" && p { p = 0; print $10 }' "$scratch/keys" | tr '\n' ' ')in place of $fingerprint, so it is not trusted"
	expires=${found##* }
	case $expires in *[!0-9]*) expires=0 ;; esac
	if [ "$expires" != 0 ] && [ "$expires" -le "$(date +%s)" ]; then
		refuse "the key $fingerprint of the repository $uri expired on $(date -u -d "@$expires" +%Y-%m-%d)"
	fi
	case $found in
	r*) refuse "the key $fingerprint of the repository $uri is revoked" ;;
	e*) refuse "the key $fingerprint of the repository $uri has expired" ;;
	esac
	gpg --import "$scratch/download/key" >/dev/null 2>&1
	gpg --export "$fingerprint" >"$scratch/key.gpg" 2>/dev/null
	[ -s "$scratch/key.gpg" ] || refuse "the key at $key_at can't be read"
}

# read_lists reads the repository's lists as apt would, with the key, into a
# place of their own.
read_lists() {
	sed "s|^Signed-By: .*|Signed-By: $scratch/key.gpg|" "$own/sources" >"$scratch/sources/this.sources"
	alone timeout_apt -q -o APT::Update::Error-Mode=any -o Acquire::Retries=2 -o Acquire::Languages=none \
		-o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 update >"$scratch/log" 2>&1 </dev/null && return 0
	if grep -qE 'EXPKEYSIG|NO_PUBKEY|BADSIG|REVKEYSIG|is not signed|verification failed|couldn.t be verified|not bound' "$scratch/log" &&
		! grep -qE 'does not have a Release file' "$scratch/log"; then
		refuse "what the repository $uri offers is not signed by the key $fingerprint as apt wants it: $(
			grep -m 1 -oE '(EXPKEYSIG|NO_PUBKEY|BADSIG|REVKEYSIG|Signing key|Sub-process|is not signed|Missing key).*' "$scratch/log")"
	elif grep -qE 'does not have a Release file' "$scratch/log" && grep -qE '[^0-9]404[^0-9]' "$scratch/log"; then
		refuse "the repository $uri has nothing for this release: there is no suite $suite in it"
	elif grep -qE 'is expired|invalid since' "$scratch/log"; then
		refuse "what the repository $uri offers is too old to be trusted: $(grep -m 1 -oE 'Release file.*' "$scratch/log")"
	elif grep -qE 'is not valid yet' "$scratch/log"; then
		refuse "the clock of this server is behind that of the repository $uri"
	fi
	refuse "the repository $uri can't be read, as $(why)"
}

timeout_apt() { timeout --foreground -k 10 300 apt-get "$@"; }

# recognise refuses a suite that has another codename than the preferences know
# its packages by: they would be taken in place of the distribution's.
recognise() {
	codename=$(sed -n 's/^Pin: release n=//p' "$own/preferences" 2>/dev/null | sed -n 1p)
	[ -n "$codename" ] || return 0
	grep -qx "Codename: $codename" "$scratch"/lists/*Release || refuse "the suite $suite of the repository $uri says that it is $(
		sed -n 's/^Codename: //p' "$scratch"/lists/*Release | sed -n 1p), so that its packages can't be told from the distribution's"
}

# check refuses whatever would go wrong once the repository was added.
check() {
	read_key
	read_lists
	recognise
	cache=only_apt_cache
	for wanted; do
		known "$wanted" || refuse "the repository $uri does not offer ${wanted%%=*}${begins:+ in a version $begins…} for $suite on $(dpkg --print-architecture)"
	done
	echo "checked: key $fingerprint, suite $suite, $*"
}

# put FILE DESTINATION copies by a rename.
put() {
	install -m 0644 "$1" "$2.brokeforge-new" && mv -f "$2.brokeforge-new" "$2" || fail "can't write $2"
}

use() {
	other=$(elsewhere) && {
		echo "the repository $uri is among this server's package sources already, in $other: it is used as it is"
		cache=apt-cache
		for wanted; do
			known "$wanted" || { "$home/apt" update && break; } || exit 1
		done
		for wanted; do
			known "$wanted" || refuse "the repository $uri does not offer ${wanted%%=*}${begins:+ in a version $begins…} for $suite on $(dpkg --print-architecture)"
		done
		rm -f "$sources" "$preferences" "$key"
		echo "$other" >"$own/elsewhere" && : >"$own/users/$owner" || fail "can't write in $own"
		return
	}
	scratch
	check "$@"
	# The key goes first: a source whose key is missing fails every update.
	mkdir -p /etc/apt/keyrings && chmod 0755 /etc/apt/keyrings || exit 1
	: >"$own/users/$owner" || fail "can't write in $own"
	rm -f "$own/elsewhere"
	put "$scratch/key.gpg" "$own/key.gpg"
	put "$own/key.gpg" "$key"
	if [ -e "$own/preferences" ]; then
		put "$own/preferences" "$preferences"
	else
		rm -f "$preferences"
	fi
	put "$own/sources" "$sources"
	echo "$fingerprint" >"$own/fingerprint" || fail "can't write in $own"
	echo "added $sources"
}

# relabel accepts another label of this repository, and nothing else of no other
# one.
relabel() {
	[ -e "$sources" ] || return 0
	timeout_apt -q -o Dir::Etc::SourceList="$sources" -o Dir::Etc::SourceParts=/dev/null -o APT::Get::List-Cleanup=false \
		-o Acquire::AllowReleaseInfoChange::Label=true -o APT::Update::Error-Mode=any update </dev/null
}

leave() {
	others=$(find "$own/users" -type f ! -name "$owner" 2>/dev/null | sed 's|.*/||' | tr '\n' ' ')
	if [ -n "$others" ]; then
		echo "the repository stays, for $others"
		rm -f "$own/users/$owner"
		return
	fi
	rm -f "$sources" "$preferences" "$key" || exit 1
	"$home/apt" purge-added --orphans --for="repository-$name" || exit 1
	rm -rf "$own"
	rmdir "$home/repositories" 2>/dev/null && rm -f "$home/repository"
	return 0
}

[ "$#" -ge 2 ] || usage
action=$1 name=$2
shift 2
own=$home/repositories/$name
key=/etc/apt/keyrings/brokeforge-$name.gpg
sources=/etc/apt/sources.list.d/brokeforge-$name.sources
preferences=/etc/apt/preferences.d/brokeforge-$name
uri='' suite='' begins=''
if [ -e "$own/sources" ]; then
	uri=$(field URIs) suite=$(field Suites)
fi
case $action in
use)
	[ "$#" -ge 5 ] && [ -n "$uri" ] || usage
	owner=$1 key_at=$2 fingerprint=$3 instead=$4
	shift 4
	use "$@"
	;;
used)
	[ "$#" -ge 3 ] || usage
	owner=$1 fingerprint=$2
	shift 2
	used "$@"
	;;
relabel) relabel ;;
leave)
	[ "$#" -eq 1 ] || usage
	owner=$1
	leave
	;;
*) usage ;;
esac
