# look finds out what became of the driver of the run in $run. It sets
#
#   $up    this server's uptime in seconds     $boot  the id of its boot
#   $ran   the id of the boot of the run       $pid   the driver, 0 for none
#   $alive yes or no
# shellcheck disable=SC2034
look() {
	read -r up _ </proc/uptime
	read -r boot </proc/sys/kernel/random/boot_id
	ran='' pid=0 born='' alive=no
	[ ! -s "$run/boot" ] || read -r ran <"$run/boot"
	[ ! -s "$run/pid" ] || read -r pid born <"$run/pid"
	[ "$boot" = "$ran" ] && read -r stat <"/proc/$pid/stat" || return 0
	# shellcheck disable=SC2086
	set -- ${stat##*) }
	[ "${20}" != "$born" ] || alive=yes
} 2>/dev/null

