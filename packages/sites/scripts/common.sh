# shell_of FILE prints the shell that a script is for: bash where its first line says
# so, else sh.
shell_of() {
	first=
	IFS= read -r first <"$1"
	case $first in
	'#!'*bash*) echo bash ;;
	*) echo sh ;;
	esac
}

# known FIELD prints what the fetching step noted of the next release. A name leads
# nowhere else.
known() {
	sed -n "s/^$1=//p" "$site/deployments/next" | head -n 1
}

# put FILE puts what it reads into a file. Unlike the shell itself, cat says why it can't.
put() {
	cat >"$1"
}

# say_if_full says so where the disk is full: not every program tells why it can't write.
say_if_full() {
	left=$(df --output=avail -k "$site" | tail -n 1)
	[ "$left" -ge 1024 ] || echo "No space left on device: of the disk that $site is on $((left)) KiB are free" >&2
}

# named NAME passes for the name of a release.
named() {
	printf '%s\n' "$1" | grep -qx '[0-9]\{14\}-[0-9a-f]\{7\}'
}
