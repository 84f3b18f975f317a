# Runs the operator's script in the release. On any failure the folder goes again.
name=$(known release)
named "$name" || exit 1
release=$site/releases/$name
trap undo_release EXIT
cd "$release" || exit 1
set_environment
run_script "$site/deployments/build"
case $status in
0) exit 0 ;;
124 | 137) echo "the script took longer than $limit seconds and was ended; the site is as it was" >&2 ;;
*) echo "the script failed with status $status; the site is as it was" >&2 ;;
esac
exit 1
