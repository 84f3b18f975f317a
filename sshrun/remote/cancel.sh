# Asks the driver of a run to end. What goes before it is look.sh.
#
# usage: sh cancel.sh BASE VOLATILE ID
run=$1/runs/$3
if ! [ -d "$run" ]; then
	echo absent
	exit
fi
look
if [ -s "$run/finish" ]; then
	echo finished
elif [ "$alive" = yes ] && kill -TERM "$pid"; then
	echo told
else
	echo gone
fi
