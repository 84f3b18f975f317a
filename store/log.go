package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxLog is how many bytes of output the log of a run keeps. What comes after is
// dropped, and a last line says so.
const MaxLog = 16 << 20

const (
	droppedLine = "[brokeforge: the output went on, but no more of it is kept here]\n"

	// maxTail bounds how far back LogTail looks.
	maxTail = 1 << 20
)

// Log is the output of a run, open for writing. One goroutine at a time may use it;
// others may read the log meanwhile with [DB.ReadLog] and [DB.LogTail].
type Log struct {
	file  *os.File
	size  int64
	limit int64 // of size, without droppedLine
	full  bool  // droppedLine is written
	open  bool  // the last line has not ended
}

// OpenLog opens the log of a run, which is made where there is none, to go on after
// its first size bytes: what follows them is cut off. Where it is shorter, because
// the machine lost power, a line that says so takes the place of what is missing;
// so [Log.Size] may differ from size.
func (db *DB) OpenLog(run ID, size int64) (*Log, error) {
	return db.openLog(run, size, MaxLog)
}

func (db *DB) openLog(run ID, size, limit int64) (*Log, error) {
	path, err := db.logPath(run)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return nil, explain("open the log", path, err)
	}
	l := &Log{file: f, limit: limit}
	if err := l.resume(max(0, size)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// LogPath returns where the log of a run is, whether there is one or not. It
// fails for an ID that isn't one.
func (db *DB) LogPath(run ID) (string, error) { return db.logPath(run) }

// logPath is the file of a run's log. An ID that isn't one names no file.
func (db *DB) logPath(run ID) (string, error) {
	if err := run.check(); err != nil {
		return "", fmt.Errorf("find the log of run %q: %w", run, err)
	}
	return filepath.Join(db.dir, runsName, string(run)+".log"), nil
}

// resume brings the file to the size it is to have.
func (l *Log) resume(size int64) error {
	if err := tightenFile(l.file); err != nil {
		return err
	}
	info, err := l.file.Stat()
	if err != nil {
		return explain("look at the log", l.file.Name(), err)
	}
	l.size = min(size, info.Size())
	if err := l.file.Truncate(l.size); err != nil {
		return explain("write to the log", l.file.Name(), err)
	}
	end := make([]byte, min(l.size, int64(len(droppedLine))))
	if _, err := l.file.ReadAt(end, l.size-int64(len(end))); err != nil {
		return explain("read the log", l.file.Name(), err)
	}
	l.full = string(end) == droppedLine
	l.open = len(end) > 0 && end[len(end)-1] != '\n'
	if missing := size - l.size; missing > 0 && !l.full {
		return l.line(fmt.Sprintf("[brokeforge: %d bytes of output are missing here: they were not on the disk when this machine stopped]\n", missing))
	}
	return nil
}

// Write appends output to the log, or drops it where the log is full, which is no
// error.
func (l *Log) Write(p []byte) (int, error) {
	if l.full {
		return len(p), nil
	}
	if room := l.limit - l.size; int64(len(p)) > room {
		fits := p[:max(0, room)]
		if i := bytes.LastIndexByte(fits, '\n'); i >= 0 {
			fits = fits[:i+1]
		}
		if n, err := l.append(fits); err != nil {
			return n, err
		}
		l.full = true
		return len(p), l.line(droppedLine)
	}
	return l.append(p)
}

// line appends a line of ours, on a line of its own.
func (l *Log) line(text string) error {
	if l.open {
		text = "\n" + text
	}
	_, err := l.append([]byte(text))
	return err
}

func (l *Log) append(p []byte) (int, error) {
	n, err := l.file.WriteAt(p, l.size)
	l.size += int64(n)
	if n > 0 {
		l.open = p[n-1] != '\n'
	}
	return n, explain("write to the log", l.file.Name(), err)
}

// Size returns how many bytes the log has: the LogSize of a [Cursor].
func (l *Log) Size() int64 { return l.size }

// Sync waits until what was written is on the disk.
func (l *Log) Sync() error {
	return explain("write to the log", l.file.Name(), l.file.Sync())
}

// Close closes the log.
func (l *Log) Close() error {
	return explain("close the log", l.file.Name(), l.file.Close())
}

// ReadLog returns up to max bytes of a run's log, from offset on. At the end of the
// log, and for a run that has none, it returns nothing.
func (db *DB) ReadLog(run ID, offset int64, max int) ([]byte, error) {
	if offset < 0 || max < 0 {
		return nil, fmt.Errorf("read %d bytes of a log from %d: neither can be negative", max, offset)
	}
	f, size, err := db.logForReading(run)
	if err != nil || f == nil {
		return nil, err
	}
	defer f.Close()
	text := make([]byte, clamp(size-offset, int64(max)))
	n, err := f.ReadAt(text, offset)
	if errors.Is(err, io.EOF) { // it was cut off meanwhile
		err = nil
	}
	return text[:n], explain("read the log", f.Name(), err)
}

// LogTail returns the last lines of a run's log, up to lines, without their line
// ends. It looks no further back than 1 MiB.
func (db *DB) LogTail(run ID, lines int) ([]string, error) {
	f, size, err := db.logForReading(run)
	if err != nil || f == nil || lines <= 0 {
		return nil, err
	}
	defer f.Close()
	for span := int64(8 << 10); ; span *= 8 {
		span = min(span, size, maxTail)
		text := make([]byte, span)
		n, err := f.ReadAt(text, size-span)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, explain("read the log", f.Name(), err)
		}
		tail, complete := lastLines(text[:n], lines, span == size)
		if complete || span == size || span == maxTail {
			return tail, nil
		}
	}
}

// lastLines splits the last lines off text, whose first line is a whole one where
// fromStart is set. It reports whether there were as many as asked for.
func lastLines(text []byte, lines int, fromStart bool) ([]string, bool) {
	if len(text) == 0 {
		return nil, false
	}
	split := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if !fromStart && len(split) > 1 {
		split = split[1:]
	}
	if len(split) >= lines {
		return split[len(split)-lines:], true
	}
	return split, false
}

// logForReading opens the log of a run. The file is nil where there is none.
func (db *DB) logForReading(run ID) (*os.File, int64, error) {
	path, err := db.logPath(run)
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, explain("open the log", path, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(explain("look at the log", path, err), f.Close())
	}
	return f, info.Size(), nil
}

func clamp(n, most int64) int64 { return max(0, min(n, most)) }
