# What git and ssh read is only what is said here. They ask nobody.
export GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_TERMINAL_PROMPT=0 GIT_ALLOW_PROTOCOL=ssh:https GIT_OPTIONAL_LOCKS=0
key=/dev/null
[ -z "${SECRETS:-}" ] || key=$SECRETS/key
export GIT_SSH_VARIANT=ssh GIT_SSH_COMMAND="ssh -F /dev/null -i '$key' -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile='$known_hosts' -o GlobalKnownHostsFile=/dev/null -o UpdateHostKeys=no -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=4 -o ForwardAgent=no -o ClearAllForwardings=yes"

# git_said runs git, and says more than git where the git server refused.
git_said() {
	said=$(git "$@" 2>&1) && return
	printf '%s\n' "$said" >&2
	case $said in
	*'Permission denied'* | *'access denied'* | *'Access denied'* | *'Repository not found'*)
		echo "the git server does not let this key read the repository: allow it there as a deploy key that may only read, and try again" >&2
		[ ! -s "$public_key" ] || cat "$public_key" >&2
		;;
	*'Connection closed by'* | *'Connection reset by'*)
		echo "the git server $host ends the connection: it may bar this server for a while after tries that failed" >&2
		;;
	*'Host key verification failed'* | *'HOST IDENTIFICATION HAS CHANGED'*)
		echo "the git server $host does not show the host key that was confirmed: when it has a new one, install git-repository again with host-key=" >&2
		;;
	*) echo "git can't read the repository $url: see above" >&2 ;;
	esac
	return 1
}
