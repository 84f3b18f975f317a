# shellcheck shell=sh
set -u
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH

newline='
'

# fact KEY VALUE prints the first line of a value; an empty one is left out.
fact() {
	[ -z "$2" ] || printf '%s=%s\n' "$1" "${2%%"$newline"*}"
}

# each KEY prints a fact for each line of standard input.
each() {
	while read -r line; do
		[ -z "$line" ] || printf '%s=%s\n' "$1" "$line"
	done
}

# connection prints where this login came from and the port that it came in on:
# as sshd told the login shell, which is one of the parents of this process. sudo
# drops the variable.
connection() {
	pid=$$
	while [ "${pid:-1}" -gt 1 ]; do
		told=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^SSH_CONNECTION=//p')
		if [ -n "$told" ]; then
			fact login_from "${told%% *}"
			fact ssh_port "${told##* }"
			return
		fi
		pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status")
	done
	ss -Htnp state established | sed -n 's/^[^ ]* *[^ ]* *[^ ]*:\([0-9]*\) .*"sshd.*/\1/p' | each ssh_port
}

# probe NAME SCRIPT prints the exit status and the first line of a package's
# probe, and what it says of each instance.
probe() {
	said=$(timeout 10 sh -c "$2")
	fact probe "$1 $? $said"
	printf '%s\n' "$said" | sed -n "1!s/^@/probe=$1@/p"
}

# certificate N FILE DATE prints when the certificate in a file expires, or why that
# is not known.
certificate() {
	if [ -n "$3" ]; then
		fact certificate "$1 $3"
	elif ! command -v openssl >/dev/null; then
		fact certificate "$1 !openssl, which reads it, is not on the server"
	elif [ ! -e "$2" ]; then
		fact certificate "$1 !there is no file $2"
	else
		fact certificate "$1 !what is in $2 is no certificate"
	fi
}

{
	fact hostname "$(uname -n)"
	(
		set +u
		# shellcheck source=/dev/null
		. /etc/os-release
		fact os_id "$ID"
		fact os_version "$VERSION_ID"
		fact os_codename "$VERSION_CODENAME"
		fact os_pretty "$PRETTY_NAME"
	)
	fact arch "$(dpkg --print-architecture || uname -m)"
	fact kernel "$(uname -r)"
	fact boot_id "$(cat /proc/sys/kernel/random/boot_id)"
	fact cpus "$(nproc)"
	fact memory_kib "$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
	fact disk "$(stat -f -c '%S %b %f' /var)"
	fact uptime "$(sed 's/[. ].*//' /proc/uptime)"
	ip -o addr show scope global | sed -n 's/.* inet6* \([^ /]*\).*/\1/p' | each address
	[ ! -d /run/systemd/system ] || fact systemd yes
	fact login_uid "${SUDO_UID:-$(id -u)}"
	connection
	fact ssh_port_before "$(cat /var/lib/brokeforge/ssh-port-before)"
	sshd -T | sed -n 's/^listenaddress .*:\([0-9]*\)$/\1/p' | each ssh_port
	# The lists bear the mirror's times, so it is their change that counts.
	read_at=$({
		stat -c %Z /var/lib/apt/lists/*Release
		stat -c %Y /var/lib/brokeforge/apt-updated /var/lib/apt/periodic/update-stamp /var/lib/apt/periodic/update-success-stamp
	} | sort -n | tail -n 1)
	[ -z "$read_at" ] || fact apt_age $(($(date +%s) - read_at))
} 2>/dev/null </dev/null
