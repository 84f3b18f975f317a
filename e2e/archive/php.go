package archive

import (
	_ "embed"
	"strings"
)

//go:embed fpm.pl
var fpmProgram string

// PHP returns packages that behave as Debian's of a branch of PHP do, as far as something that
// installs them can see: they share the alternatives, have a service that answers FastCGI, and say
// which version they are.
func PHP(branch string, extensions ...string) []Deb {
	number := strings.ReplaceAll(branch, ".", "")
	fill := strings.NewReplacer("BRANCH", branch, "NUMBER", number).Replace
	version := branch + ".99-1"
	fpm := "php" + branch + "-fpm"
	debs := []Deb{
		{
			Name: "php" + branch + "-cli", Version: version,
			Control: []string{"Provides: php-cli"},
			Files: map[string]string{"usr/bin/php" + branch: fill(`#!/bin/sh
echo "PHP BRANCH.99 (cli)"
`)},
			Scripts: map[string]string{
				"postinst": fill("#!/bin/sh\nset -e\nupdate-alternatives --install /usr/bin/php php /usr/bin/phpBRANCH NUMBER\n"),
				"prerm":    fill("#!/bin/sh\nset -e\n[ \"$1\" = upgrade ] || update-alternatives --remove php /usr/bin/phpBRANCH\n"),
			},
		},
		{
			Name: fpm, Version: version,
			Control: []string{"Depends: php-common, php" + branch + "-cli"},
			Files: map[string]string{
				"usr/sbin/php-fpm" + branch: strings.ReplaceAll(fpmProgram, "BRANCH", branch),
				"usr/lib/systemd/system/" + fpm + ".service": fill(`[Unit]
Description=Stands for the PHP BRANCH FastCGI Process Manager
[Service]
Type=forking
ExecStartPre=/bin/mkdir -p /run/php
ExecStart=/usr/sbin/php-fpmBRANCH
ExecStartPost=-/usr/lib/php/php-fpm-socket-helper install /run/php/php-fpm.sock /etc/php/BRANCH/fpm/pool.d/www.conf NUMBER
ExecStopPost=-/usr/lib/php/php-fpm-socket-helper remove /run/php/php-fpm.sock /etc/php/BRANCH/fpm/pool.d/www.conf NUMBER
ExecReload=/bin/kill -USR2 $MAINPID
[Install]
WantedBy=multi-user.target
`),
				"etc/php/" + branch + "/fpm/pool.d/www.conf":        fill("[www]\nlisten = /run/php/phpBRANCH-fpm.sock\n"),
				"etc/php/" + branch + "/fpm/conf.d/10-defaults.ini": "; of the package\n",
			},
			Scripts: map[string]string{
				"conffiles": fill("/etc/php/BRANCH/fpm/pool.d/www.conf\n/etc/php/BRANCH/fpm/conf.d/10-defaults.ini\n"),
				"postinst":  fill("#!/bin/sh\nset -e\nsystemctl daemon-reload\nsystemctl enable phpBRANCH-fpm\nsystemctl restart phpBRANCH-fpm\n"),
				"prerm":     fill("#!/bin/sh\nset -e\n[ \"$1\" = upgrade ] || { systemctl stop phpBRANCH-fpm; systemctl disable phpBRANCH-fpm; }\n"),
				"postrm":    fill("#!/bin/sh\nset -e\n[ \"$1\" != purge ] || rm -rf /etc/php/BRANCH\nsystemctl daemon-reload\n"),
			},
		},
	}
	for _, e := range extensions {
		module := e
		if e == "mysql" {
			module = "mysqli"
		}
		debs = append(debs, Deb{
			Name: "php" + branch + "-" + e, Version: version,
			Files: map[string]string{"usr/share/php" + branch + "-modules/" + module: "\n"},
		})
	}
	return debs
}
