# Runs the operator's script for after the switch, as the user of the site.
name=$(known release)
named "$name" && cd "$site/releases/$name" || exit 1
[ -s "$site/deployments/after" ] || exit 0
set_environment
timeout -k 10 "$limit" "$(shell_of "$site/deployments/after")" "$site/deployments/after" </dev/null && exit 0
echo "the script for after the switch failed with status $?" >&2
exit 1
