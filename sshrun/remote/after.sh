# Cleans up when the driver of a run was killed: systemd runs it when the service
# of the run is over, however that came.
#
# usage: sh after.sh BASE VOLATILE ID
run=$1/runs/$3 vol=$2/$3
[ ! -s "$run/finish" ] || exit 0
while IFS=: read -r _ tree path; do
	case $tree:$path in
	:*/brokeforge-"$3".service | name=systemd:*/brokeforge-"$3".service)
		while read -r pid; do
			[ "$pid" = $$ ] || kill -KILL "$pid"
		done <"/sys/fs/cgroup/${tree#name=}$path/cgroup.procs"
		;;
	esac
done </proc/self/cgroup
# A change that waits for its proof has nobody any more who would undo it.
for proving in "$run"/proving-*; do
	step=${proving##*-}
	[ ! -e "$proving" ] || ! mkdir "$run/proof-$step" || sh "$vol/$step.undo"
done
rm -rf "$2-steps/$3" "$vol"/*.secrets "$vol"/*.file
