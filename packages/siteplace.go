package packages

// SitePlace says where the parts of a site are on its server.
type SitePlace struct {
	User        string // who owns the site and runs its commands
	Own         bool   // the user is of this site alone, and goes with it
	Root        string // the folder that goes with the site
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

// What a certificate's record holds of when it expires.
const (
	ExpiresKey    = "expires"    // in the form of RFC 3339; empty where that could not be read
	UnreadableKey = "unreadable" // why it could not be read; missing where it could
)

// CertificateName is the package of a site's certificate.
const CertificateName Name = "certificate"

// RenewalName is the package that renews a site's certificate, each time it is run.
const RenewalName Name = "certificate-renewal"

// CertificateWarning is how many days before it expires people are warned of a
// certificate, unless monitoring says otherwise.
const CertificateWarning = 14

// A Certifier is a package that brings certificates to sites.
type Certifier interface {
	// CertificateFile is the file on the server with the certificate of the
	// context's site, in PEM, with the values that it was installed with.
	CertificateFile(SiteContext) string
}

// ExpiryScript returns POSIX sh that prints when a certificate, in a file whose path
// is quoted, expires, in the form of RFC 3339.
func ExpiryScript(file string) string {
	return "end=$(openssl x509 -in " + file + " -noout -enddate 2>/dev/null) && date -u -d \"${end#*=}\" +%Y-%m-%dT%H:%M:%SZ"
}
