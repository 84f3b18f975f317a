package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func openTestLog(t *testing.T, db *DB, run ID, size, limit int64) *Log {
	t.Helper()
	l, err := db.openLog(run, size, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) // the tests that close it check the error
	return l
}

func writeLog(t *testing.T, l *Log, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if n, err := l.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", text, n, err)
		}
	}
}

func readLog(t *testing.T, db *DB, run ID) string {
	t.Helper()
	text, err := db.ReadLog(run, 0, MaxLog*2)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLogResumesAtTheCursor(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	run := db.NewID()
	l, err := db.OpenLog(run, 0)
	if err != nil {
		t.Fatal(err)
	}
	writeLog(t, l, "one\n", "two\n")
	cursor := l.Size()
	writeLog(t, l, "three\nfour")
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	if got := readLog(t, db, run); got != "one\ntwo\nthree\nfour" || l.Size() != int64(len(got)) {
		t.Errorf("the log of size %d is %q", l.Size(), got)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l, err = db.OpenLog(run, cursor)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	writeLog(t, l, "again\n")
	if got, want := readLog(t, db, run), "one\ntwo\nagain\n"; got != want {
		t.Errorf("resumed: %q, want %q", got, want)
	}
}

func TestLogThatLostItsEndSaysSo(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	for _, test := range []struct{ have, want string }{
		{"", "[brokeforge: 100 bytes"},
		{"one\n", "one\n[brokeforge: 96 bytes"},
		{"one\ntw", "one\ntw\n[brokeforge: 94 bytes"},
	} {
		run := db.NewID()
		writeLog(t, openTestLog(t, db, run, 0, MaxLog), test.have)
		l := openTestLog(t, db, run, 100, MaxLog)
		got := readLog(t, db, run)
		if !strings.HasPrefix(got, test.want) || !strings.HasSuffix(got, "\n") || l.Size() != int64(len(got)) {
			t.Errorf("size %d: %q, want %q", l.Size(), got, test.want)
		}
		writeLog(t, l, "on\n")
		if again := readLog(t, db, run); again != got+"on\n" {
			t.Errorf("went on as %q", again)
		}
	}
}

func TestLogIsBounded(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	for _, test := range []struct {
		name   string
		writes []string
		want   string
	}{
		{"just full", []string{"12345678\n", "0"}, "12345678\n0"},
		{"a line too much", []string{"1234\n", "67\n", "90123\n", "x\n"}, "1234\n67\n90\n" + droppedLine},
		{"cut at a line", []string{"1\n2\n3\n4\n5\n6\n"}, "1\n2\n3\n4\n5\n" + droppedLine},
		{"no line end", []string{"123456789012345", "x"}, "1234567890\n" + droppedLine},
		{"in a line", []string{"12345678", "90123"}, "1234567890\n" + droppedLine},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := db.NewID()
			l := openTestLog(t, db, run, 0, 10)
			writeLog(t, l, test.writes...)
			if got := readLog(t, db, run); got != test.want || l.Size() != int64(len(got)) {
				t.Errorf("size %d: %q, want %q", l.Size(), got, test.want)
			}
			// It is still full, and says so once, when it is opened again.
			l = openTestLog(t, db, run, l.Size(), 10)
			writeLog(t, l, "more\n", "more\n")
			want := strings.TrimSuffix(test.want, "\n"+droppedLine)
			if got := readLog(t, db, run); strings.Count(got, droppedLine) != 1 || !strings.HasPrefix(got, want) {
				t.Errorf("opened again: %q", got)
			}
		})
	}
}

func TestMaxLogHoldsForLargeOutput(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	run := db.NewID()
	l := openTestLog(t, db, run, 0, MaxLog)
	line := strings.Repeat("x", 1<<16-1) + "\n"
	for range MaxLog/len(line) + 10 {
		writeLog(t, l, line)
	}
	if want := int64(MaxLog + len(droppedLine)); l.Size() != want {
		t.Errorf("the log has %d bytes, want %d", l.Size(), want)
	}
	tail, err := db.LogTail(run, 1)
	if err != nil || len(tail) != 1 || tail[0]+"\n" != droppedLine {
		t.Errorf("it ends with %q, %v", tail, err)
	}
}

func TestReadLog(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	run := db.NewID()
	writeLog(t, openTestLog(t, db, run, 0, MaxLog), "0123456789")
	for _, test := range []struct {
		run    ID
		offset int64
		max    int
		want   string
	}{
		{run, 0, 3, "012"}, {run, 8, 100, "89"}, {run, 10, 5, ""}, {run, 1 << 40, 5, ""}, {run, 0, 0, ""}, {db.NewID(), 0, 9, ""},
	} {
		got, err := db.ReadLog(test.run, test.offset, test.max)
		if err != nil || string(got) != test.want {
			t.Errorf("%d bytes from %d: %q, %v; want %q", test.max, test.offset, got, err, test.want)
		}
	}
	for _, read := range []struct {
		offset int64
		max    int
	}{{-1, 1}, {1, -1}} {
		_, err := db.ReadLog(run, read.offset, read.max)
		wantErr(t, err, "negative")
	}
}

func TestLogTail(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	numbered := func(n int) (lines []string) {
		for i := range n {
			lines = append(lines, fmt.Sprintf("line %d %s", i, strings.Repeat("x", i%50)))
		}
		return lines
	}
	many := numbered(30_000)
	long := strings.Repeat("y", maxTail)
	for _, test := range []struct {
		name, text string
		lines      int
		want       []string
	}{
		{"empty", "", 5, nil},
		{"none asked for", "a\n", 0, nil},
		{"fewer", "a\nb\n", 5, []string{"a", "b"}},
		{"as many", "a\nb\n", 2, []string{"a", "b"}},
		{"more", "a\nb\nc\n", 2, []string{"b", "c"}},
		{"last line open", "a\nb\nc", 2, []string{"b", "c"}},
		{"empty lines", "a\n\n\n", 2, []string{"", ""}},
		{"many", strings.Join(many, "\n") + "\n", 3, many[len(many)-3:]},
		{"many back", strings.Join(many, "\n"), 5000, many[len(many)-5000:]},
		{"one very long line", long + long, 3, []string{long}},
		{"behind a long line", long + "\nz\n", 3, []string{"z"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := db.NewID()
			writeLog(t, openTestLog(t, db, run, 0, MaxLog), test.text)
			got, err := db.LogTail(run, test.lines)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%d lines, %v; want %d", len(got), err, len(test.want))
			}
		})
	}
	if got, err := db.LogTail(db.NewID(), 3); len(got) != 0 || err != nil {
		t.Errorf("no log: %q, %v", got, err)
	}
}

func TestLogsOfWhatIsNoRun(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	for _, run := range []ID{"", "../brokeforge", "../../../../../../etc/pass"} {
		_, err := db.OpenLog(run, 0)
		wantErr(t, err, "find the log of run")
		_, err = db.ReadLog(run, 0, 1)
		wantErr(t, err, "find the log of run")
		_, err = db.LogTail(run, 1)
		wantErr(t, err, "find the log of run")
	}
	entries, err := os.ReadDir(filepath.Join(db.Dir(), "runs"))
	if err != nil || len(entries) != 0 {
		t.Errorf("runs holds %v, %v", entries, err)
	}
}

func TestLogIsNotWrittenThroughALink(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	run, victim := db.NewID(), filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(db.Dir(), "runs", string(run)+".log")); err != nil {
		t.Fatal(err)
	}
	_, err := db.OpenLog(run, 0)
	wantErr(t, err, "open the log")
	if got, err := os.ReadFile(victim); string(got) != "kept" || err != nil {
		t.Errorf("the file behind the link is %q, %v", got, err)
	}
}
