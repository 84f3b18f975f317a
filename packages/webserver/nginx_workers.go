package webserver

import (
	"fmt"
	"strconv"
	"strings"

	"brokeforge/packages"
)

const (
	workersOption     = "workers"
	connectionsOption = "connections"
)

// workersFile is read in nginx's main context: Debian's nginx.conf includes
// modules-enabled there. worker_processes and events stand in nginx.conf itself
// and may not be there twice, so no file beside it can change them.
const workersFile = "/etc/nginx/modules-enabled/90-brokeforge.conf"

func nginxConf() stockFile {
	return stockFile{path: "/etc/nginx/nginx.conf", deb: "nginx-common", name: "nginx.conf"}
}

func workerOptions() []packages.Option {
	return []packages.Option{
		{
			Name: workersOption, Label: "Workers", Kind: packages.Text,
			Help: "how many processes serve: a number, or auto for one a core; empty leaves what nginx.conf says", Validate: acceptWorkers,
		},
		{
			Name: connectionsOption, Label: "Connections", Kind: packages.Number, Min: 64, Max: 500000,
			Help: "how many each worker may have at once; empty leaves what nginx.conf says",
		},
	}
}

func acceptWorkers(value string) error {
	if value == "auto" {
		return nil
	}
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || n < 1 || n > 512 || value[0] == '0' {
		return fmt.Errorf("is neither auto nor a number from 1 to 512")
	}
	return nil
}

// workers returns the commands that set how many workers there are and how many
// connections each may have.
func workers(v packages.Values) ([]packages.Command, error) {
	var sed []string
	file := packages.Command(packages.Run{Script: "rm -f " + workersFile, Check: "[ ! -e " + workersFile + " ]"})
	if n := v[workersOption]; n != "" {
		sed = append(sed, fmt.Sprintf("s/^worker_processes [^;]*;/worker_processes %s;/", n))
	}
	if n := v[connectionsOption]; n != "" {
		connections, err := strconv.Atoi(n)
		if err != nil {
			return nil, fmt.Errorf("the number of connections %q is none", n)
		}
		sed = append(sed, fmt.Sprintf(`s/^([[:space:]]*worker_connections) [^;]*;/\1 %d;/`, connections))
		// A connection that is passed on takes two files.
		file = packages.Write{Path: workersFile, Content: fmt.Sprintf(`# Written by BrokeForge, which writes it again when nginx is installed again.
worker_rlimit_nofile %d;
`, 2*connections+512)}
	}
	if len(sed) == 0 {
		return []packages.Command{nginxConf().restore(), file}, nil
	}
	return []packages.Command{nginxConf().set("set the workers in nginx.conf", strings.Join(sed, "\n"), "nginx -t"), file}, nil
}
