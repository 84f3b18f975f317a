# Takes those keys that the git server shows and that are confirmed.
new=$(mktemp) && shown=$(mktemp) || exit 1
trap 'rm -f "$new" "$shown"' EXIT
timeout 40 runuser -u nobody -- ssh-keyscan -T 15 -p "$port" -- "$host" 2>/dev/null >"$shown"
if [ ! -s "$shown" ]; then
	echo "the git server $host shows no host key at port $port: is it there, and reached from this server?" >&2
	exit 1
fi
while read -r line; do
	case $line in
	'' | '#'*) continue ;;
	esac
	print=$(printf '%s\n' "$line" | ssh-keygen -lf - | cut -d' ' -f2)
	for one in $trusted; do
		[ "$one" != "$print" ] || printf '%s\n' "$line" >>"$new"
	done
done <"$shown"
if [ ! -s "$new" ]; then
	echo "nobody has confirmed a host key that the git server $host shows. It shows these:" >&2
	ssh-keygen -lf "$shown" | cut -d' ' -f2,4- >&2
	echo "Compare with what the operator of $host publishes, and give the right one: host-key=SHA256:…" >&2
	exit 1
fi
install -d -m 0755 "${known_hosts%/*}" && install -m 0644 "$new" "$known_hosts.new" && mv -f "$known_hosts.new" "$known_hosts"
