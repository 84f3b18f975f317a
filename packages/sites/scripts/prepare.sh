# Puts the operator's scripts where the next steps find them, and refuses what has no
# releases. Sets nothing up that a failed deployment would have to take away.
umask 022
if [ -e "$site/current" ] && [ ! -L "$site/current" ]; then
	echo "$site/current is there and is no link to a release: move it away first" >&2
	exit 1
fi
mkdir -p "$site/releases" "$site/shared" "$site/deployments" && chmod 0700 "$site/deployments" || exit 1
rm -f "$site/deployments/next"
for which in build after; do
	text=$build
	[ "$which" = build ] || text=$after
	printf '%s' "$text" | put "$site/deployments/$which" || exit 1
	if ! "$(shell_of "$site/deployments/$which")" -n "$site/deployments/$which"; then
		echo "the shell can't read the script, see above: nothing was deployed" >&2
		exit 1
	fi
done
