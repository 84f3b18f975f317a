# Finds the release to go back to: the one that is wanted, else the newest before the
# one in use, of those that were built to their end and switched to.
current=$(readlink "$site/current")
current=${current##*/}
kept() {
	# The names are those of releases: digits, letters and a hyphen.
	# shellcheck disable=SC2012
	ls "$site/releases" | sort -r | while read -r one; do
		if named "$one" && [ -e "$site/deployments/$one.built" ]; then
			echo "$one"
		fi
	done
}
name=$wanted
[ -n "$name" ] || name=$(kept | awk -v used="$current" '$0 < used' | head -n 1)
if [ -z "$name" ]; then
	echo "there is no release before ${current:-the first} to go back to" >&2
	exit 1
fi
if [ "$name" = "$current" ]; then
	echo "the site uses $name already" >&2
	exit 1
fi
if ! kept | grep -qxF "$name"; then
	echo "the release $name is not kept; there are:" >&2
	kept >&2
	exit 1
fi
{ grep -v '^started=' "$site/deployments/$name.built" && echo "started=$(date +%s)"; } | put "$site/deployments/next" || exit 1
echo "going back from ${current:-nothing} to $name: $(known message)"
