# How the output of steps and the markers get into the log, for driver.sh, which
# goes behind it and tells of the files and variables.

# append writes a line behind an empty line's end straight to the log, past the
# pump.
append() {
	{ printf '\n%s\n' "$1" >>"$run/log"; } 2>/dev/null && return
	rm -f "$run/ballast"
	{ printf '\n%s\n' "$1" >>"$run/log"; } 2>/dev/null
}

# mark KIND STEP FIELD [TEXT] writes a marker: through the pump, so that it
# stands behind the output before it, or past it where the log has no room for
# output any more.
mark() {
	read -r up _ </proc/uptime
	sequence=$((sequence + 1))
	marker="$nonce $sequence $1 $2 $3 $up${4:+ $4}"
	printf '%s\n' "$marker" >>"$vol/status"
	if [ ! -e "$vol/full" ] && [ -n "$pumping" ]; then
		printf '\n%s\n' "$marker" >&3
	elif [ -n "$pumping" ]; then
		stop_pump
		pour
	else
		append "$marker"
	fi
}

# pump N brings what steps print to the log. A log at its limit or on a full disk
# costs a step its output but for the last of it, never its life.
pump() {
	# By exec, as some shells keep a copy of what is redirected otherwise, and a
	# copy of the lock would hold it.
	exec 8<&- 9>&- <"$vol/pipe$1" >/dev/null 2>&1
	trap '' TERM
	if [ ! -e "$vol/full" ]; then
		if (
			# shellcheck disable=SC3045
			ulimit -c 0
			ulimit -f "$((loglimit / 512))"
			exec cat >>"$run/log"
		); then
			: >"$vol/drained$1"
			return
		fi
		: >"$vol/full"
	fi
	tail -c 65536 >"$vol/tail$1"
	: >"$vol/drained$1"
}

start_pump() {
	[ -z "$pumping" ] || return 0
	pumps=$((pumps + 1))
	mkfifo "$vol/pipe$pumps"
	pump "$pumps" &
	exec 3>"$vol/pipe$pumps"
	pumping=1
}

# stop_pump waits until the output has arrived, yet not for a process that a
# step left behind and that holds the pipe.
stop_pump() {
	exec 3>&-
	pumping=
	tries=0
	until [ -e "$vol/drained$pumps" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 250 ] || return 0
		[ "$tries" -lt 200 ] || sleep 0.02
	done
}

# pour puts the last output of a step into a full log, and then all the markers,
# of which the pump may have lost some. A reader knows them by their sequence.
pour() {
	append '[the log of this run is full: only the last output of a step is kept]'
	if [ -s "$vol/tail$pumps" ]; then
		cat "$vol/tail$pumps" >>"$run/log"
		rm -f "$vol/tail$pumps"
	fi
	replay
} 2>/dev/null

replay() {
	while read -r marker; do
		append "$marker"
	done <"$vol/status"
}

# rest gives the next step a pump of its own when the log is full.
rest() {
	if [ -n "$pumping" ] && [ -e "$vol/full" ]; then
		stop_pump
		pour
	fi
}

