package cmd

import "testing"

func TestFilesMisuse(t *testing.T) {
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"files"}, "say whose files"},
		{[]string{"files", "blog.example.org"}, "say what to do"},
		{[]string{"files", "blog.example.org", "list"}, `can't be handled with "list"`},
		{[]string{"files", "blog.example.org", "cat"}, "cat PATH"},
		{[]string{"files", "blog.example.org", "mv", "a"}, "mv PATH PATH"},
		{[]string{"files", "--on", "web1", "--root", "/srv", "ls"}, "are given together"},
		{[]string{"files", "--root", "/srv", "--user", "app", "ls"}, "are given together"},
		{[]string{"files", "blog.example.org", "ls"}, "there is no site blog.example.org"},
		{[]string{"files", "--on", "web1", "--root", "/srv", "--user", "app", "ls"}, "there are no files"},
	} {
		w := newWorld(t, newEngine("web1"))
		w.run(t, StatusRefused, tt.args...)
		holds(t, "stderr", w.errs.String(), tt.says)
	}
}
