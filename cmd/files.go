package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages/job"
)

// filesFlags say whose files are handled, and how.
type filesFlags struct {
	on, root, user string
	force          bool
	yes            bool
}

// fileVerb is what can be done with files.
type fileVerb struct {
	name     string
	args     string
	short    string
	min, max int // arguments; max 0 means any number
	do       func(*filesCall, context.Context, []string) error
}

func fileVerbs() []fileVerb {
	return []fileVerb{
		{"ls", "[PATH]", "list a folder, or tell of a file", 0, 1, (*filesCall).ls},
		{"cat", "PATH", "print a file", 1, 1, (*filesCall).cat},
		{"get", "PATH [LOCAL]", "download a file", 1, 2, (*filesCall).get},
		{"put", "LOCAL [PATH]", "upload a file", 1, 2, (*filesCall).put},
		{"edit", "PATH", "edit a file in $EDITOR on this machine", 1, 1, (*filesCall).edit},
		{"touch", "PATH", "make an empty file", 1, 1, (*filesCall).touch},
		{"mkdir", "PATH", "make a folder", 1, 1, (*filesCall).mkdir},
		{"mv", "PATH PATH", "rename, never onto something", 2, 2, (*filesCall).mv},
		{"chmod", "MODE PATH", "change the mode, such as 640", 2, 2, (*filesCall).chmod},
		{"rm", "PATH...", "delete, a folder with all in it; links are not followed", 1, 0, (*filesCall).rm},
	}
}

// filesCall is one call of brokeforge files.
type filesCall struct {
	*app
	filesFlags
	files   job.Files
	release func() error // of the state folder, before what takes long
}

func (a *app) filesCmd() *cobra.Command {
	var flags filesFlags
	var verbs strings.Builder
	for _, v := range fileVerbs() {
		fmt.Fprintf(&verbs, "  %-6s %-14s %s\n", v.name, v.args, v.short)
	}
	c := &cobra.Command{
		Use:   "files {DOMAIN | --on SERVER --root DIR --user USER} VERB PATH...",
		Short: "Handle the files of a site",
		Long: `Handle the files of a site, over SFTP, as the user that they belong to. Nothing
outside the site's folder is reached: not by "..", and not through links.

` + verbs.String() + `
PATH is within the site's folder. What get and put have begun and could not end goes
on where it was when the same is called again. Nothing that is there is replaced
without --force.

Names are shown with escapes such as \n and \xff for what can't be seen; --json has
both that form and the bytes, in base64.`,
		Example: `  brokeforge files blog.example.org ls wp-content
  brokeforge files blog.example.org edit .env
  brokeforge files --on web1 --root /srv/app --user app get backup.tar.gz`,
		RunE: func(c *cobra.Command, args []string) error { return a.filesOf(c, flags, args) },
	}
	c.Flags().StringVar(&flags.on, "on", "", "`SERVER` by name")
	c.Flags().StringVar(&flags.root, "root", "", "`DIR` on the server in place of a site's")
	c.Flags().StringVar(&flags.user, "user", "", "`USER` that the files there belong to")
	c.Flags().BoolVarP(&flags.force, "force", "f", false, "replace what is there, or has changed meanwhile")
	c.Flags().BoolVarP(&flags.yes, "yes", "y", false, "delete folders without asking")
	return c
}

func (a *app) filesOf(c *cobra.Command, flags filesFlags, args []string) error {
	domain := ""
	if flags.root == "" && flags.user == "" {
		if len(args) == 0 {
			return misuse(c, errors.New("say whose files: the domain of a site, or --on, --root and --user"))
		}
		domain, args = args[0], args[1:]
	} else if flags.on == "" || flags.root == "" || flags.user == "" {
		return misuse(c, errors.New("--on, --root and --user are given together"))
	}
	if len(args) == 0 {
		return misuse(c, errors.New("say what to do: "+verbNames()))
	}
	i := slices.IndexFunc(fileVerbs(), func(v fileVerb) bool { return v.name == args[0] })
	if i < 0 {
		return misuse(c, fmt.Errorf("files can't be handled with %q: it is one of %s", args[0], verbNames()))
	}
	verb, args := fileVerbs()[i], args[1:]
	if len(args) < verb.min || verb.max > 0 && len(args) > verb.max {
		return misuse(c, fmt.Errorf("it is: %s %s", verb.name, verb.args))
	}
	return a.with(c.Context(), func(ctx context.Context, s *Session) error {
		at := job.FilesAt{Root: flags.root, User: flags.user}
		if domain == "" {
			server, err := s.Engine.Find(flags.on)
			if err != nil {
				return notFound(err)
			}
			at.Server = server.ID
		} else {
			var err error
			if at, err = s.Engine.FilesOfSite(domain, flags.on); err != nil {
				return err
			}
		}
		files, err := s.Engine.Files(ctx, at)
		if err != nil {
			return err
		}
		call := &filesCall{a, flags, files, s.Release}
		return errors.Join(verb.do(call, ctx, args), files.Close())
	})
}

func verbNames() string {
	var names []string
	for _, v := range fileVerbs() {
		names = append(names, v.name)
	}
	return strings.Join(names, ", ")
}

// fileView is a file as JSON shows it.
type fileView struct {
	Name    string    `json:"name"`   // with escapes
	Bytes   []byte    `json:"bytes"`  // the name as it is; base64
	Kind    string    `json:"kind"`   // file, folder, link or other
	Size    int64     `json:"size"`   // in bytes
	Mode    string    `json:"mode"`   // octal
	Owner   string    `json:"owner"`  // name or number
	Group   string    `json:"group"`  // name or number
	Target  string    `json:"target"` // of a link that was asked for by name, with escapes
	Changed time.Time `json:"changed"`
}

func viewFile(e job.FileEntry) fileView {
	kind := "other"
	switch {
	case e.Mode.IsRegular():
		kind = "file"
	case e.Mode.IsDir():
		kind = "folder"
	case e.IsLink():
		kind = "link"
	}
	return fileView{job.ShownName(e.Name), []byte(e.Name), kind, e.Size, octal(e.Mode), e.Owner, e.Group, job.ShownName(e.Target), e.Changed.UTC()}
}

func (f *filesCall) ls(ctx context.Context, args []string) error {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	path, _, err := f.files.Follow(ctx, name)
	var e job.FileEntry
	if err == nil {
		e, err = f.files.Stat(ctx, path)
	} else {
		e, err = f.files.Stat(ctx, name) // a link that leads nowhere is told of too
	}
	if err != nil {
		return err
	}
	listing := job.FileListing{Entries: []job.FileEntry{e}}
	if e.Mode.IsDir() {
		if listing, err = f.files.List(ctx, path); err != nil {
			return err
		}
	}
	slices.SortFunc(listing.Entries, func(a, b job.FileEntry) int { return strings.Compare(a.Name, b.Name) })
	if listing.Cut {
		defer f.complain(fmt.Sprintf("there are more: only %d are listed", len(listing.Entries)), "")
	}
	if f.json {
		list := []fileView{}
		for _, e := range listing.Entries {
			list = append(list, viewFile(e))
		}
		return f.printJSON(list)
	}
	t := f.table("MODE", "OWNER", "GROUP", "SIZE", "CHANGED", "NAME")
	for _, e := range listing.Entries {
		name := job.ShownName(e.Name)
		if e.Target != "" {
			name += " -> " + job.ShownName(e.Target)
		}
		t.row(e.Mode.String(), e.Owner, e.Group, strconv.FormatInt(e.Size, 10), e.Changed.Local().Format("2006-01-02 15:04"), name)
	}
	return t.flush()
}

// shownAtMost is how much of a file is printed.
const shownAtMost = job.MaxFileEdit

func (f *filesCall) cat(ctx context.Context, args []string) error {
	head, err := f.files.Head(ctx, args[0], shownAtMost)
	if err != nil {
		return err
	}
	if head.More() {
		return fmt.Errorf("%s has %d bytes: download it with get", job.ShownName(args[0]), head.Size)
	}
	if !isTerminal(f.Stdout) {
		_, err = f.Stdout.Write(head.Data)
		return err
	}
	if head.Binary {
		return fmt.Errorf("%s is no text: download it with get, or print it into a file", job.ShownName(args[0]))
	}
	for line := range bytes.Lines(head.Data) {
		if _, err := fmt.Fprintln(f.Stdout, visible(strings.TrimRight(string(line), "\r\n"))); err != nil {
			return err
		}
	}
	return nil
}

func (f *filesCall) get(ctx context.Context, args []string) (err error) {
	local := ""
	if len(args) > 1 {
		local = args[1]
	}
	if info, err := os.Stat(local); local == "" || err == nil && info.IsDir() {
		name, err := job.LocalName(strings.TrimRight(args[0], "/"))
		if err != nil {
			return err
		}
		local = filepath.Join(local, name)
	}
	dir, err := os.OpenRoot(filepath.Dir(local))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	if err := f.release(); err != nil {
		return err
	}
	tell, end := f.telling()
	defer end()
	return hintForce(f.files.Download(ctx, args[0], dir, filepath.Base(local), f.force, tell))
}

func (f *filesCall) put(ctx context.Context, args []string) (err error) {
	from, err := os.Open(args[0])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	name := filepath.Base(args[0])
	if len(args) > 1 {
		name = args[1]
		if path, e, err := f.files.Follow(ctx, name); err == nil && e.Mode.IsDir() {
			name = path + "/" + filepath.Base(args[0])
		}
	}
	if err := f.release(); err != nil {
		return err
	}
	tell, end := f.telling()
	defer end()
	return hintForce(f.files.Upload(ctx, from, name, f.force, tell))
}

// hintForce says how what is there is replaced.
func hintForce(err error) error {
	var exists *job.FileExists
	if errors.As(err, &exists) {
		return fmt.Errorf("%w; --force replaces it", err)
	}
	return err
}

// telling tells how far a transfer is, where somebody sits there.
func (f *filesCall) telling() (tell job.FileProgress, end func()) {
	if f.json || !isTerminal(f.Stderr) {
		return nil, func() {}
	}
	var last time.Time
	return func(done, total int64) {
			if now := f.Now(); done == total || now.Sub(last) > 200*time.Millisecond {
				last = now
				fmt.Fprintf(f.Stderr, "\r\x1b[K%s of %s  %d%%", bytesOf(done), bytesOf(total), 100*done/max(total, 1))
			}
		}, func() {
			fmt.Fprintln(f.Stderr)
		}
}

func (f *filesCall) touch(ctx context.Context, args []string) error {
	return f.files.Create(ctx, args[0])
}

func (f *filesCall) mkdir(ctx context.Context, args []string) error {
	return f.files.Mkdir(ctx, args[0])
}

func (f *filesCall) mv(ctx context.Context, args []string) error {
	return f.files.Rename(ctx, args[0], args[1])
}

func (f *filesCall) chmod(ctx context.Context, args []string) error {
	mode, err := job.ParseMode(args[0])
	if err != nil {
		return err
	}
	return f.files.Chmod(ctx, args[1], mode)
}

// countedAtMost is how many entries of a folder are counted before it is deleted.
const countedAtMost = 100_000

func (f *filesCall) rm(ctx context.Context, args []string) error {
	for _, name := range args {
		e, err := f.files.Stat(ctx, name)
		if err != nil {
			return err
		}
		if e.Mode.IsDir() && !f.yes {
			n, err := f.files.Count(ctx, name, countedAtMost)
			if err != nil {
				return err
			}
			if err := f.sure(ctx, fmt.Sprintf("Delete the folder %s with %s in it?", job.ShownName(name), count(n, "entry", "entries"))); err != nil {
				return err
			}
		}
		if err := f.files.Delete(ctx, name, nil); err != nil {
			return err
		}
	}
	return nil
}
