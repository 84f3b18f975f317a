# Prints what is kept of the runs of a scheduled task, newest first: for each a
# line "run ID", the lines of its record (see task.sh of package system), and what
# it printed in base64. A run whose process is gone without a word is broken.
#
# Before it goes: task, the task's folder, and most, how many runs.
# shellcheck disable=SC2154
if [ ! -e "$task/settings" ]; then
	echo none
	exit 0
fi
for file in "$task"/runs/*-*; do
	case ${file##*/} in
	*[!0-9-]*) ;;
	*) echo "${file##*/}" ;;
	esac
done | sort -rn -t- -k1,1 -k2,2 | head -n "$most" | while read -r id; do
	head=$(sed '/^$/q' "$task/runs/$id" 2>/dev/null) || continue
	echo "run $id"
	echo "$head"
	process=$(echo "$head" | sed -n 's/^process //p')
	if [ -n "$process" ]; then
		stat=
		read -r stat <"/proc/${process% *}/stat"
		# shellcheck disable=SC2086
		set -- ${stat##*) }
		[ "${20:-}" = "${process#* }" ] || echo "state broken"
	fi
	echo "output $(sed '1,/^$/d' "$task/runs/$id" 2>/dev/null | base64 -w 0)"
done 2>/dev/null
echo end
