# Starts the driver of an unpacked run, unless it was started before. What
# follows it is follow.sh.
#
# usage: sh start.sh BASE VOLATILE ID UNPACKED
set -u
umask 077
run=$1/runs/$3 vol=$2/$3

# fail gives up before anything of the run was done.
fail() {
	rm -rf "$unpacked"
	[ -d "$run/started" ] || rm -rf "$run" "$vol"
	echo "$1" >&2
	exit 74
}

# begin hands the run to systemd, whose services outlive the connection and
# cannot be started twice, or to a session of its own.
begin() {
	if [ -d /run/systemd/system ] && systemd-run --quiet --collect --no-ask-password \
		--unit="brokeforge-$3" --description="BrokeForge run $3" --service-type=exec \
		-p KillMode=process -p OOMPolicy=continue -p TimeoutStopSec=90 \
		-p StandardInput=null -p StandardOutput=null -p StandardError=null \
		-p ExecStopPost="-/bin/sh $vol/after.sh $1 $2 $3" \
		/usr/bin/env -i /bin/sh "$vol/driver.sh" "$1" "$2" "$3" 2>"$vol/refusal"; then
		return
	fi
	shell=$(readlink "/proc/$$/exe")
	case $shell in *busybox*) shell="$shell sh" ;; esac
	# shellcheck disable=SC2086
	env -i setsid $shell "$vol/driver.sh" "$1" "$2" "$3" >/dev/null 2>&1 &
} </dev/null 8>&-

unpacked=$4
mkdir "$run" 2>/dev/null
{ exec 8>"$run/starting"; } 2>/dev/null || fail "the folder $run cannot be made: is its disk full or read-only?"
flock 8
if [ -d "$run/started" ]; then
	rm -rf "$unpacked"
else
	rm -rf "$vol"
	mv -T "$unpacked" "$vol" || fail "the run cannot be put into $vol"
	read -r boot </proc/sys/kernel/random/boot_id
	# The ballast is room for the record of the end, should the disk be full then.
	{ : >"$run/log" && echo "$boot" >"$run/boot" && printf '%65536s' '' >"$run/ballast"; } 2>/dev/null ||
		fail "$run cannot be written: is its disk full?"
	begin "$1" "$2" "$3"
	tries=0
	until [ -s "$run/pid" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 600 ] || fail "the driver of the run did not start"
		[ "$tries" -lt 100 ] || sleep 0.02
	done
fi
exec 8>&-
set -- "$1" "$2" "$3" 0

