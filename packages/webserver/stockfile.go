package webserver

import (
	"fmt"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// A stockFile is a configuration file of a Debian package in which settings are
// changed where they stand, as no file beside it can change them. That is done
// only as long as nobody else has changed the file, and can be undone.
type stockFile struct {
	path string
	deb  string // the Debian package that has it as a conffile, see deb-conffiles(5)
	name string // what its kept versions are called
}

// kept is where Debian's own version is kept while ours is in its place; behind
// it with ".set" is ours, to see whether somebody else has changed it since.
func (f stockFile) kept() string { return apt.Folder + "/" + f.name }

// set returns the command that makes the file what sed(1) makes of Debian's own
// version by its extended regular expressions, and takes that back where a test
// fails afterwards. The expressions must find the settings whatever they say.
func (f stockFile) set(title, sed, test string) packages.Run {
	return packages.Run{
		Title: title,
		Script: fmt.Sprintf(`file=%[1]s kept=%[2]s
was=$(dpkg-query -W -f '${Conffiles}\n' %[3]s | sed -n "s|^ $file \([0-9a-f]*\).*|\1|p")
if [ -e $kept ]; then
	cmp -s $kept.set $file || cmp -s $kept $file || cmp -s $kept.before $file
else
	[ "$(md5sum <$file | cut -d' ' -f1)" = "$was" ]
fi || { echo "somebody has changed $file: it is left alone. Make this change there by hand, or choose the former value" >&2 && exit 1; }
[ -e $kept ] || { cp -p $file $kept.new && mv $kept.new $kept; } || exit 1
new=''
trap 'rm -f "$new"' EXIT
new=$(mktemp $file.XXXXXX) && cp -p $file $kept.before || exit 1
sed -E %[4]s $kept >"$new" && chmod 0644 "$new" && cp "$new" $kept.set && mv -f "$new" $file || exit 1
if ! { %[5]s; }; then
	mv -f $kept.before $file
	cp $file $kept.set
	echo "$file is as it was before" >&2
	exit 1
fi
rm -f $kept.before
! cmp -s $kept $file || rm -f $kept $kept.set`, f.path, f.kept(), f.deb, shellescape.Quote(sed), test),
		// A file that somebody else has changed is also fine as it is where it
		// says what is wanted.
		Check: fmt.Sprintf(`file=%[1]s kept=%[2]s
[ -e $kept ] && base=$kept || base=$file
sed -E %[3]s $base | cmp -s - $file ||
{ [ $base = $kept ] && ! cmp -s $kept.set $file && sed -E %[3]s $file | cmp -s - $file; }`, f.path, f.kept(), shellescape.Quote(sed)),
	}
}

// restore returns the command that puts Debian's own version back, unless
// somebody else has changed the file since.
func (f stockFile) restore() packages.Run {
	return packages.Run{
		Title: "put Debian's " + f.path + " back",
		Script: fmt.Sprintf(`file=%[1]s kept=%[2]s
if cmp -s $kept.set $file; then
	cp -p $kept $file.new && mv -f $file.new $file || exit 1
else
	echo "somebody has changed $file: it stays as it is"
fi
rm -f $kept $kept.set $kept.before`, f.path, f.kept()),
		Check: "[ ! -e " + f.kept() + " ]",
	}
}
