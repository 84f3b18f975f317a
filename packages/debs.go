package packages

// Debs is what a script does to the Debian packages of its server, so that a
// preview can ask apt what would come of it. The zero value means nothing.
type Debs struct {
	Update  bool     `json:"update,omitempty"`  // reads apt's lists: before that nobody knows what installing does
	Install []string `json:"install,omitempty"` // installs these, without what they only recommend
	Purge   []string `json:"purge,omitempty"`   // removes these with their settings
	Keep    bool     `json:"keep,omitempty"`    // settings and data of what is removed stay
	// Noted is a file on the server with a name a line: those of them that
	// begin with one of the Prefixes are removed with their settings.
	Noted    string   `json:"noted,omitempty"`
	Prefixes []string `json:"prefixes,omitempty"`
	Orphans  bool     `json:"orphans,omitempty"` // also those of them that nothing needs any more
}

// DebsOf returns what the command does to Debian packages.
func DebsOf(cmd Command) Debs {
	if run, ok := cmd.(Run); ok {
		return run.Debs
	}
	return Debs{}
}
