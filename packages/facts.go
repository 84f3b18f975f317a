package packages

import "time"

// Facts is what was read from a server in one execution.
type Facts struct {
	ReadAt   time.Time `json:"read_at"`
	Hostname string    `json:"hostname"`
	OS       OS        `json:"os"`
	Arch     string    `json:"arch"`   // as dpkg names it, such as "amd64"
	Kernel   string    `json:"kernel"` // its release
	BootID   string    `json:"boot_id"`

	CPUs        int           `json:"cpus"`
	MemoryBytes int64         `json:"memory_bytes"`
	DiskBytes   int64         `json:"disk_bytes"` // of the file system of /var
	DiskFree    int64         `json:"disk_free"`  // bytes left there for root
	Uptime      time.Duration `json:"uptime"`
	Addresses   []string      `json:"addresses,omitempty"` // without loopback

	Systemd  bool          `json:"systemd"`   // systemd is the init
	LoginUID int           `json:"login_uid"` // of who logged in; 0 is root
	SSHPorts []int         `json:"ssh_ports"` // the one this connection came in on first, then the others that sshd listens on
	AptAge   time.Duration `json:"apt_age"`   // since apt's lists were read; negative where they never were

	LoginFrom     string `json:"login_from,omitempty"`      // the address that this connection came from; empty where it is not known
	SSHPortBefore int    `json:"ssh_port_before,omitempty"` // where sshd listened before base moved it; 0 where it did not

	// Found is what the probes found, by package; and by the Label of each
	// instance where a probe tells of several.
	Found map[Name]Presence `json:"found,omitempty"`

	// Expiries tells of the certificates that were asked for, in their order. What
	// the server says nothing of may be missing at the end.
	Expiries []Expiry `json:"-"`
}

// Expiry is when a certificate expires.
type Expiry struct {
	At         time.Time // zero where it is not known
	Unreadable string    // why it is not known
}

// OS names an operating system as os-release(5) does.
type OS struct {
	ID       string `json:"id"`       // "debian", "ubuntu"
	Version  string `json:"version"`  // "12", "24.04"
	Codename string `json:"codename"` // "bookworm"
	Pretty   string `json:"pretty"`   // "Debian GNU/Linux 12 (bookworm)"
}

// String names the system as people do: by its pretty name, else by what there is.
func (o OS) String() string {
	switch {
	case o.Pretty != "":
		return o.Pretty
	case o.ID != "":
		return o.ID + " " + o.Version
	}
	return "an unknown system"
}

// Presence is what a probe found of a package.
type Presence struct {
	State   PresenceState `json:"state"`
	Version Version       `json:"version,omitempty"`
	Detail  string        `json:"detail,omitempty"` // what is wrong, with Partial
}

// PresenceState says whether a package is on a server.
type PresenceState string

// The states of presence.
const (
	Absent  PresenceState = "absent"
	Present PresenceState = "present"
	Partial PresenceState = "partial" // there in part, or not working
)
