# shellcheck shell=sh
# Prints how busy a server is, as lines of a key and a value. What comes behind it
# asks for units. It changes nothing, and counters are printed as they are: the
# difference of two samples is made where they are kept.
set -u
LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
{
	# The first line of proc_stat(5): user nice system idle iowait irq softirq steal.
	sed -n 's/^cpu  */cpu=/p' /proc/stat
	sed 's/^/load=/' /proc/loadavg
	sed -n 's/^\(MemTotal\|MemAvailable\|SwapTotal\|SwapFree\): *\([0-9]*\) kB$/\1=\2/p' /proc/meminfo
	sed -n 's/^ *\([^: ]*\): *\(.*\)$/net=\1 \2/p' /proc/net/dev
	sed 's/^/uptime=/' /proc/uptime
	printf 'boot_id=%s\n' "$(cat /proc/sys/kernel/random/boot_id)"
	printf 'cpus=%s\n' "$(nproc)"
	df -P -k -l -x tmpfs -x devtmpfs -x squashfs -x efivarfs | sed 1d | sed 's/^/disk=/'
	df -P -i -l -x tmpfs -x devtmpfs -x squashfs -x efivarfs | sed 1d | sed 's/^/inodes=/'
	systemctl list-units --state=failed --plain --no-legend --no-pager | sed 's/^\([^ ]*\).*/failed=\1/'
} 2>/dev/null </dev/null
