# set_environment gives a script of the operator's what it may use, and the site's
# version of PHP as php.
set_environment() {
	RELEASE=$name COMMIT=$(known commit) RELEASE_PATH=$site/releases/$name SHARED_PATH=$site/shared SITE_PATH=$site
	export RELEASE COMMIT RELEASE_PATH SHARED_PATH SITE_PATH
	rm -rf "$site/deployments/bin"
	if [ -n "$php" ] && [ -x "/usr/bin/php$php" ]; then
		mkdir -p "$site/deployments/bin" && ln -s "/usr/bin/php$php" "$site/deployments/bin/php" || exit 1
		PATH=$site/deployments/bin:$PATH
	fi
	unset SECRETS PERCENT
}

# run_script FILE runs a script of the operator's for as long as it may take, and sets
# $status. Where this is ended so is the script, and one that fails leaves no process.
run_script() {
	pid=
	trap '[ -z "$pid" ] || { kill "$pid"; wait "$pid"; }; exit 143' TERM INT HUP
	timeout -k 10 "$limit" "$(shell_of "$1")" "$1" </dev/null &
	pid=$!
	wait "$pid"
	status=$?
	pid=
	[ "$status" != 0 ] || return 0
	for left in /proc/[0-9]*; do
		! grep -qsxzF "RELEASE_PATH=$RELEASE_PATH" "$left/environ" || kill -KILL "${left#/proc/}"
	done 2>/dev/null
}
