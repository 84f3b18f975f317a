package packages

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
)

// SitePlace says where the parts of a site are on its server.
type SitePlace struct {
	User        string // who owns the site and runs its commands
	Folder      string // where its commands run: the code that is live
	Environment string // its .env
	AccessLog   string // of requests
	ErrorLog    string
}

// A SitePlacer is a [SiteMaker] that tells where the parts of its sites are.
type SitePlacer interface {
	Place(SiteContext) SitePlace
}

// PlaceOf tells where the parts of a site are.
func PlaceOf(c Catalog, ctx SiteContext) (SitePlace, bool) {
	for _, name := range c.SiteNames() {
		pkg, _ := c.Site(name)
		if placer, ok := pkg.(SitePlacer); ok {
			return placer.Place(ctx), true
		}
	}
	return SitePlace{}, false
}

// The keys of what is recorded of a package of a site that a history is kept of,
// besides what it was run with.
const (
	StatusKey  = "exit_status" // in decimal; 128 and more is a signal's number plus 128
	SecondsKey = "seconds"     // how long it took, in decimal
)

// CommandOption is the option of the package of commands that holds the command.
const CommandOption = "command"

// CommandName is the package that runs a command on a site.
const CommandName Name = "command"

// ExpiresKey is what a certificate's record holds of when it expires, in the form of
// RFC 3339.
const ExpiresKey = "expires"

// CertificateName is the package of a site's certificate.
const CertificateName Name = "certificate"

// RenewalName is the package that renews a site's certificate, each time it is run.
const RenewalName Name = "certificate-renewal"

// CertificateWarning is how many days before it expires people are warned of a
// certificate.
const CertificateWarning = 14

// A Certifier is a package that brings certificates to sites.
type Certifier interface {
	// CertificateFile is the file on the server with the certificate of the
	// context's site, in PEM, with the values that it was installed with.
	CertificateFile(SiteContext) string
}

// ExpiriesScript returns POSIX sh, to be run by root, that prints a line for each
// certificate: its place in the list and, where it can be read, when it expires. It
// changes nothing.
func ExpiriesScript(files []string) string {
	var b strings.Builder
	for i, file := range files {
		quoted := shellescape.Quote(file)
		fmt.Fprintf(&b, "echo \"%d $(%s)\"\n", i, ExpiryScript(quoted))
	}
	return b.String()
}

// ExpiryScript returns POSIX sh that prints when a certificate, in a file whose path
// is quoted, expires, in the form of RFC 3339.
func ExpiryScript(file string) string {
	return "end=$(openssl x509 -in " + file + " -noout -enddate 2>/dev/null) && date -u -d \"${end#*=}\" +%Y-%m-%dT%H:%M:%SZ"
}

// ParseExpiries reads what the script of ExpiriesScript printed, by place. A
// certificate that can't be read is missing.
func ParseExpiries(out string) map[int]time.Time {
	list := map[int]time.Time{}
	for line := range strings.Lines(out) {
		place, date, _ := strings.Cut(strings.TrimSpace(line), " ")
		i, err := strconv.Atoi(place)
		if err != nil {
			continue
		}
		if at, err := time.Parse(time.RFC3339, date); err == nil {
			list[i] = at
		}
	}
	return list
}
