# What git and ssh read is only what is said here. They ask nobody.
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=ssh:https GIT_OPTIONAL_LOCKS=0
export GIT_HTTP_LOW_SPEED_LIMIT=100 GIT_HTTP_LOW_SPEED_TIME=120
key=/dev/null
[ -z "${SECRETS:-}" ] || key=$SECRETS/key
export GIT_SSH_VARIANT=ssh GIT_SSH_COMMAND="ssh -F /dev/null -i '$key' -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile='$known_hosts' -o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o ForwardAgent=no -o ClearAllForwardings=yes"

# git_said runs git, tells how far it is, and says more than git where it failed. $about
# is what git is to read.
about="the repository $url"
git_said() {
	exec 4>&1
	said=$({
		git "$@" 2>&1 4>&-
		echo "status $?"
	} | stdbuf -oL tr '\r' '\n' | pass_on) && return
	printf '%s\n' "$said" >&2
	case $said in
	*'No space left on device'* | *'Out of diskspace'*) say_if_full ;;
	*"' does not appear to be a git repository"* | *'fatal: repository '*' not found'*)
		echo "the git server has no such repository, or not for this key: $about" >&2
		;;
	*'Permission denied ('* | *'access denied'* | *'Access denied'* | *'Repository not found'* | *"could not be found or you don't have permission"*)
		echo "the git server does not let this key read the repository: allow it there as a deploy key that may only read, and try again" >&2
		[ ! -s "$public_key" ] || cat "$public_key" >&2
		;;
	*'could not read Username'* | *'Authentication failed'*)
		echo "the git server wants a password for $about: give an address of ssh, with a deploy key" >&2
		;;
	*'Connection closed by'* | *'Connection reset by'*)
		echo "the git server $host ends the connection: it may bar this server for a while after tries that failed" >&2
		;;
	*'Host key verification failed'* | *'HOST IDENTIFICATION HAS CHANGED'*)
		echo "the git server $host does not show the host key that was confirmed: when it has a new one, install git-repository again with host-key=" >&2
		;;
	*'certificate verification failed'* | *'certificate problem'*)
		echo "this server does not trust the certificate of the git server for $about: see that it is valid, and its issuer known in /usr/local/share/ca-certificates" >&2
		;;
	*"fatal: transport '"*"' not allowed"*)
		echo "an address that is neither of ssh nor of https is not read: $about" >&2
		;;
	*) printf "git can't read %s: %s\n" "$about" "$(printf '%s\n' "$said" | sed -n 's/^\(fatal\|error\): //p' | head -n 1)" >&2 ;;
	esac
	return 1
}

# pass_on passes on what git says, tells how far it is in steps of ten percent past
# that, and ends with the status of git, which comes last.
pass_on() {
	told='' ended=1
	while IFS= read -r line; do
		case $line in
		'status '*) ended=${line#status } ;;
		'Receiving objects: '* | 'Resolving deltas: '* | 'remote: Compressing objects: '*/[0-9][0-9][0-9]*)
			step=${line%%\%*}
			step=${step%?}
			[ "$step" = "$told" ] || printf '%s\n' "$line" >&4
			told=$step
			;;
		*': '*'% ('*) ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
	return "$ended"
}

# tidy takes away what a git that was ended has left in the mirror. No other works there,
# as the runs on a server go one after the other.
tidy() {
	find "$site/repo.git/objects" -type f -name 'tmp_*' -exec rm -f {} +
	find "$site/repo.git" -type f -name '*.lock' -exec rm -f {} +
}

# fetch_all has the mirror follow the repository, whatever it followed before.
fetch_all() {
	tidy
	git -C "$site/repo.git" config remote.origin.url "$url" || return 1
	trap tidy EXIT
	git_said -C "$site/repo.git" -c core.hooksPath=/dev/null -c gc.autoDetach=false -c maintenance.autoDetach=false fetch --progress --prune origin
}

# say_refs KINDS says that the repository has none of that name.
say_refs() {
	refs=$(git -C "$site/repo.git" for-each-ref --count=20 --sort=-committerdate --format='%(refname:short)' refs/heads refs/tags)
	if [ -z "$refs" ]; then
		echo "the repository is empty: push a branch to it first" >&2
		return
	fi
	echo "the repository has no $1 $ref; it has, among others:" >&2
	printf '%s\n' "$refs" >&2
}
