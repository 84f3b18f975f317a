# Prints what is known of a run, a line of key and value each. What goes before
# it is look.sh.
#
# usage: sh inspect.sh BASE VOLATILE ID
run=$1/runs/$3 vol=$2/$3
if ! [ -d "$run" ]; then
	echo "state absent"
	exit
fi
look
finish=
for file in "$run/finish" "$vol/finish"; do
	[ -n "$finish" ] || [ ! -s "$file" ] || read -r finish <"$file"
done
if [ -n "$finish" ]; then
	echo "state finished"
	echo "finish $finish"
elif [ "$alive" = yes ]; then
	echo "state running"
else
	echo "state dead"
fi
[ "$boot" != "$ran" ] || echo "boot same"
[ "$pid" = 0 ] || echo "pid $pid"
if [ -s "$run/steps" ]; then
	echo "step $(tail -n 1 "$run/steps")"
fi
