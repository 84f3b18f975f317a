# Prints the log of a run from a byte offset on, until the run has ended or
# standard input does. What goes before it is look.sh.
#
# usage: sh follow.sh BASE VOLATILE ID OFFSET
#
# First comes a line "hello UPTIME BOOT RAN", then the log, and when the driver
# is gone a line of what $end holds and a copy of the markers, as the log may lack
# some on a full disk.
run=$1/runs/$3 vol=$2/$3

if ! [ -d "$run" ]; then
	echo "absent"
	exit 0
fi
look
echo "hello $up $boot $ran"
if [ "$alive" = no ]; then
	tail -c "+$(($4 + 1))" "$run/log"
else
	exec 5<&0
	# A polling tail looks once a second unless told otherwise, and on overlay
	# file systems it polls.
	tail -c "+$(($4 + 1))" -f -s 0.05 --pid="$pid" "$run/log" </dev/null 5<&- &
	tail=$!
	# The end of standard input is the end of the connection.
	(
		while read -r _; do :; done
		kill "$tail"
	) <&5 >/dev/null 2>&1 &
	watch=$!
	exec 5<&-
	wait "$tail" 2>/dev/null
	kill "$watch" 2>/dev/null
fi
# shellcheck disable=SC2154
printf '\n%s\n' "$end"
[ ! -e "$vol/status" ] || cat "$vol/status"
