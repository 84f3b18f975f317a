# Runs the steps of one run, in order, and writes what comes of it to a log. What
# goes before it is output.sh.
#
# usage: sh driver.sh BASE VOLATILE ID
#
# BASE/runs/ID, kept over a reboot:
#   log        the output of the steps and, on lines of their own, the markers
#   boot       the boot id at the start      pid      "PID STARTTIME" of this
#   started    the claim of this process     finish   the status of the run
#   steps      a line a step that began      ballast  room for the end
#   proving-N, proof-N                       see prove
# VOLATILE/ID, on a tmpfs, as steps may hold secrets:
#   head       "NONCE SALT LOGLIMIT GRACE"         plan     a line a step
#   N.script N.check N.undo N.file           the steps' own
#   N.percent  how far a step says that it is
#   N.secrets/  files that step N may read   see reveal
#   status     a copy of all markers         finish   a copy
#   pipeN      the steps' output, to pump    full     the pump gave up the log
# VOLATILE-steps/ID/N: the secrets of step N while it runs, for its user
#
# A marker is an empty line's end and "NONCE SEQUENCE KIND STEP FIELD UPTIME
# TEXT". Its newline in front is no part of the output before it.
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root USER=root LOGNAME=root SHELL=/bin/sh LANG=C.UTF-8 LC_ALL=C.UTF-8
export PATH HOME USER LOGNAME SHELL LANG LC_ALL
unset SHLVL

base=$1 vol=$2/$3 id=$3 open=$2-steps/$3
run=$base/runs/$id
sequence=0 step_pid='' killer='' cancelled='' interrupted='' pumping='' pumps=0 settled=''

mkdir "$run/started" 2>/dev/null || exit 0
cd / && unset OLDPWD
read -r nonce salt loglimit grace <"$vol/head"

# keep writes a line to a file of the run, giving up the ballast for it when the
# disk is full.
keep() {
	{ printf '%s\n' "$2" >"$run/$1"; } 2>/dev/null && return
	rm -f "$run/ballast"
	{ printf '%s\n' "$2" >"$run/$1"; } 2>/dev/null
}

# end_step asks the running step to end, and makes it after a grace. It is what
# TERM does, until the run is settled.
end_step() {
	interrupted=1
	[ -z "$settled" ] || return 0
	cancelled=1
	[ -n "$step_pid" ] || return 0
	kill -TERM -"$step_pid" || kill -TERM "$step_pid"
	[ -z "$killer" ] || return 0
	setsid sh -c "sleep $grace; kill -KILL -$step_pid" </dev/null >/dev/null 3>&- 8<&- 9>&- &
	killer=$!
} 2>/dev/null

# sweep SESSION kills what a cancelled or late step has left: its session and,
# with systemd, all of a cancelled run but the driver's own session.
sweep() {
	group=
	while IFS=: read -r _ tree path; do
		case $tree:$path in
		:*/brokeforge-"$id".service | name=systemd:*/brokeforge-"$id".service) group=/sys/fs/cgroup/${tree#name=}$path/cgroup.procs ;;
		esac
	done </proc/self/cgroup
	if [ -n "$group" ] && [ -n "$cancelled" ]; then
		while read -r pid; do
			[ "$(session_of "$pid")" = $$ ] || kill -KILL "$pid"
		done <"$group"
		return 0
	fi
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/}
		[ "$(session_of "$pid")" != "$1" ] || kill -KILL "$pid"
	done
} 2>/dev/null

session_of() {
	read -r stat <"/proc/$1/stat" || return 0
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	echo "$4"
}

# A shell that a signal kills does not run what its script has set to be run at
# its EXIT, as dash has it; so a step's shell leaves by itself, once the command
# that it waits for has ended, which got the signal too.
# shellcheck disable=SC2016
ending='trap "exit 129" HUP; trap "exit 130" INT; trap "exit 143" TERM; . "$0"'

# launch USER LIMIT FILE becomes the process of a step. The step cannot reach
# into the folder of the run, so it gets its script open.
launch() {
	trap - TERM PIPE
	umask 022
	if [ -d "$open/$n" ]; then
		SECRETS=$open/$n
		export SECRETS
	fi
	if [ -e "$vol/$n.percent" ]; then
		PERCENT=$vol/$n.percent
		export PERCENT
	fi
	as=$1 limit=$2 file=$3
	set -- /bin/sh -c "$ending" /dev/fd/7
	if [ "$as" != root ]; then
		if ! entry=$(getent passwd "$as"); then
			echo "there is no user $as on this server"
			exit 67
		fi
		entry=${entry%:*}
		HOME=${entry##*:} USER=$as LOGNAME=$as
		set -- runuser -u "$as" -- "$@"
	fi
	[ "$limit" = 0 ] || set -- timeout -k "$grace" "$limit" "$@"
	exec "$setsid" "$@" 7<"$file"
}

# reveal STEP USER lets the user of a step read its secrets, and nobody else. The
# folders above belong to root, so that nobody can put anything in their place.
reveal() {
	[ -d "$vol/$1.secrets" ] || return 0
	mkdir -p "$open/$1" && chmod 0711 "${open%/*}" "$open" || return 1
	for file in "$vol/$1.secrets"/*; do
		install -m 0400 -o "$2" "$file" "$open/$1/${file##*/}" || return 1
	done
	chown "$2" "$open/$1" && chmod 0500 "$open/$1" || return 1
}

# hide STEP takes the secrets of a step away.
hide() {
	[ -d "$vol/$1.secrets" ] || return 0
	rm -rf "$open" "$vol/$1.secrets"
}

# await waits for the step and sets $status.
await() {
	[ -z "$cancelled" ] || end_step
	wait "$step_pid"
	status=$?
	while [ -n "$interrupted" ]; do
		interrupted=
		wait "$step_pid"
		again=$?
		[ "$again" = 127 ] || status=$again
	done
	if [ -n "$cancelled" ] || [ "$status" = 124 ] || [ "$status" = 137 ]; then
		sweep "$step_pid"
	fi
	[ -z "$killer" ] || kill -KILL -"$killer"
	step_pid='' killer=''
} 2>/dev/null

# perform USER LIMIT FILE runs a script as a step and sets $status.
perform() {
	start_pump
	launch "$@" </dev/null >&3 2>&3 3>&- 8<&- 9>&- &
	step_pid=$!
	watcher=
	if [ -e "$vol/$n.percent" ]; then
		tell_percent "$n" &
		watcher=$!
	fi
	await
	if [ -n "$watcher" ]; then
		kill "$watcher"
		wait "$watcher"
	fi 2>/dev/null
	rest
}

# tell_percent STEP marks how far a step says that it is, four times a second at
# most, until it is killed. A step can say a number about itself and nothing else.
tell_percent() {
	exec 8<&- 9>&- 2>/dev/null
	trap - TERM
	told=
	while [ ! -e "$vol/full" ]; do
		now=
		read -r now <"$vol/$1.percent"
		case $now in
		'' | *[!0-9]* | 0?* | ????* | "$told") ;;
		*)
			if [ "$now" -le 100 ]; then
				told=$now
				read -r up _ </proc/uptime
				printf '\n%s\n' "$nonce 0 percent $1 $now $up" >&3
			fi
			;;
		esac
		sleep 0.25 3>&-
	done
}

# holds USER LIMIT FILE says whether a check finds its step already true.
holds() {
	launch "$@" </dev/null >/dev/null 2>&1 3>&- 8<&- 9>&- &
	step_pid=$!
	await
	[ "$status" = 0 ]
}

# value STEP USER LIMIT runs a script and marks its first line.
value() {
	start_pump
	launch "$2" "$3" "$vol/$1.script" </dev/null >"$vol/value" 2>&3 3>&- 8<&- 9>&- &
	step_pid=$!
	await
	rest
	first=
	read -r first <"$vol/value"
	[ "$status" != 0 ] || mark value "$1" - "$(printf '%.1000s' "$first")"
}

# note_change GROUP remembers that something of the group changed, before it
# does: the note must outlive a failure in the middle.
note_change() {
	[ "$1" != - ] && [ ! -e "$base/changed/$1" ] || return 0
	{ : >"$base/changed/$1"; } 2>/dev/null && return
	rm -f "$run/ballast"
	{ : >"$base/changed/$1"; } 2>/dev/null && return
	start_pump
	echo "the change cannot be noted in $base/changed: is the disk full?" >&3
	return 1
}

# place STEP MODE OWNER GROUP CHANGED PATH puts a file in place. It sets $status:
# 0 placed, 1 failed, same nothing to do. A symbolic link at the path is replaced
# and never followed.
place() {
	status=1
	if [ -e "$6" ] && [ ! -L "$6" ] && [ ! -f "$6" ]; then
		echo "$6 is there and is not a file"
		return
	fi
	if [ -f "$6" ] && [ ! -L "$6" ] && cmp -s "$vol/$1.file" "$6" &&
		[ "$(stat -c '%U %G %a' "$6")" = "$3 $4 $2" ]; then
		status=same
		return
	fi
	if [ ! -d "${6%/*}/" ]; then
		echo "the folder ${6%/*} is not there"
		return
	fi
	note_change "$5" || return
	new=${6%/*}/.brokeforge-$salt-$1
	if install -m "$2" -o "$3" -g "$4" "$vol/$1.file" "$new" && sync "$new" && mv -fT "$new" "$6"; then
		status=0
		note_written "$1" "$6"
	else
		rm -f "$new"
	fi
}

# note_written STEP PATH notes what was written, so that a later preview can tell
# whether somebody else has changed it. A note that can't be made is only missed.
note_written() {
	name=$(printf %s "$2" | sha256sum)
	sum=$(sha256sum <"$vol/$1.file")
	{ mkdir -p "$base/written" && printf '%s\n' "${sum%% *}" >"$base/written/${name%% *}"; } ||
		rm -f "$base/written/${name%% *}"
} 2>/dev/null

# prove STEP USER LIMIT WITHIN makes a change that could lock people out, and
# undoes it unless prove.sh was run in time, by way of a new login.
prove() {
	perform "$2" "$3" "$vol/$1.script"
	result=$status
	if [ "$status" = 0 ] && [ -z "$cancelled" ]; then
		keep "proving-$1" -
		mark prove "$1" "$4"
		left=$(($4 * 10))
		while [ "$left" -gt 0 ] && [ -z "$cancelled" ] && [ ! -d "$run/proof-$1" ]; do
			sleep 0.1
			left=$((left - 1))
		done
		mkdir "$run/proof-$1" 2>/dev/null || return 0
		result=75
		start_pump
		[ -n "$cancelled" ] || echo "no new login within $4 s: undone" >&3
	fi
	# The undoing is not to be cancelled half-way.
	was=$cancelled cancelled='' interrupted=''
	trap '' TERM
	perform root 0 "$vol/$1.undo"
	if [ "$status" != 0 ]; then
		start_pump
		echo "undoing failed with status $status" >&3
	fi
	trap end_step TERM
	cancelled=$was status=$result
}

# due USER LIMIT STEP CHECK IFCHANGED GROUP says whether a step has anything to do.
due() {
	[ "$5" = 0 ] || [ -e "$base/changed/$6" ] || return 1
	[ "$4" = 0 ] || ! holds "$1" "$2" "$vol/$3.check"
}

# lock waits for the runs before this one on the server.
lock() {
	exec 9>>"$base/lock"
	if ! flock -n 9; then
		told=
		while [ -z "$cancelled" ]; do
			holder=
			read -r holder <"$base/holder"
			[ "$holder" = "$told" ] || mark waiting - - "$holder"
			told=$holder
			flock -w 1 9 &
			waiting=$!
			wait "$waiting" && break
			[ -z "$cancelled" ] || kill "$waiting"
		done 2>/dev/null
	fi
	[ -n "$cancelled" ] || printf '%s %s\n' "$id" $$ >"$base/holder"
}

# bury takes away the secrets of runs that were killed, and with them what would
# have cleaned up.
bury() {
	for of in "${vol%/*}"/*; do
		dead=${of##*/} pid='' born=''
		[ -s "$base/runs/$dead/pid" ] || continue
		read -r pid born <"$base/runs/$dead/pid"
		if [ "$dead" != "$id" ] && [ "$(born_at "$pid")" != "$born" ]; then
			rm -rf "${open%"$id"}$dead" "$of"/*.secrets "$of"/*.file
		fi
	done
}

# born_at PID prints when a process was started, in the kernel's ticks.
born_at() {
	read -r stat <"/proc/$1/stat" || return 0
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	echo "${20}"
} 2>/dev/null

# prune deletes the records of finished runs but for the last fifty.
prune() {
	# The names are ids of runs: letters, digits, dots, hyphens.
	# shellcheck disable=SC2012
	ls -1t "$base/runs" | tail -n +51 | while read -r old; do
		[ ! -s "$base/runs/$old/finish" ] || rm -rf "$base/runs/$old"
	done
}

# finish STATUS ends the run: 0 done, 1 failed, 2 cancelled.
finish() {
	trap '' TERM
	exec 9>&-
	rm -rf "$open" "$vol"/*.secrets "$vol"/*.file
	echo "$1" >"$vol/finish"
	keep finish "$1"
	mark finish - "$1"
	if [ -n "$pumping" ]; then
		stop_pump
		if [ -e "$vol/full" ]; then
			pour
		elif [ ! -e "$vol/drained$pumps" ]; then
			replay
		fi
	fi
	rm -f "$run/ballast" "$vol"/*.script "$vol"/*.check "$vol"/*.undo
	[ -e "$vol/full" ] || rm -rf "$vol"
	prune
	exit 0
}

trap end_step TERM
# Caught and not ignored: what is ignored would be so in every step.
trap : PIPE
setsid=$(command -v setsid)
keep pid "$$ $(born_at $$)"
mkdir -p "$base/changed"
lock
bury
while [ -z "$cancelled" ] &&
	read -r kind n user limit check ifchanged settles group last within mode owner owning path <&8; do
	mark begin "$n" -
	[ "$kind" != mark ] || continue
	# Appended and not written anew, which would make the disk busy.
	echo "$n" >>"$run/steps"
	status=0
	if ! why=$(reveal "$n" "$user" 2>&1); then
		start_pump
		echo "the secrets of the step cannot be given to $user: $why" >&3
		status=74
	elif [ "$kind" = write ]; then
		start_pump
		place "$n" "$mode" "$owner" "$owning" "$group" "$path" >&3 2>&3
		rest
	elif [ "$kind" = value ]; then
		value "$n" "$user" "$limit"
	elif ! due "$user" "$limit" "$n" "$check" "$ifchanged" "$group"; then
		status=same
	elif [ -n "$cancelled" ]; then
		status=143
	elif [ "$ifchanged" = 0 ] && ! note_change "$group"; then
		status=74
	elif [ "$kind" = prove ]; then
		prove "$n" "$user" "$limit" "$within"
	else
		perform "$user" "$limit" "$vol/$n.script"
		# Whoever cancels it now comes too late. Both in one, as TERM may come between.
		[ "$settles" = 0 ] || [ "$status" != 0 ] || cancelled='' settled=1
	fi
	hide "$n"
	[ -z "$cancelled" ] || [ "$status" != same ] || status=143
	if [ "$status" = same ]; then
		mark skipped "$n" -
	else
		mark end "$n" "$status"
		[ "$status" = 0 ] || [ -n "$cancelled" ] || finish 1
	fi
	[ "$last" = 0 ] || [ ! -e "$base/changed/$group" ] || [ -n "$cancelled" ] || rm -f "$base/changed/$group"
done 8<"$vol/plan"
[ -z "$cancelled" ] || finish 2
finish 0
