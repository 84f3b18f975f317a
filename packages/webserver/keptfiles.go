package webserver

import (
	"fmt"
	"strings"

	"brokeforge/packages"
)

// absent returns a check that none of the files is there, also not as a link
// that leads nowhere.
func absent(files ...string) string {
	checks := make([]string, len(files))
	for i, f := range files {
		checks[i] = fmt.Sprintf("[ ! -e %[1]s ] && [ ! -L %[1]s ]", f)
	}
	return strings.Join(checks, " &&\n")
}

// keptFiles is where files of the operator are while the packages of a web
// server are purged, and where they belong.
type keptFiles struct{ kept, etc, log string }

// putBack returns the command that brings the files that were taken aside back
// to their place, also after a removal that was ended in the middle.
func (k keptFiles) putBack() packages.Run {
	return packages.Run{
		Title: "put the operator's settings and the logs back",
		Script: fmt.Sprintf(`kept=%[1]s
if [ -n "$(ls -A $kept/etc 2>/dev/null)" ]; then
	mkdir -p %[2]s &&
	cp -a $kept/etc/. %[2]s/ || exit 1
	echo "these files stay:" && (cd $kept/etc && find . -mindepth 1 ! -type d | sed 's|^\.|%[2]s|')
fi
if [ -n "$(ls -A $kept/log 2>/dev/null)" ]; then
	mkdir -p %[3]s &&
	cp -an $kept/log/. %[3]s/ || exit 1
	echo "the logs stay in %[3]s"
fi
rm -rf $kept`, k.kept, k.etc, k.log),
		Check: "[ ! -e " + k.kept + " ]",
	}
}
