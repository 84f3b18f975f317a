# Tells a run that its change has locked nobody out.
#
# usage: sh prove.sh BASE VOLATILE ID STEP
#
# Making the folder decides between this and the driver's giving up.
run=$1/runs/$3
if ! [ -d "$run" ]; then
	echo absent
elif ! [ -e "$run/proving-$4" ]; then
	echo idle
elif mkdir "$run/proof-$4" 2>/dev/null; then
	: >"$run/proof-$4/login"
	echo proved
elif [ -e "$run/proof-$4/login" ]; then
	echo proved
else
	echo late
fi
