#!/bin/sh
# Drives apt-get for BrokeForge: asks nothing, waits for others who use apt,
# repairs what an interrupted dpkg left, and says in one line what is wrong.
#
# usage: apt update
#        apt fresh                   exits with 0 where no update is due
#        apt install --for=OWNER NAME...   notes under OWNER what comes new
#        apt remove NAME...          without settings and data, and nothing but these
#        apt remove-added --for=OWNER PATTERN...  only what was installed for it
#        apt purge NAME...           with settings, and nothing but these
#        apt purge-added [--orphans] --for=OWNER PATTERN...   only what was installed for it
#                                    and, with --orphans, what came along and nothing needs
#
# Lists of names are split into words on purpose: package names have no spaces
# and no wildcards (Debian policy 5.6.7).
# shellcheck disable=SC2086,SC2254
set -u
home=/var/lib/brokeforge
patience=${BROKEFORGE_APT_PATIENCE:-600} # seconds
unset APT_CONFIG
export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none
export NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1 UCF_FORCE_CONFFOLD=1
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

fail() {
	echo "apt: $*" >&2
	exit 1
}

# holder FILE names the process that has a lock on a file. Only fcntl locks
# count: apt and dpkg use no others (/proc/locks, proc_locks(5)).
holder() {
	real=$(readlink -f "$1") && inode=$(stat -c %i "$real" 2>/dev/null) || return 1
	while read -r _ kind _ _ pid where _; do
		[ "$kind $inode" = "POSIX ${where##*:}" ] || continue
		for open in "/proc/$pid/fd"/*; do
			[ "$(readlink "$open")" = "$real" ] || continue
			name=
			read -r name <"/proc/$pid/comm"
			echo "${name:-a process} (pid $pid)"
			return 0
		done
	done </proc/locks
	return 1
}

# await_others returns once nobody holds any of the locks of apt and dpkg.
# DPkg::Lock::Timeout alone waits for the frontend lock only.
await_others() {
	waited=0
	while :; do
		who=
		for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock \
			/var/lib/apt/lists/lock /var/cache/apt/archives/lock; do
			who=$(holder "$lock") && break
		done
		[ -n "$who" ] || return 0
		[ "$waited" -lt "$patience" ] ||
			fail "gave up after $patience s: $who still holds $lock; let it end, then start again"
		[ $((waited % 10)) -ne 0 ] || echo "waiting for apt: $who holds $lock"
		sleep 1
		waited=$((waited + 1))
	done
}

# logged COMMAND... runs a command with a copy of its output in $log, and with
# what tells how far apt is on descriptor 6.
logged() {
	{
		"$@" 2>&1 </dev/null 6>"$told"
		echo $? >"$scratch/status"
	} | tee "$log"
	read -r status <"$scratch/status"
	return "$status"
}

# percent FROM TO reads what apt tells on its Status-Fd, and writes how far it is
# between two numbers to the file that the driver of the run looks at.
percent() {
	said=
	while IFS=: read -r kind _ first second _; do
		case $kind in
		dlstatus | pmstatus) ;;
		*) continue ;;
		esac
		# The name of a package may have an architecture behind a colon.
		for value in "$first" "$second"; do
			case ${value%%.*} in
			'' | *[!0-9]* | ????*) continue ;;
			esac
			now=$(($1 + ${value%%.*} * ($2 - $1) / 100))
			[ "$now" = "$said" ] || echo "$now" >"$PERCENT" 2>/dev/null
			said=$now
			break
		done
	done
}

# watched FROM TO COMMAND... runs a command that uses apt-get, and tells how far
# it is, if somebody wants to know.
watched() {
	from=$1 to=$2
	shift 2
	if [ -z "${PERCENT:-}" ] || ! mkfifo "$scratch/told"; then
		"$@"
		return
	fi
	# Open for both, so that nobody waits for the other.
	percent "$from" "$to" <>"$scratch/told" &
	reader=$!
	told=$scratch/told
	"$@"
	result=$?
	told=/dev/null
	kill "$reader"
	rm -f "$scratch/told"
	return "$result"
}

said() { grep -qE -- "$1" "$log"; }

# get LIMIT ARGUMENT... runs apt-get, again when somebody was faster with a
# lock. It is ended after LIMIT seconds, as a download can hang for ever.
get() {
	limit=$1
	shift
	tries=0
	while :; do
		await_others
		logged timeout --foreground -k 10 "$limit" apt-get -q -y -o Dpkg::Use-Pty=0 -o APT::Status-Fd=6 \
			-o DPkg::Lock::Timeout=60 -o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
			-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" && return 0
		tries=$((tries + 1))
		[ "$tries" -lt 5 ] || return 1
		said '^E: (Could not get lock|Unable to (acquire|lock))' || return 1
		sleep 1
	done
}

# seen PATTERN prints the first part of the last output that sed finds by a
# pattern with one group.
seen() {
	sed -n "s@.*$1.*@\\1@p" "$log" | sed -n 1p
}

# unproven prints the repository whose signature the last apt-get could not check.
unproven() {
	sed -n -E 's@.*(GPG error|OpenPGP signature verification failed): ([^ ]*) .*@\2@p' "$log" | sed -n 1p
}

# cause says why the last apt-get failed.
cause() {
	if said 'No space left on device|have enough free space'; then
		echo "no space is left on the server ($(df -m --output=avail,target /usr /var/lib/dpkg /var/cache/apt/archives |
			sed 1d | sort -n | sed -n '1s/^ *\([0-9]*\) */\1 MB free on /p')): make room, then start again"
	elif said 'Read-only file system'; then
		echo "a file system of the server is read-only: look at dmesg there, as a disk may be failing"
	elif said 'Cannot allocate memory|Out of memory'; then
		echo "the server ran out of memory: free some, or add swap, then start again"
	elif said '^E: Packages need to be removed'; then
		echo "it would have to remove other packages:$(sed -n '/REMOVED:$/,/^[^ ]/s/^  / /p' "$log" | tr -d '\n')"
	elif said '^E: Held packages were changed'; then
		echo "it would change packages that are held:$(sed -n '/held packages will be changed:$/,/^[^ ]/s/^  / /p' "$log" | tr -d '\n'); apt-mark unhold lets them go"
	elif said 'trying to overwrite'; then
		echo "two packages have the same file, $(seen "trying to overwrite '\([^']*\)'"), which belongs to $(seen 'which is also in package \(.*\)'): remove that package first"
	elif said 'unmet dependencies'; then
		cause_unmet
	elif said 'EXPKEYSIG|KEYEXPIRED|sqv .*[Ee]xpired'; then
		echo "the signing key of a package repository has expired, $(unproven): get its new key, or take the repository out"
	elif said 'NO_PUBKEY|sqv .*[Mm]issing key'; then
		echo "the signing key of a package repository is not known here, $(unproven): get its key, or take the repository out"
	elif said 'is not valid yet'; then
		echo "the server's clock is behind: its package lists are of the future; set the clock, then start again"
	elif said 'dpkg was interrupted'; then
		echo "dpkg was interrupted before, and could not be repaired: look at dpkg --audit there"
	elif [ "$status" = 124 ] || [ "$status" = 137 ]; then
		echo "it took longer than $limit s: is the package mirror slow or unreachable?"
	else
		cause_fetch
	fi
}

# cause_unmet says which packages do not fit together.
cause_unmet() {
	held=$(apt-mark showhold 2>/dev/null | tr '\n' ' ')
	echo "packages do not fit together: $(sed -n '/unmet dependencies:$/,/^[^ ]/s/^ //p' "$log" | sed -n 1p)${held:+ (held: ${held% })}"
}

# cause_fetch says why nothing came from a mirror, or else what apt-get said.
cause_fetch() {
	if said 'Temporary failure resolving|Could not resolve'; then
		name=$(sed -n "s/.*\(Temporary failure resolving\|Could not resolve\) '\([^']*\)'.*/\2/p" "$log" | sed -n 1p)
		echo "the name of the package mirror ${name:+$name }is not resolved: look at /etc/resolv.conf and /etc/apt/sources.list"
	elif said 'Could not connect to|Unable to connect to|Connection (refused|reset|timed out|failed)'; then
		echo "the package mirror does not answer: $(seen 'Failed to fetch \([^ ]*\).*')"
	elif said 'does not have a Release file'; then
		echo "the package repository $(seen "The repository '\([^']*\)'") is not there: is it for this release?"
	elif said 'Failed to fetch .* (404|403|50[0-9]) '; then
		echo "the package mirror does not have what it lists: $(seen 'Failed to fetch \([^ ]*\).*'); start again later"
	else
		reason=$(grep -m 1 -E '^(E|dpkg): ' "$log")
		echo "${reason:-apt-get ended with status $status}"
	fi
}

# lists_read prints when the lists were last read, in seconds since 1970, with a
# fraction. The files themselves bear the mirror's times, so it is their change
# that counts.
lists_read() {
	{
		stat -c %.Z /var/lib/apt/lists/*Release
		stat -c %.Y "$home/apt-updated" /var/lib/apt/periodic/update-stamp /var/lib/apt/periodic/update-success-stamp
	} 2>/dev/null | sort -n | tail -n 1
}

# fresh says whether the lists were read a while ago at most, and since the
# sources changed.
fresh() {
	ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || return 1
	read_at=$(lists_read)
	read_at=${read_at:-0}
	changed=$(stat -c %.Y /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/sources.list.d/* 2>/dev/null | sort -n | tail -n 1)
	newest=$(printf '%s\n%s\n' "${changed:-0}" "$read_at" | sort -n | tail -n 1)
	[ "$newest" = "$read_at" ] && [ $(($(date +%s) - ${read_at%%.*})) -lt 21600 ]
}

# passing says whether the last failure may pass by itself.
passing() {
	[ "$status" = 124 ] || said 'Temporary failure|timed out|Connection (failed|reset)|Hash Sum mismatch'
}

# relabelled says that a repository which BrokeForge has added bears another
# label now, and that this was accepted: apt refuses every update until then.
# Others, and other changes, are for the operator to accept.
relabelled() {
	said "changed its 'Label' value" || return 1
	accepted=
	for own in "$home"/repositories/*; do
		uri=$(sed -n 's/^URIs: //p' "$own/sources" 2>/dev/null)
		[ -n "$uri" ] || continue
		grep -F "Repository '$uri" "$log" | grep -q "'Label'" || continue
		echo "the repository $uri has another label: accepting it"
		await_others
		"$home/repository" relabel "${own##*/}" && accepted=yes
	done
	[ -n "$accepted" ]
}

update() {
	tries=0 relabels=0
	# A download that hangs is given up and begun again.
	until get 180 -o APT::Update::Error-Mode=any update; do
		if [ "$relabels" = 0 ] && relabelled; then
			relabels=1
			continue
		fi
		tries=$((tries + 1))
		if [ "$tries" = 3 ] || ! passing; then
			fail "can't read the package lists: $(cause)"
		fi
		echo "reading the package lists failed: trying again"
		sleep "$tries"
	done
	mkdir -p "$home" && : >"$home/apt-updated"
}

# broken lists packages that dpkg left half done: the second letter of a status
# (dpkg-query(1), db:Status-Abbrev), or R in the third.
broken() {
	dpkg-query -W -f '${db:Status-Abbrev} ${binary:Package}\n' | sed -n 's/^\(.[UFHWt].\|..R\) //p'
}

repair() {
	half=$(broken)
	[ -n "$half" ] || [ -n "$(ls /var/lib/dpkg/updates)" ] || return 0
	echo "dpkg was interrupted and is repaired first:" $half
	await_others
	logged dpkg --force-confdef --force-confold --configure -a
	[ -z "$(broken)" ] || get 3600 --no-remove -f install
	half=$(broken)
	[ -z "$half" ] || fail "these packages are half installed and can't be repaired:" $half "($(cause))"
}

# unknown NAME... lists the names that apt has no version of. apt-get would take
# some of them for a pattern and install what matches.
unknown() {
	apt-cache policy -- "$@" >"$scratch/policy" 2>/dev/null
	for name; do
		awk -v want="$name:" '$0 == want { here = 1; next } /^[^ ]/ { here = 0 }
			here && $1 == "Candidate:" && $2 != "(none)" { found = 1 } END { exit !found }' \
			"$scratch/policy" || printf '%s ' "$name"
	done
}

# note OWNER notes what an installation will bring, as the download has told,
# before it does.
note() {
	list=$home/added/$1
	mkdir -p "$home/added"
	touch "$list" || fail "can't write $list"
	sed -n '/^The following NEW packages/,/^[^ ]/s/^  //p' "$log" | tr -s ' ' '\n' | sort -u - "$list" >"$scratch/added"
	cat "$scratch/added" >"$list" || fail "can't write $list"
}

# download NAME... comes first and apart, so that one that hangs can be ended
# without ending dpkg. Lists that name versions which are gone are read again.
download() {
	get 900 --no-install-recommends --no-remove --download-only install -- "$@" && return 0
	if [ "$status" = 124 ] || said '^E: (Failed to fetch|Unable to fetch)'; then
		update
		get 900 --no-install-recommends --no-remove --download-only install -- "$@" && return 0
	fi
	return 1
}

install() {
	owner=${1#--for=}
	shift
	repair
	missing=$(unknown "$@")
	if [ -n "$missing" ]; then
		echo "apt does not know $missing: reading the package lists again"
		update
		missing=$(unknown "$@")
		[ -z "$missing" ] || fail "there is no package ${missing% } in this server's package sources (/etc/apt/sources.list)"
	fi
	watched 0 30 download "$@" || fail "can't install $*: $(cause)"
	note "$owner"
	watched 30 100 get 0 --no-install-recommends --no-remove --no-download install -- "$@" || fail "can't install $*: $(cause)"
}

how=purge

# purge NAME... removes packages, with their settings unless $how is remove. It
# refuses where others that somebody wanted would go with them.
purge() {
	repair
	there=
	for name; do
		case $how:$(dpkg-query -W -f '${db:Status-Status}' -- "$name" 2>/dev/null) in
		*: | *:not-installed | remove:config-files) ;;
		*) there="$there $name" ;;
		esac
	done
	[ -n "$there" ] || return 0
	extra=
	gone=$(apt-get -s -q $how -- $there | sed -n 's/^\(Purg\|Remv\) \([^ ]*\) .*/\2/p')
	for name in ${gone:+$(apt-mark showmanual -- $gone)}; do
		case " $there " in
		*" $name "*) ;;
		*) extra="$extra $name" ;;
		esac
	done
	[ -z "$extra" ] || fail "removing$there would also remove$extra, which somebody installed: remove that first"
	get 0 $how -- $there || fail "can't remove$there: $(cause)"
}

# purge_orphans LIST removes what is in a sorted list, was not asked for by
# anybody, and is neither needed nor recommended by anything any more. That
# something suggests it is no reason to keep it: it would not have come for that.
purge_orphans() {
	apt-get -s -q -o APT::AutoRemove::SuggestsImportant=false autoremove | sed -n 's/^Remv \([^ ]*\) .*/\1/p' | sort -u >"$scratch/unneeded"
	orphans=$(comm -12 "$1" "$scratch/unneeded" | tr '\n' ' ')
	[ -n "$orphans" ] || return 0
	# What is not in the list may need them, though nothing needs it.
	apt-get -s -q purge -- $orphans | sed -n 's/^\(Purg\|Remv\) \([^ ]*\) .*/\2/p' | sort -u >"$scratch/gone"
	[ -z "$(comm -13 "$1" "$scratch/gone")" ] || return 0
	purge $orphans
}

# purge_added removes what was noted under an owner. With --orphans that is also
# what came along; what others still need is noted among the rest, for the last
# of them.
purge_added() {
	orphaned=
	if [ "$1" = --orphans ]; then
		orphaned=yes
		shift
	fi
	owner=${1#--for=}
	shift
	list=$home/added/$owner rest=$home/added/.rest
	[ -e "$list" ] || return 0
	if [ -n "$orphaned" ]; then
		touch "$rest"
		sort -u "$list" "$rest" >"$scratch/came"
	else
		cat "$list" >"$scratch/came"
	fi || fail "can't read $list"
	names=
	while read -r name; do
		for pattern; do
			case $name in
			$pattern) names="$names $name" ;;
			esac
		done
	done <"$scratch/came"
	[ -z "$names" ] || purge $names
	if [ -n "$orphaned" ]; then
		purge_orphans "$scratch/came"
		dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort -u >"$scratch/installed"
		comm -12 "$scratch/came" "$scratch/installed" >"$rest" || fail "can't write $rest"
		[ -s "$rest" ] || rm -f "$rest"
	fi
	rm -f "$list"
}

action=${1:-}
[ "$#" -eq 0 ] || shift
if [ "$action" = fresh ]; then
	fresh
	exit
fi
scratch=$(mktemp -d /run/brokeforge-apt.XXXXXX) || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 143' TERM INT HUP
log=$scratch/log status=0 told=/dev/null
: >"$log"
case $action in
update) update ;;
install) install "$@" ;;
remove) how=remove && purge "$@" ;;
remove-added) how=remove && purge_added "$@" ;;
purge) purge "$@" ;;
purge-added) purge_added "$@" ;;
*) fail "usage: apt update | fresh | install --for=OWNER NAME... | remove NAME... | remove-added --for=OWNER PATTERN... | purge NAME... | purge-added [--orphans] --for=OWNER PATTERN..." ;;
esac
