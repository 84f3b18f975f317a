# finish_up runs the script for after the switch, with an environment of its user's.
finish_up() {
	why='the script for after the switch failed'
	home=$(getent passwd "$user" | cut -d: -f6)
	runuser -u "$user" -- env -i "PATH=$PATH" "HOME=$home" "USER=$user" "LOGNAME=$user" LANG=C.UTF-8 sh -c "$after_step"
}
