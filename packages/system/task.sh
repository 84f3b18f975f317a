#!/bin/sh
# Runs a scheduled task of BrokeForge and keeps what came of it.
#
# usage: run-task NAME
#
# FOLDER/NAME/settings   "USER TIMEOUT OVERLAP": a login, seconds (0 is no limit), yes or no
# FOLDER/NAME/command    the script
# FOLDER/NAME/lock       is held while it runs, where it may not overlap
# FOLDER/NAME/runs/N-P   what came of the run that began at N seconds since 1970
#                        as process P: lines of "KEY VALUE", an empty line, the
#                        end of what it printed
#
# KEY is state (running, done, failed, timeout, skipped), started, ended (seconds
# since 1970), status, user, process ("PID STARTTIME"), skipped (how often, of
# skips that follow each other), cut (how much was printed before the end).
set -u
umask 077
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root USER=root LOGNAME=root SHELL=/bin/sh LANG=C.UTF-8 LC_ALL=C.UTF-8
export PATH HOME USER LOGNAME SHELL LANG LC_ALL
keep=50     # runs
room=16384  # bytes of what a run printed
block=65536 # bytes that are read at once

case ${1:-} in
'' | *[!a-z0-9-]*) echo "usage: run-task NAME" >&2 && exit 2 ;;
esac
task=${0%/*}/$1
if ! read -r user limit overlap <"$task/settings"; then
	echo "there is no task $1" >&2
	exit 2
fi
mkdir -p "$task/runs" || exit 1
begun=$(date +%s)
record=$task/runs/$begun-$$

# stat_of PID prints the fields of a process behind its name, see proc(5).
stat_of() {
	read -r line <"/proc/$1/stat" && echo "${line##*) }"
} 2>/dev/null

# records lists the records, oldest first.
records() {
	for file in "$task"/runs/*-*; do
		case ${file##*/} in
		*[!0-9-]*) ;;
		*) echo "${file##*/}" ;;
		esac
	done
}

# write_record STATE STATUS writes what is known, and what $1.text holds.
write_record() {
	{
		echo "state $1"
		echo "started $begun"
		echo "user $user"
		[ "$1" = running ] || echo "ended $(date +%s)"
		[ -z "${2:-}" ] || echo "status $2"
		[ "$1" != running ] || echo "process $$ $(stat_of $$ | cut -d' ' -f20)"
		[ "${skips:-0}" = 0 ] || echo "skipped $skips"
		[ "${printed:-0}" -le "$room" ] || echo "cut $((printed - room))"
		echo
		[ ! -e "$record.text" ] || cat "$record.text"
	} >"$record.part" && mv "$record.part" "$record"
}

# skip notes that the run before still goes on. Skips that follow each other are
# one record, so that they don't drive the others out.
skip() {
	skips=1
	before=$(records | tail -n 1)
	if [ -n "$before" ] && grep -qx 'state skipped' "$task/runs/$before"; then
		skips=$(($(sed -n 's/^skipped //p' "$task/runs/$before") + 1))
		begun=$(sed -n 's/^started //p' "$task/runs/$before")
		record=$task/runs/$before
	fi
	write_record skipped
	exit 0
}

# collect keeps the last of what the task prints. It reads all, also where none
# of it can be kept.
collect() {
	printed=0
	exec 3<"$record.pipe"
	# By wait, as a signal would else wait for the reader.
	trap 'kill "$reader"; exit 143' TERM
	while :; do
		dd bs="$block" count=1 of="$record.read" <&3 &
		reader=$!
		if ! wait "$reader" || [ ! -s "$record.read" ]; then
			break
		fi
		printed=$((printed + $(stat -c %s "$record.read")))
		echo "$printed" >"$record.count"
		cat "$record.read" >>"$record.new"
		[ "$(stat -c %s "$record.new")" -lt "$room" ] || mv "$record.new" "$record.old"
	done
	cat <&3 &
	reader=$!
	wait "$reader"
}

# sweep ends what a late task has left in its session.
sweep() {
	for process in /proc/[0-9]*; do
		# shellcheck disable=SC2046
		set -- "${process#/proc/}" $(stat_of "${process#/proc/}")
		[ "${5:-}" != "$task_pid" ] || kill -KILL "$1"
	done
} 2>/dev/null

if [ "$overlap" = no ]; then
	exec 9>>"$task/lock"
	flock -n 9 || skip
fi
trap 'rm -f "$record.text" "$record.part" "$record.pipe" "$record.new" "$record.old" "$record.read" "$record.count"' EXIT
trap 'exit 143' TERM INT HUP
write_record running
mkfifo "$record.pipe" || exit 1
collect >/dev/null 2>&1 9>&- &
collector=$!

set -- /bin/sh /dev/fd/7
if [ "$user" != root ]; then
	entry=$(getent passwd "$user") && entry=${entry%:*} && HOME=${entry##*:}
	USER=$user LOGNAME=$user
	set -- runuser -u "$user" -- "$@"
fi
umask 022
cd "$HOME" 2>/dev/null || cd /
setsid timeout -k 10 "$limit" "$@" 7<"$task/command" </dev/null >"$record.pipe" 2>&1 9>&- &
task_pid=$!
wait "$task_pid"
status=$?
umask 077
state=failed
[ "$status" != 0 ] || state='done'
if [ "$limit" != 0 ] && [ $(($(date +%s) - begun)) -ge "$limit" ] && { [ "$status" = 124 ] || [ "$status" = 137 ]; }; then
	state=timeout
	sweep
fi
# What the task left running may hold the pipe for ever.
left=20
while kill -0 "$collector" 2>/dev/null && [ "$left" -gt 0 ]; do
	left=$((left - 1))
	sleep 0.1
done
kill "$collector" 2>/dev/null
wait "$collector"
printed=0
[ ! -e "$record.count" ] || read -r printed <"$record.count"
cat "$record.old" "$record.new" 2>/dev/null | tail -c "$room" >"$record.text"
if ! write_record "$state" "$status"; then
	rm -f "$record.text" "$record.new" "$record.old" "$record.read"
	write_record "$state" "$status"
fi
records | head -n "-$keep" | while read -r old; do
	rm -f "$task/runs/$old"
done
# What a run left that was killed.
for part in "$task"/runs/*.*; do
	process=${part#"$task"/runs/*-}
	[ -e "/proc/${process%%.*}" ] || rm -f "$part"
done
exit "$status"
