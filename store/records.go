package store

import (
	"encoding/json"
	"time"
)

// ID names a record. IDs made by NewID are 26 characters of Crockford's base32
// and sort in the order in which they were made. The zero value names nothing.
type ID string

// PackageName is a product that can be installed, such as "nginx" or "php".
type PackageName string

// PackageType is the category of a package, such as "webserver" or "firewall".
type PackageType string

// PackageVersion is the version of a package as its origin writes it, for
// Debian's packages a version in the form of deb-version(7). The zero value
// means that the package has none.
type PackageVersion string

// ProvisionStatus says how far a server or a site is prepared.
type ProvisionStatus string

// The states of preparation.
const (
	NotPrepared ProvisionStatus = ""          // nothing was installed by BrokeForge yet
	Preparing   ProvisionStatus = "preparing" // its first run is going on
	Prepared    ProvisionStatus = "prepared"  // the base package is installed
	PrepFailed  ProvisionStatus = "failed"    // its first run failed
)

// Connection says what the last try to reach a server gave.
type Connection string

// The states of a connection.
const (
	NeverConnected Connection = ""
	Connecting     Connection = "connecting"
	Connected      Connection = "connected"
	Unreachable    Connection = "unreachable" // no answer, not SSH, or the login was refused
	Refused        Connection = "refused"     // the host key was not the one that is known
)

// PackageStatus is the state of a recorded package.
type PackageStatus string

// The states of a recorded package. A record is made when a package is
// installed and deleted when it is removed, so most are Active.
const (
	Active PackageStatus = "active"
	Failed PackageStatus = "failed"
)

// Server is a machine that BrokeForge manages.
type Server struct {
	ID             ID     `json:"id"`
	Name           string `json:"name"` // unique
	Address        string `json:"address"`
	PrivateAddress string `json:"private_address,omitempty"`
	Port           int    `json:"port"`               // of sshd, 1 to 65535; 0 means what the configuration of ssh says, else the default
	User           string `json:"user"`               // who logs in; empty means as Port 0 does
	KeyFile        string `json:"key_file,omitempty"` // a private key on this machine; empty means as Port 0 does
	// Credential names one of the configuration's, which says what User and KeyFile
	// leave open; empty for none.
	Credential string   `json:"credential,omitempty"`
	Tags       []string `json:"tags,omitempty"`

	HostKeys []HostKey            `json:"host_keys,omitempty"` // the keys that this server may show
	HopKeys  map[string][]HostKey `json:"hop_keys,omitempty"`  // those that jump hosts on the way may show, by host:port

	Status          ProvisionStatus `json:"status,omitempty"`
	Connection      Connection      `json:"connection,omitempty"`
	ConnectionError string          `json:"connection_error,omitempty"` // why the last try failed, for people

	Facts   json.RawMessage `json:"facts,omitempty"` // packages.Facts as last read
	FactsAt time.Time       `json:"facts_at,omitzero"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// HostKey is a public key that a server has shown and somebody has accepted.
type HostKey struct {
	Key      string    `json:"key"` // in the form of a line of authorized_keys: type and base64
	PinnedAt time.Time `json:"pinned_at"`
	PinnedBy string    `json:"pinned_by,omitempty"` // login of who accepted it, or "known_hosts"
}

// Site is one web site on a server.
type Site struct {
	ID           ID              `json:"id"`
	ServerID     ID              `json:"server_id"`
	Domain       string          `json:"domain"` // unique on its server
	DocumentRoot string          `json:"document_root,omitempty"`
	PHPVersion   PackageVersion  `json:"php_version,omitempty"`
	Status       ProvisionStatus `json:"status,omitempty"`
	CreatedAt    time.Time       `json:"created_at"`
	UpdatedAt    time.Time       `json:"updated_at"`
}

// ServerPackage records that a package is installed on a server. Server, name
// and instance together are unique.
type ServerPackage struct {
	ID            ID                `json:"id"`
	ServerID      ID                `json:"server_id"`
	Type          PackageType       `json:"type"`
	Name          PackageName       `json:"name"`
	Version       PackageVersion    `json:"version,omitempty"`
	Instance      string            `json:"instance,omitempty"` // which of several, such as one firewall rule; empty where there is one
	Configuration map[string]string `json:"configuration,omitempty"`
	Status        PackageStatus     `json:"status"`
	RunID         ID                `json:"run_id,omitempty"` // the run that recorded it last
	By            string            `json:"by,omitempty"`     // login of who started that run
	CreatedAt     time.Time         `json:"created_at"`
	UpdatedAt     time.Time         `json:"updated_at"`
}

// SitePackage records that a package is installed on a site, or, for a package
// that leaves a history such as a command, that it was run there.
type SitePackage struct {
	ID            ID                `json:"id"`
	ServerID      ID                `json:"server_id"`
	SiteID        ID                `json:"site_id"`
	Type          PackageType       `json:"type"`
	Name          PackageName       `json:"name"`
	Version       PackageVersion    `json:"version,omitempty"`
	Instance      string            `json:"instance,omitempty"`
	Configuration map[string]string `json:"configuration,omitempty"`
	Status        PackageStatus     `json:"status"`
	RunID         ID                `json:"run_id,omitempty"`
	By            string            `json:"by,omitempty"` // login of who started that run
	InstalledAt   time.Time         `json:"installed_at,omitzero"`
	UninstalledAt time.Time         `json:"uninstalled_at,omitzero"`
	CreatedAt     time.Time         `json:"created_at"`
	UpdatedAt     time.Time         `json:"updated_at"`
}

// Action is what a run does with its packages.
type Action string

// The actions.
const (
	Install Action = "install"
	Remove  Action = "remove"
	Adopt   Action = "adopt" // records what is there already

	// With the services of packages that are installed:
	StartService   Action = "start"
	StopService    Action = "stop"
	RestartService Action = "restart"
	ReloadService  Action = "reload"
	EnableService  Action = "enable"  // from the next boot on
	DisableService Action = "disable" // from the next boot on
)

// EventStatus is the state of a milestone.
type EventStatus string

// The states of a milestone.
const (
	EventPending EventStatus = "pending" // begun, not ended
	EventSuccess EventStatus = "success"
	EventFailed  EventStatus = "failed"
)

// Event records one milestone of a run: it is made when the milestone begins
// and changed once, when it ends. SiteID is empty for a server's package.
type Event struct {
	ID        ID          `json:"id"`
	RunID     ID          `json:"run_id"`
	ServerID  ID          `json:"server_id"`
	SiteID    ID          `json:"site_id,omitempty"`
	Type      PackageType `json:"type"`
	Name      PackageName `json:"name"`
	Action    Action      `json:"action"`
	Milestone string      `json:"milestone"` // its name, such as "install_software"
	Label     string      `json:"label"`     // what people read
	Step      int         `json:"step"`      // its place among the run's milestones, from 1
	Total     int         `json:"total"`     // how many milestones the run has
	Status    EventStatus `json:"status"`
	Unchanged bool        `json:"unchanged,omitempty"` // it succeeded and found everything as it should be
	ErrorLog  string      `json:"error_log,omitempty"`
	BegunAt   time.Time   `json:"begun_at"`
	EndedAt   time.Time   `json:"ended_at,omitzero"`
}

// Progress is the share of the run's milestones that is finished with this
// event, in percent from 0 to 100. A total of 0 gives 0.
func (e Event) Progress() float64 {
	finished := e.Step
	if e.Status != EventSuccess {
		finished--
	}
	if e.Total <= 0 || finished <= 0 {
		return 0
	}
	return min(100, float64(finished)/float64(e.Total)*100)
}

// RunState is the state of a run.
type RunState string

// The states of a run. Queued, Running and Lost are live; the others are final,
// and a run's state never leaves them.
const (
	RunQueued    RunState = "queued"    // recorded, nothing was sent to the server
	RunRunning   RunState = "running"   // sent, or about to be
	RunLost      RunState = "lost"      // contact is lost; it may be going on on the server
	RunDone      RunState = "done"      // every step succeeded
	RunFailed    RunState = "failed"    // a step failed, or it could not be sent
	RunCancelled RunState = "cancelled" // ended by somebody
	RunUnknown   RunState = "unknown"   // the server no longer knows it: what was done is not known
)

// Live reports whether a run in this state may still change.
func (s RunState) Live() bool {
	return s == RunQueued || s == RunRunning || s == RunLost
}

// Run is the carrying out of one plan on one server. It is kept when its
// server is removed.
type Run struct {
	ID         ID              `json:"id"`
	Group      ID              `json:"group,omitempty"` // shared by the runs that were started together
	ServerID   ID              `json:"server_id"`
	ServerName string          `json:"server_name"` // as it was when the run started
	SiteID     ID              `json:"site_id,omitempty"`
	Action     Action          `json:"action"`
	Title      string          `json:"title"`          // what people read, such as "install nginx, php"
	Plan       json.RawMessage `json:"plan,omitempty"` // packages.Plan, exactly as agreed to
	Nonce      string          `json:"nonce"`          // tells the driver's markers from output
	State      RunState        `json:"state"`
	Cursor     Cursor          `json:"cursor"`
	Finished   int             `json:"finished"` // milestones that have ended well
	Total      int             `json:"total"`    // milestones
	Error      *RunError       `json:"error,omitempty"`
	By         string          `json:"by"` // login of who started it
	QueuedAt   time.Time       `json:"queued_at"`
	StartedAt  time.Time       `json:"started_at,omitzero"`
	EndedAt    time.Time       `json:"ended_at,omitzero"`
}

// Cursor says how far a run was followed. It is stored in the same transaction
// as what was learned up to there.
type Cursor struct {
	Sent      bool  `json:"sent,omitempty"`       // the shipment may have reached the server
	Offset    int64 `json:"offset,omitempty"`     // bytes of the log on the server that are taken in
	LogSize   int64 `json:"log_size,omitempty"`   // bytes of the run's local log that belong to them
	NextStep  int   `json:"next_step,omitempty"`  // index of the first step that has not ended
	BeginStep bool  `json:"begin_step,omitempty"` // NextStep has begun
}

// RunError says why a run failed.
type RunError struct {
	Summary string   `json:"summary"`           // one sentence for people
	Advice  string   `json:"advice,omitempty"`  // what can be done
	Command string   `json:"command,omitempty"` // the step that failed, as the preview showed it
	Step    int      `json:"step"`              // its index in the plan; -1 where no step failed
	Status  int      `json:"status,omitempty"`  // its exit status; over 128 a signal's number plus 128
	Output  []string `json:"output,omitempty"`  // its last lines
}

// Error returns the summary.
func (e *RunError) Error() string { return e.Summary }
