package apt

import "fmt"

// PortFree returns a check that nothing but a program listens on a TCP port.
func PortFree(port, program string) string {
	return fmt.Sprintf(`! ss -Hltnp 'sport = :%s' | grep -qv '"%s"'`, port, program)
}

// PortTaken returns a script that says who else than a program listens on a TCP
// port, and fails.
func PortTaken(port, program string) string {
	return fmt.Sprintf(`who=$(ss -Hltnp 'sport = :%[1]s' | grep -v '"%[2]s"' | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | sed -n 1p)
echo "port %[1]s is taken by ${who:-another program}: choose another port, or stop and disable that first; nothing was changed" >&2
exit 1`, port, program)
}
