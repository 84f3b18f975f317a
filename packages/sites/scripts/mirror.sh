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
git -C "$mirror" config --replace-all remote.origin.fetch '+refs/heads/*:refs/heads/*' &&
	git -C "$mirror" config --add remote.origin.fetch '+refs/tags/*:refs/tags/*' || exit 1
fetch_all || exit 1
for kind in heads tags; do
	git -C "$mirror" rev-parse --quiet --verify "refs/$kind/$ref^{commit}" && exit 0
done
say_refs "branch or tag"
exit 1
