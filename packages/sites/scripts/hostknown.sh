# Passes where the keys that are kept are of this place and are still confirmed.
name=$host
[ "$port" = 22 ] || name="[$host]:$port"
[ -s "$known_hosts" ] && ssh-keygen -F "$name" -f "$known_hosts" >/dev/null || exit 1
for print in $(ssh-keygen -lf "$known_hosts" | cut -d' ' -f2); do
	case " $trusted " in
	*" $print "*) ;;
	*) exit 1 ;;
	esac
done
