#!/bin/sh
# Installs the Debian packages that practice hosts and the tests need, those that are missing.
# It says nothing when none is missing.
#
#   need.sh [--must] [PACKAGE...]
#
# PACKAGE... is wanted besides. Where nothing can be installed (not Debian, not root) it says so in
# one line; that is no failure, as what needs the packages will say it needs them, unless --must is given.
set -eu

if [ "${1-}" = --must ]; then
    cannot=1
    shift
else
    cannot=0
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "need.sh: this is not a Debian machine, nothing is installed" >&2
    exit "$cannot"
fi

# The wanted ones become the missing ones, one by one.
set -- debootstrap debian-archive-keyring systemd-container iproute2 nftables mount \
    openssh-client ca-certificates tmux shellcheck busybox gnupg "$@"
for package in "$@"; do
    shift
    status=$(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null) || status=
    [ "$status" = 'install ok installed' ] || set -- "$@" "$package"
done
[ "$#" -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "need.sh: not root, so these are not installed: $*" >&2
    exit "$cannot"
fi

echo "installing $*" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# apt's list locks don't wait as dpkg's do, so somebody else's update is waited for by trying again.
tries=0
until {
    apt-get -q update &&
        DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
            -o DPkg::Lock::Timeout=300 install "$@"
} >"$log" 2>&1 </dev/null
do
    tries=$((tries + 1))
    if [ "$tries" = 60 ] || ! grep -q 'Could not get lock' "$log"; then
        tail -n 20 "$log" >&2
        echo "need.sh: installing failed: $*" >&2
        exit 1
    fi
    sleep 2
done
