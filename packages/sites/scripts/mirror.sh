# Makes the mirror of the repository, or has the one that is there follow this address.
# Nothing of what is there goes.
umask 022
mirror=$site/repo.git
if [ -e "$mirror" ] && [ "$(git -C "$mirror" config --get brokeforge.mirror 2>/dev/null)" != yes ]; then
	echo "$mirror is there and not made by BrokeForge: move it away first" >&2
	exit 1
fi
if [ ! -e "$mirror" ]; then
	rm -rf "$mirror.new" && git init --quiet --bare --template= "$mirror.new" && git -C "$mirror.new" config brokeforge.mirror yes && mv -T "$mirror.new" "$mirror" || exit 1
fi
git -C "$mirror" config remote.origin.url "$url" &&
	git -C "$mirror" config --replace-all remote.origin.fetch '+refs/heads/*:refs/heads/*' &&
	git -C "$mirror" config --add remote.origin.fetch '+refs/tags/*:refs/tags/*' || exit 1
git_said -C "$mirror" -c core.hooksPath=/dev/null fetch --quiet --prune origin || exit 1
for kind in heads tags; do
	git -C "$mirror" rev-parse --quiet --verify "refs/$kind/$ref^{commit}" && exit 0
done
echo "the repository has no branch or tag $ref; it has, among others:" >&2
git -C "$mirror" for-each-ref --count=20 --sort=-committerdate --format='%(refname:short)' refs/heads refs/tags >&2
exit 1
