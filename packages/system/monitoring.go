package system

import (
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	"brokeforge/packages"
)

// Monitoring has BrokeForge ask a server again and again how busy it is. Nothing
// is put on the server, and nothing listens there.
type Monitoring struct{}

const (
	intervalOption  = "interval"
	keepOption      = "keep"
	cpuOption       = "cpu"
	memoryOption    = "memory"
	diskOption      = "disk"
	loadOption      = "load"
	inARowOption    = "in-a-row"
	servicesOption  = "services"
	certificateDays = "certificate"
	alertMailOption = "mail"
	webhookOption   = "webhook"
)

// monitoringName is what the package is called.
const monitoringName packages.Name = "monitoring"

// Name returns "monitoring".
func (Monitoring) Name() packages.Name { return monitoringName }

// Type returns the category of the system.
func (Monitoring) Type() packages.Type { return packages.System }

// Credential returns root.
func (Monitoring) Credential() packages.Credential { return packages.Root() }

// Describe tells of monitoring.
func (Monitoring) Describe() packages.Description {
	limit := func(name, label, standard, help string) packages.Option {
		return packages.Option{Name: name, Label: label, Kind: packages.Number, Default: standard, Required: true, Min: 0, Max: 100, Help: help + " in percent; 0 means no alert"}
	}
	return packages.Description{
		Title:    "Monitoring",
		Summary:  "asks over SSH how busy the server is while BrokeForge runs, and raises alerts; nothing is put on it",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: intervalOption, Label: "Interval", Kind: packages.Number, Default: "60", Required: true, Min: 10, Max: 3600,
				Help: "how often the server is asked, in seconds",
			},
			{
				Name: keepOption, Label: "Kept for", Kind: packages.Number, Default: "7", Required: true, Min: 1, Max: 90,
				Help: "how long what was measured is kept, in days",
			},
			limit(cpuOption, "Processor", "90", "alert where the processors are busier,"),
			limit(memoryOption, "Memory", "90", "alert where more memory is in use,"),
			limit(diskOption, "Disk", "90", "alert where a file system is fuller,"),
			{
				Name: loadOption, Label: "Load", Kind: packages.Number, Default: "0", Required: true, Min: 0, Max: 10000,
				Help: "alert where the load of 5 minutes is higher, in percent of the processors; 0 means no alert",
			},
			{
				Name: inARowOption, Label: "In a row", Kind: packages.Number, Default: "3", Required: true, Min: 1, Max: 60,
				Help: "how many times in a row it must be so before an alert is raised",
			},
			{
				Name: servicesOption, Label: "Services", Kind: packages.Text,
				Help: "units that must run, such as nginx, php8.2-fpm; those that failed are told in any case", Validate: acceptUnits,
			},
			{
				Name: certificateDays, Label: "Certificate", Kind: packages.Number, Default: strconv.Itoa(packages.CertificateWarning), Required: true, Min: 0, Max: 365,
				Help: "alert where a site's certificate expires in fewer days, or can't be read; 0 means no alert",
			},
			{
				Name: alertMailOption, Label: "Mail to", Kind: packages.Text,
				Help: "who is told by mail, over the server of the configuration file", Validate: acceptMailbox,
			},
			{
				Name: webhookOption, Label: "Webhook", Kind: packages.Text,
				Help: "a URL to which each alert is posted as JSON", Validate: acceptWebhook,
			},
		},
	}
}

func acceptUnits(value string) error {
	for _, unit := range unitNames(value) {
		if !packages.ValidUnit(unit) {
			return fmt.Errorf("has %q, which can't be the name of a unit", unit)
		}
	}
	return nil
}

// unitNames reads names with commas or spaces between.
func unitNames(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

func acceptMailbox(value string) error {
	a, err := mail.ParseAddress(value)
	if err != nil || a.Address != value {
		return fmt.Errorf("is not an address such as ops@example.org")
	}
	return nil
}

func acceptWebhook(value string) error {
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return fmt.Errorf("is not a URL such as https://example.org/alerts")
	}
	if u.User != nil {
		return fmt.Errorf("holds a password, which would stand in records: use a URL with a token that can be changed")
	}
	return nil
}

// Probe is empty: nothing of it is on the server.
func (Monitoring) Probe() string { return "" }

// Install returns the commands that see that the server can be asked.
func (Monitoring) Install(packages.Context) ([]packages.Command, error) {
	return []packages.Command{
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "refuse if the server does not tell how busy it is",
			Script: `echo "/proc/stat, /proc/loadavg, /proc/meminfo or /proc/net/dev can't be read on this server" >&2
exit 1`,
			Check: "[ -r /proc/stat ] && [ -r /proc/loadavg ] && [ -r /proc/meminfo ] && [ -r /proc/net/dev ]",
		},
		packages.Persist{},
	}, nil
}

// Remove returns the commands that end it. What was measured is deleted with the
// record.
func (Monitoring) Remove(packages.Context) ([]packages.Command, error) {
	return []packages.Command{
		packages.Track{Name: "stop_monitoring", Label: "Stopping monitoring"},
		packages.Forget{},
	}, nil
}

// Watch reads the values that monitoring was installed with. It returns an error
// for values that its options don't accept.
func (m Monitoring) Watch(values packages.Values) (packages.Watch, error) {
	complete, err := packages.Complete(m, values)
	if err != nil {
		return packages.Watch{}, fmt.Errorf("read the settings of monitoring: %w", err)
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(complete[name]) // accepted as a number
		return n
	}
	return packages.Watch{
		Interval: time.Duration(number(intervalOption)) * time.Second,
		Keep:     time.Duration(number(keepOption)) * 24 * time.Hour,
		CPU:      float64(number(cpuOption)), Memory: float64(number(memoryOption)),
		Disk: float64(number(diskOption)), Load: float64(number(loadOption)),
		InARow: number(inARowOption), Units: unitNames(complete[servicesOption]),
		Certificate: number(certificateDays),
		Mail:        complete[alertMailOption], Webhook: complete[webhookOption],
	}, nil
}
