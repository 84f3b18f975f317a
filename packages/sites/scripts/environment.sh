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
