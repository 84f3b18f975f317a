package packages

// Credential says as whom a command runs on the server. How that user is
// become is not a package's matter.
type Credential struct {
	Name string `json:"name"` // "root", "user", "worker" or a name of the operator's own
	User string `json:"user"` // the login name on the server
}

// The names of the credentials that every server has.
const (
	rootCredential   = "root"
	userCredential   = "user"
	workerCredential = "worker"
)

// The login names that base gives the app user and the worker user unless
// told otherwise.
const (
	DefaultAppUser    = "brokeforge"
	DefaultWorkerUser = "worker"
)

// AppUserOption is the option of base that names the app user.
const AppUserOption = "app-user"

// Root is the credential of system services.
func Root() Credential { return Credential{Name: rootCredential, User: "root"} }

// User is the credential of the app user, who owns the sites.
func User(login string) Credential { return Credential{Name: userCredential, User: login} }

// Worker is the credential of the worker user, for limited tasks such as
// fetching from a git server.
func Worker(login string) Credential { return Credential{Name: workerCredential, User: login} }
