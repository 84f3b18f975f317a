# Makes the folder of the release. On any failure the folder goes again.
name=$(known release)
commit=$(known commit)
named "$name" || exit 1
release=$site/releases/$name
umask 022
trap undo_release EXIT

# No objects are copied, and no hooks or templates come along.
env GIT_ALLOW_PROTOCOL=file git clone --quiet --shared --no-checkout --template= "$site/repo.git" "$release" &&
	git -C "$release" -c core.hooksPath=/dev/null -c advice.detachedHead=false checkout --quiet --detach "$commit" || exit 1
if [ "$submodules" = yes ]; then
	about="the submodules of $url"
	git -C "$release" remote set-url origin "$url" &&
		git_said -C "$release" -c core.hooksPath=/dev/null submodule --quiet update --init --recursive || exit 1
elif [ -f "$release/.gitmodules" ]; then
	echo "the repository has submodules, which are left away: install git-repository with submodules=yes to have them"
fi
large=$(git -C "$release" ls-files ':(attr:filter=lfs)' | head -n 3)
if [ -n "$large" ]; then
	if [ "$lfs" != yes ]; then
		echo "the repository keeps files with Git LFS, such as $(printf %s "$large" | head -n 1), and nothing was deployed without them: install git-repository with lfs=yes to have them" >&2
		exit 1
	fi
	about="the files that $url keeps with Git LFS"
	git -C "$release" remote set-url origin "$url" && git -C "$release" lfs install --local --skip-smudge >/dev/null &&
		git_said -C "$release" lfs pull || exit 1
fi
find "$release" -name .git -prune -exec rm -rf {} + || exit 1

# What a web server would follow out of the release is no part of it.
if ! find "$release" -type l -exec sh -c '
release=$(readlink -f "$1") bad=0
shift
for link; do
	target=$(readlink -m "$link")
	case $target in
	"$release" | "$release"/*) ;;
	*)
		printf "the repository has a link that leads out of it: %s -> %s\n" "${link#"$release"/}" "$(readlink "$link")" >&2
		bad=1
		;;
	esac
done
exit $bad' sh "$release" {} +; then
	echo "nothing was deployed: take such links out of the repository, or name them as shared paths in their place" >&2
	exit 1
fi

