package packages

// PurgeOption is the name of the option of removing that takes away data and
// settings too, which else stay.
const PurgeOption = "purge"

// Purge returns the option of removing that takes away what is named, which else
// stays.
func Purge(what string) Option {
	return Option{
		Name: PurgeOption, Label: "Delete data too", Kind: YesNo, Default: "no",
		Help: what + ": yes deletes them for good, no leaves them on the server",
	}
}

// ofRemoval is a package whose options are those of removing it.
type ofRemoval struct{ Package }

func (o ofRemoval) Describe() Description {
	d := o.Package.Describe()
	d.Options = d.RemoveOptions
	return d
}

// CompleteRemoval is Complete for the options of removing a package.
func CompleteRemoval(p Package, values Values) (Values, error) {
	return Complete(ofRemoval{p}, values)
}
