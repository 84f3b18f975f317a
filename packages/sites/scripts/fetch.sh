# Fetches branches and tags, finds the commit, and notes what the release is called.
fetch_all || exit 1
find_commit() {
	for kind in heads tags; do
		git -C "$site/repo.git" rev-parse --quiet --verify "refs/$kind/$ref^{commit}" && return
	done
	[ -n "$hash" ] && git -C "$site/repo.git" rev-parse --quiet --verify "$hash^{commit}"
}
if ! commit=$(find_commit); then
	say_refs "branch, tag or commit"
	exit 1
fi
short=$(printf %.7s "$commit")
name=$(date -u +%Y%m%d%H%M%S)-$short
while [ -e "$site/releases/$name" ]; do
	sleep 1
	name=$(date -u +%Y%m%d%H%M%S)-$short
done
about() {
	git -C "$site/repo.git" log -1 --no-show-signature "--format=$1" "$commit" | head -n 1 | tr -d '[:cntrl:]' | cut -c 1-200
}
printf '%s\n' "release=$name" "commit=$commit" "author=$(about %an)" "message=$(about %s)" "started=$(date +%s)" | put "$site/deployments/next" || exit 1
echo "$ref is $commit: $(known message)"
