package sites

import (
	"strings"
	"testing"
)

func TestGitURLs(t *testing.T) {
	for text, want := range map[string]gitURL{
		"git@github.com:team/site.git":               {"ssh", "git", "github.com", 0, "team/site.git"},
		"git.example.org:/srv/git/site.git":          {"ssh", "", "git.example.org", 0, "/srv/git/site.git"},
		"ssh://git@git.example.org:2222/~me/site":    {"ssh", "git", "git.example.org", 2222, "/~me/site"},
		"https://git.example.org/team/site.git":      {"https", "", "git.example.org", 0, "/team/site.git"},
		"https://git.example.org:8443/team/a-b_c.d/": {"https", "", "git.example.org", 8443, "/team/a-b_c.d/"},
	} {
		got, err := parseGitURL(text)
		if err != nil || got != want {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
	}
}

// hostileURLs are addresses that must be refused: each has git or ssh do something
// else, or shows a password.
func hostileURLs() []string {
	return []string{
		"", "-rf", "--upload-pack=touch /tmp/pwn", "ext::sh -c touch% /tmp/pwn", "ext::sh", "fd::3", "file:///etc", "/etc", "../../etc", "./x:y",
		"ssh://-oProxyCommand=x/y", "-oProxyCommand=x:y", "ssh://git@-oProxyCommand=x/y", "git@-oProxyCommand=x:y", "-x@host:y",
		"https://user:secret@host/r.git", "https://token@host/r.git", "ssh://git:secret@host/r.git", "https://h%0a.evil/", "https://h/%2e%2e/x",
		"http://host/r.git", "git://host/r.git", "ftp://host/r", "transport::https://host/r", "https:///r", "https://host", "https://host/", "https://host/../x",
		"host:", "host:../x", "host:-x", "host:a b", "host:$(id)", "host:`id`", "host:a;b", "host:a'b", "host:a\"b", "host:a\nb", "host:a\x00b", "ho\nst:a",
		"ssh://host:0/r", "ssh://host:65536/r", "ssh://host:22;id/r", "https://host/r?x=y", "https://host/r#x", `https://host\@evil/r`, "hоst:r", "a..b:r",
		"host:" + strings.Repeat("x", 1000),
	}
}

func TestGitURLsRefused(t *testing.T) {
	for _, text := range hostileURLs() {
		if u, err := parseGitURL(text); err == nil {
			t.Errorf("%q is taken as %+v", text, u)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the reason shows the password: %v", text, err)
		}
	}
}

func TestRefs(t *testing.T) {
	for _, good := range []string{"main", "v1.2.3", "feature/a-b", "release_2", "fix#12", "ä", "$(id)", "a'b", "user@host"} {
		if err := acceptRef(good); err != nil {
			t.Errorf("%q is refused: %v", good, err)
		}
	}
	for _, bad := range []string{
		"-rf", "--upload-pack=x", "x..y", "@{-1}", "@", "HEAD", "refs/heads/../../x", "refs/heads/main", "a b", "a\tb", "a\nb", "a~1", "a^", "a:b", "a?", "a*", "a[", `a\b`,
		"/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", strings.Repeat("x", 300), "a\x7f",
	} {
		if acceptRef(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestHostKeys(t *testing.T) {
	const print = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
	// The line is the one that GitHub publishes together with the fingerprint.
	const line = "github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	for _, value := range []string{print, line, strings.TrimPrefix(line, "github.com ")} {
		got, err := trustedKeys("git.example.org", value)
		if err != nil || len(got) != 1 || got[0] != print {
			t.Errorf("%q gives %v, %v", value, got, err)
		}
	}
	if got, err := trustedKeys("GitHub.com", ""); err != nil || len(got) != 3 || got[0] != print {
		t.Errorf("GitHub's are %v, %v", got, err)
	}
	if got, err := trustedKeys("git.example.org", ""); err != nil || len(got) != 0 {
		t.Errorf("an unknown host has %v, %v", got, err)
	}
	for host, keys := range publishedKeys() {
		for _, k := range keys {
			if !fingerprintPattern.MatchString(k) {
				t.Errorf("%s: %q is no fingerprint", host, k)
			}
		}
	}
	for _, bad := range []string{"x", "SHA256:x", "MD5:00", print + "x", "ssh-ed25519 x", "host ssh-ed25519", "$(id)"} {
		if acceptHostKey(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestSharedPaths(t *testing.T) {
	got, err := parseShared("storage/, .env public/uploads/")
	if err != nil || len(got) != 3 || got[0] != (sharedPath{"storage", true}) || got[1] != (sharedPath{".env", false}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"/etc", "../x", "a/../b", "a/./b", "a//b", "/", ".", "..", "-rf", "a/-b", ".git", ".git/hooks/", "a'b", "a;b", "$(id)", "a\nb/../c", "a/ a/b", "é", strings.Repeat("x", 300)} {
		if acceptShared(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzGitURL(f *testing.F) {
	for _, text := range hostileURLs() {
		f.Add(text)
	}
	f.Add("git@github.com:team/site.git")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := parseGitURL(text)
		if err != nil {
			return
		}
		if strings.HasPrefix(text, "-") || strings.Contains(text, "::") || strings.HasPrefix(u.host, "-") || strings.HasPrefix(u.user, "-") ||
			strings.ContainsAny(text, " \t\n\x00'\"`$;|&<>\\") || u.scheme != "ssh" && u.scheme != "https" {
			t.Errorf("%q is taken as %+v", text, u)
		}
	})
}
