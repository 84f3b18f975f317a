package files

import (
	"context"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/pkg/sftp"
)

// disk serves this machine's files as OpenSSH's sftp-server does where it matters
// here: real paths follow links, and a rename replaces nothing. (That of pkg/sftp
// itself makes real paths without looking.) The tests on real hosts have the real one.
type disk struct {
	opened func(name string) // called before a file is opened; may be nil
	closed bool              // no file can be made
	room   int64             // bytes that a file may have, as the disk is full then; 0 for no limit
}

// onDisk opens a folder of this machine.
func onDisk(t *testing.T, d *disk, root string) *Folder {
	t.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	dial := func(context.Context) (io.ReadWriteCloser, error) {
		here, there := net.Pipe()
		server := sftp.NewRequestServer(there, d.handlers())
		mu.Lock()
		conns = append(conns, there)
		mu.Unlock()
		group.Go(func() {
			_ = server.Serve() // it ends with the connection
			_ = server.Close()
		})
		return here, nil
	}
	f, err := Open(t.Context(), dial, root, "test")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = f.Close()
		for _, c := range conns {
			_ = c.Close()
		}
		group.Wait()
	})
	return f
}

func (d *disk) handlers() sftp.Handlers {
	return sftp.Handlers{FileGet: d, FilePut: d, FileCmd: d, FileList: d}
}

func (d *disk) Fileread(r *sftp.Request) (io.ReaderAt, error) {
	if d.opened != nil {
		d.opened(r.Filepath)
	}
	return os.Open(r.Filepath)
}

func (d *disk) Filewrite(r *sftp.Request) (io.WriterAt, error) {
	if d.opened != nil {
		d.opened(r.Filepath)
	}
	flags, how := r.Pflags(), os.O_WRONLY
	if flags.Creat && d.closed {
		return nil, syscall.EACCES
	}
	if flags.Creat {
		how |= os.O_CREATE
	}
	if flags.Excl {
		how |= os.O_EXCL
	}
	f, err := os.OpenFile(r.Filepath, how, 0o600)
	if err != nil || d.room == 0 {
		return f, err
	}
	return bounded{f, d.room}, nil
}

// bounded is a file on a disk that is full from a size on.
type bounded struct {
	*os.File
	room int64
}

func (b bounded) WriteAt(data []byte, at int64) (int, error) {
	if at+int64(len(data)) > b.room {
		return 0, syscall.ENOSPC
	}
	return b.File.WriteAt(data, at)
}

// StatVFS says that the disk is full if there is a limit.
func (d *disk) StatVFS(*sftp.Request) (*sftp.StatVFS, error) {
	free := uint64(0)
	if d.room == 0 {
		free = 1 << 20
	}
	return &sftp.StatVFS{Bsize: 4096, Frsize: 4096, Blocks: 1 << 20, Bfree: free, Bavail: free}, nil
}

func (d *disk) Filecmd(r *sftp.Request) error {
	switch r.Method {
	case "Setstat":
		if flags := r.AttrFlags(); flags.Permissions {
			return os.Chmod(r.Filepath, r.Attributes().FileMode())
		} else if flags.Size {
			return os.Truncate(r.Filepath, int64(r.Attributes().Size))
		}
		return nil
	case "Rename":
		if _, err := os.Lstat(r.Target); err == nil {
			return syscall.EEXIST
		}
		return os.Rename(r.Filepath, r.Target)
	case "Rmdir":
		return syscall.Rmdir(r.Filepath)
	case "Remove":
		return syscall.Unlink(r.Filepath)
	case "Mkdir":
		return os.Mkdir(r.Filepath, 0o700)
	}
	return syscall.ENOSYS
}

// PosixRename replaces what is there.
func (d *disk) PosixRename(r *sftp.Request) error { return os.Rename(r.Filepath, r.Target) }

// infos is a listing.
type infos []fs.FileInfo

func (i infos) ListAt(out []fs.FileInfo, at int64) (int, error) {
	if at >= int64(len(i)) {
		return 0, io.EOF
	}
	n := copy(out, i[at:])
	if n < len(out) {
		return n, io.EOF
	}
	return n, nil
}

func (d *disk) Filelist(r *sftp.Request) (sftp.ListerAt, error) {
	if r.Method == "Stat" {
		info, err := os.Stat(r.Filepath)
		return infos{info}, err
	}
	entries, err := os.ReadDir(r.Filepath)
	var list infos
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			list = append(list, info)
		}
	}
	return list, err
}

func (d *disk) Lstat(r *sftp.Request) (sftp.ListerAt, error) {
	info, err := os.Lstat(r.Filepath)
	return infos{info}, err
}

func (d *disk) Readlink(name string) (string, error) { return os.Readlink(name) }

// RealPath follows links, as that of OpenSSH does; the last name need not be there.
func (d *disk) RealPath(name string) (string, error) {
	real, err := filepath.EvalSymlinks(name)
	if os.IsNotExist(err) {
		dir, err := filepath.EvalSymlinks(filepath.Dir(name))
		return filepath.Join(dir, filepath.Base(name)), err
	}
	return real, err
}
