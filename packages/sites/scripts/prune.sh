# Takes releases away beyond those that are kept: never the one in use or the one
# before it, and what was never switched to.
current=$(readlink "$site/current")
current=${current##*/}
previous=
[ ! -e "$site/deployments/previous" ] || read -r previous <"$site/deployments/previous"
left=$keep
# The names are those of releases: digits, letters and a hyphen.
# shellcheck disable=SC2012
ls "$site/releases" | sort -r | while read -r one; do
	named "$one" || continue
	if [ -e "$site/deployments/$one.built" ]; then
		left=$((left - 1))
		[ "$left" -lt 0 ] || continue
	fi
	[ "$one" != "$current" ] && [ "$one" != "$previous" ] || continue
	if rm -rf "$site/releases/$one"; then
		rm -f "$site/deployments/$one.built"
		echo "took the release $one away"
	else
		echo "the release $one could not be taken away whole: files in it belong to somebody else"
	fi
done
rm -rf "$site/deployments/bin"
