package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"brokeforge/e2e/hosts"
)

// forgeName is what hosts know the forge by.
const forgeName = "forge.example.org"

// forge is a git server by https on this machine, which a host of the lab sees. It
// keeps large files as Git LFS has it.
type forge struct {
	program
	dir  string // of its repositories
	port string
	cert string // the file with its certificate, which it has signed itself
}

// newForge serves to a host, which does not trust it yet.
func newForge(p program, h *hosts.Host) forge {
	p.Helper()
	f := forge{program: p, dir: p.TempDir()}
	var key string
	f.cert, key = service{program: p, h: h}.pair(time.Now().Add(time.Hour), forgeName)
	address := h.Addr().As4()
	address[3] = 1
	listener, err := net.Listen("tcp", net.JoinHostPort(netip.AddrFrom4(address).String(), "0"))
	if err != nil {
		p.Fatal(err)
	}
	if _, f.port, err = net.SplitHostPort(listener.Addr().String()); err != nil {
		p.Fatal(err)
	}
	server := &http.Server{Handler: f.handler(), ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(listener, f.cert, key) }()
	p.Cleanup(func() {
		if err := errors.Join(server.Close(), <-ended); !errors.Is(err, http.ErrServerClosed) {
			p.Error(err)
		}
	})
	on(p, h, "sh", "-c", "echo "+netip.AddrFrom4(address).String()+" "+forgeName+" >>/etc/hosts")
	return f
}

// url is the address of a repository.
func (f forge) url(name string) string {
	return "https://" + net.JoinHostPort(forgeName, f.port) + "/" + name + ".git"
}

// trustedBy has a host trust the forge's certificate.
func (f forge) trustedBy(h *hosts.Host) {
	f.Helper()
	chain, err := os.ReadFile(f.cert)
	if err != nil {
		f.Fatal(err)
	}
	if err := h.WriteFile(f.Context(), "/usr/local/share/ca-certificates/forge.crt", chain); err != nil {
		f.Fatal(err)
	}
	on(f, h, "update-ca-certificates")
}

// git runs a script in a new folder on this machine, where git has no settings of
// people's.
func (f forge) git(script string, args ...string) {
	f.Helper()
	cmd := exec.CommandContext(f.Context(), "sh", append([]string{"-ec", script, "sh"}, args...)...)
	cmd.Dir = f.TempDir()
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "GIT_CONFIG_NOSYSTEM=1"}
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		cmd.Env = append(cmd.Env, "GIT_"+who+"_NAME=Ada", "GIT_"+who+"_EMAIL=ada@example.org")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		f.Fatalf("%v: %v\n%s\n%s", args, err, script, out)
	}
}

func (f forge) path(name string) string { return filepath.Join(f.dir, name+".git") }

// push makes a repository with one commit on main, of what a script leaves in the
// work tree.
func (f forge) push(name, script string) {
	f.Helper()
	f.git("git init -q -b main .\n"+script+"\ngit add -A && git commit -q --allow-empty -m \"$1\" && git clone -q --bare . \"$2\"", name, f.path(name))
}

// pushLarge makes a repository with a page, and a large file of which it holds the
// pointer. The forge has the file unless it is lost.
func (f forge) pushLarge(name, content string, lost bool) {
	f.Helper()
	sum := sha256.Sum256([]byte(content))
	oid := hex.EncodeToString(sum[:])
	if !lost {
		if err := os.WriteFile(filepath.Join(f.dir, oid), []byte(content), 0o600); err != nil {
			f.Fatal(err)
		}
	}
	f.push(name, fmt.Sprintf(`echo %s >index.html
echo '*.bin filter=lfs diff=lfs merge=lfs -text' >.gitattributes
printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%%s\nsize %%s\n' %s %d >film.bin`, name, oid, len(content)))
}

func (f forge) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", &cgi.Handler{
		Path:   "/usr/lib/git-core/git-http-backend",
		Stderr: io.Discard, // the client says the same
		Env:    []string{"GIT_PROJECT_ROOT=" + f.dir, "GIT_HTTP_EXPORT_ALL=1"},
	})
	mux.HandleFunc("GET /private.git/info/refs", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="forge"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	// The API of Git LFS, as far as fetching needs it.
	mux.HandleFunc("POST /{repository}/info/lfs/objects/batch", func(w http.ResponseWriter, r *http.Request) {
		var batch struct {
			Objects []map[string]any `json:"objects"`
		}
		if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		for _, o := range batch.Objects {
			o["actions"] = map[string]any{"download": map[string]any{"href": fmt.Sprintf("https://%s/lfs/%s", r.Host, o["oid"])}}
		}
		w.Header().Set("Content-Type", "application/vnd.git-lfs+json")
		if err := json.NewEncoder(w).Encode(map[string]any{"transfer": "basic", "objects": batch.Objects}); err != nil {
			f.Error(err)
		}
	})
	mux.HandleFunc("GET /lfs/{oid}", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(f.dir, strings.Trim(r.PathValue("oid"), "./")))
	})
	return mux
}
