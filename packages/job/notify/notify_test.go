package notify

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

var alert = store.Alert{
	ID: "0123", ServerName: "web1", Kind: "disk /", Text: "the disk of / is at 95 %, over 90 %\r\nBcc: evil@example.org",
	RaisedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
}

// serveMail takes one mail and returns what the client said.
func serveMail(t *testing.T, extensions string) (address string, said <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	out := make(chan string, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var all strings.Builder
		defer func() { out <- all.String() }()
		answer := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
		answer("220 test")
		data := false
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			line := lines.Text()
			all.WriteString(line + "\n")
			switch {
			case data:
				if line == "." {
					data = false
					answer("250 taken")
				}
			case strings.HasPrefix(line, "EHLO"):
				answer("250-test\r\n250 " + extensions)
			case line == "DATA":
				data = true
				answer("354 go on")
			case line == "QUIT":
				answer("221 bye")
				return
			case strings.HasPrefix(line, "AUTH"):
				answer("235 welcome")
			default:
				answer("250 ok")
			}
		}
	}()
	return listener.Addr().String(), out
}

func TestMail(t *testing.T) {
	address, said := serveMail(t, "8BITMIME")
	s := Sender{SMTP: address, From: "brokeforge@example.org"}
	if err := s.Notify(t.Context(), packages.Watch{Mail: "ops@example.org"}, alert); err != nil {
		t.Fatal(err)
	}
	text := <-said
	if !strings.Contains(text, "MAIL FROM:<brokeforge@example.org>") || !strings.Contains(text, "RCPT TO:<ops@example.org>") {
		t.Errorf("the client said:\n%s", text)
	}
	_, body, _ := strings.Cut(text, "DATA\n")
	m, err := mail.ReadMessage(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if m.Header.Get("Bcc") != "" {
		t.Error("a line of the alert became a header")
	}
	if subject := m.Header.Get("Subject"); !strings.Contains(subject, "web1") || !strings.Contains(subject, "95") {
		t.Errorf("subject %q", subject)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Errorf("date: %v", err)
	}
}

func TestMailLogsIn(t *testing.T) {
	address, said := serveMail(t, "AUTH PLAIN")
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Sender{SMTP: address, From: "a@b.c", User: "ops", PasswordFile: file}
	if err := s.Notify(t.Context(), packages.Watch{Mail: "ops@example.org"}, alert); err != nil {
		t.Fatal(err)
	}
	// RFC 4616: NUL, the user, NUL, the password.
	if text := <-said; !strings.Contains(text, "AUTH PLAIN AG9wcwBodW50ZXIy") {
		t.Errorf("the client said:\n%s", text)
	}
}

func TestWebhook(t *testing.T) {
	got := make(chan map[string]any, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m map[string]any
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.Method != http.MethodPost {
			t.Errorf("%s: %v", r.Method, err)
		}
		got <- m
	}))
	defer server.Close()
	over := alert
	over.ClearedAt = over.RaisedAt.Add(time.Hour)
	for _, a := range []store.Alert{alert, over} {
		if err := (Sender{}).Notify(t.Context(), packages.Watch{Webhook: server.URL + "/x"}, a); err != nil {
			t.Fatal(err)
		}
	}
	if m := <-got; m["event"] != "raised" || m["server"] != "web1" || m["kind"] != "disk /" || m["cleared_at"] != nil {
		t.Errorf("raised: %v", m)
	}
	if m := <-got; m["event"] != "cleared" || m["cleared_at"] != "2026-03-01T13:00:00Z" {
		t.Errorf("cleared: %v", m)
	}
}

func TestFailuresAreTold(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer server.Close()
	w := packages.Watch{Mail: "ops@example.org", Webhook: server.URL + "/token-of-mine"}
	err := (Sender{SMTP: "127.0.0.1:1"}).Notify(t.Context(), w, alert)
	if err == nil || !strings.Contains(err.Error(), "ops@example.org") || !strings.Contains(err.Error(), "403") {
		t.Errorf("got %v", err)
	}
	server.Close()
	err = (Sender{SMTP: "127.0.0.1:1"}).Notify(t.Context(), packages.Watch{Webhook: server.URL + "/token-of-mine"}, alert)
	if err == nil || strings.Contains(err.Error(), "token-of-mine") {
		t.Errorf("an error that tells the URL, which may hold a token: %v", err)
	}
	if err := (Sender{}).Notify(t.Context(), packages.Watch{}, alert); err != nil {
		t.Errorf("with nobody to tell: %v", err)
	}
}
