package packages

// The packages that put code on a site.
const (
	RepositoryName Name = "git-repository" // where it comes from
	DeploymentName Name = "deployment"     // makes a release and has the site use it, each time it is run
	WordPressName  Name = "wordpress"      // puts WordPress on a site
	RollbackName   Name = "rollback"       // has the site use an earlier release, each time it is run
)

// RefOption is the option of a deployment that says which branch, tag or commit it
// deploys; empty means that of the repository.
const RefOption = "ref"

// ReleaseOption is the option of a rollback that names the release to go back to;
// empty means the one before the one in use.
const ReleaseOption = "to"

// What a deployment and a rollback record beside their options, and how many seconds
// they took under SecondsKey.
const (
	ReleaseKey = "release" // its name, such as 20260102150405-3f9c2d1: when it was begun in UTC, and its commit
	CommitKey  = "commit"  // its hash
	AuthorKey  = "author"  // of the commit
	MessageKey = "message" // the first line of the commit's
)

// PublicKeyKey is what the public half of a site's deploy key is recorded under.
const PublicKeyKey = "public-key"

// RollbackWarning says what a rollback does not take back.
const RollbackWarning = "What a deployment did elsewhere stays: migrations of a database, uploaded files and shared paths are as they are now."
