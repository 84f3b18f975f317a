# Runs the operator's script for after the switch, as the user of the site.
name=$(known release)
named "$name" && cd "$site/releases/$name" || exit 1
[ -s "$site/deployments/after" ] || exit 0
set_environment
run_script "$site/deployments/after"
[ "$status" != 0 ] || exit 0
echo "the script for after the switch failed with status $status" >&2
exit 1
