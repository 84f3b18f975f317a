# Runs the operator's script in the release. On any failure the folder goes again.
name=$(known release)
named "$name" || exit 1
release=$site/releases/$name
pid=
trap '[ -z "$pid" ] || { kill "$pid"; wait "$pid"; }; exit 143' TERM INT HUP
undo() {
	ended=$?
	[ "$ended" = 0 ] || rm -rf "$release"
	exit "$ended"
}
trap undo EXIT
cd "$release" || exit 1
set_environment
timeout -k 10 "$limit" "$(shell_of "$site/deployments/build")" "$site/deployments/build" </dev/null &
pid=$!
wait "$pid"
status=$?
pid=
case $status in
0) ;;
124 | 137) echo "the script took longer than $limit seconds and was ended; the site is as it was" >&2 ;;
*) echo "the script failed with status $status; the site is as it was" >&2 ;;
esac
[ "$status" = 0 ] && cp "$site/deployments/next" "$site/deployments/$name.built" && exit 0
exit 1
