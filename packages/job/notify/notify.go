// Package notify tells people of alerts: by mail over an SMTP server, and by
// posting JSON to a URL. Both are done from the machine that BrokeForge runs on.
package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/smtp"
	"net/url"
	"os"
	"strings"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// timeout bounds each way of telling somebody.
const timeout = 20 * time.Second

// Sender tells of alerts. Its fields are set before it is used.
type Sender struct {
	// SMTP is the server that takes mail, as host:port. TLS is used where the
	// server offers STARTTLS (RFC 3207), and from the start on port 465.
	SMTP string
	// From is the sender's address.
	From string
	// User logs in with the password that the first line of PasswordFile holds.
	// Empty means no login. A password is sent over TLS only.
	User, PasswordFile string
	// Client posts to URLs; nil means one of its own.
	Client *http.Client
}

// Notify tells of an alert in the ways that the watch names, and joins the errors
// of those that failed.
func (s Sender) Notify(ctx context.Context, w packages.Watch, a store.Alert) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var errs []error
	if w.Mail != "" {
		if err := s.mail(ctx, w.Mail, a); err != nil {
			errs = append(errs, fmt.Errorf("mail to %s: %w", w.Mail, err))
		}
	}
	if w.Webhook != "" {
		errs = append(errs, s.post(ctx, w.Webhook, a))
	}
	return errors.Join(errs...)
}

// message is what is posted of an alert.
type message struct {
	Event     string     `json:"event"` // "raised" or "cleared"
	Server    string     `json:"server"`
	Kind      string     `json:"kind"`
	Text      string     `json:"text"`
	RaisedAt  time.Time  `json:"raised_at"`
	ClearedAt *time.Time `json:"cleared_at"`
}

func event(a store.Alert) string {
	if a.Open() {
		return "raised"
	}
	return "cleared"
}

func (s Sender) post(ctx context.Context, to string, a store.Alert) error {
	m := message{Event: event(a), Server: a.ServerName, Kind: a.Kind, Text: a.Text, RaisedAt: a.RaisedAt}
	if !a.Open() {
		m.ClearedAt = &a.ClearedAt
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("post an alert: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("post to the webhook: %w", withoutURL(err))
	}
	request.Header.Set("Content-Type", "application/json")
	client := s.Client
	if client == nil {
		client = &http.Client{}
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("post to the webhook: %w", withoutURL(err))
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, 1<<16) // what it says is of no use here
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("post to the webhook: it answers %d", response.StatusCode)
	}
	return nil
}

// withoutURL takes the URL out of an error: it often holds a token.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func (s Sender) mail(ctx context.Context, to string, a store.Alert) error {
	if s.SMTP == "" {
		return errors.New("no mail server is set: see [alerts] in the configuration file")
	}
	host, port, err := net.SplitHostPort(s.SMTP)
	if err != nil {
		return fmt.Errorf("the mail server %q: %w", s.SMTP, err)
	}
	conn, err := s.dial(ctx, host, port)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	defer client.Close()
	if ok, _ := client.Extension("STARTTLS"); ok && port != "465" {
		if err := client.StartTLS(&tls.Config{ServerName: host}); err != nil {
			return fmt.Errorf("begin TLS: %w", err)
		}
	}
	if s.User != "" {
		if err := s.login(client, host); err != nil {
			return err
		}
	}
	return send(client, s.From, to, compose(s.From, to, a))
}

func (s Sender) dial(ctx context.Context, host, port string) (net.Conn, error) {
	address := net.JoinHostPort(host, port)
	if port == "465" {
		return (&tls.Dialer{}).DialContext(ctx, "tcp", address)
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", address)
}

// login refuses to send a password in the clear: smtp.PlainAuth does, but to
// localhost.
func (s Sender) login(client *smtp.Client, host string) error {
	text, err := os.ReadFile(s.PasswordFile)
	if err != nil {
		return fmt.Errorf("read the mail server's password: %w", err)
	}
	password, _, _ := strings.Cut(string(text), "\n")
	if err := client.Auth(smtp.PlainAuth("", s.User, password, host)); err != nil {
		return fmt.Errorf("log in to the mail server as %s: %w", s.User, err)
	}
	return nil
}

func send(client *smtp.Client, from, to string, text []byte) error {
	if err := client.Mail(from); err != nil {
		return err
	}
	if err := client.Rcpt(to); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return client.Quit()
}

// compose makes a message in the form of RFC 5322. Nothing in it comes from a
// server but what was cleaned before.
func compose(from, to string, a store.Alert) []byte {
	at := a.RaisedAt
	word := "Alert"
	if !a.Open() {
		at, word = a.ClearedAt, "Over"
	}
	line := strings.NewReplacer("\r", " ", "\n", " ")
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\n", line.Replace(from), line.Replace(to))
	fmt.Fprintf(&b, "Subject: %s\r\n", mime.QEncoding.Encode("utf-8", line.Replace(fmt.Sprintf("%s: %s: %s", word, a.ServerName, a.Text))))
	fmt.Fprintf(&b, "Date: %s\r\nMessage-ID: <%s.%s@brokeforge>\r\n", at.Format(time.RFC1123Z), a.ID, event(a))
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nAuto-Submitted: auto-generated\r\n\r\n")
	fmt.Fprintf(&b, "%s\r\n\r\nserver  %s\r\nkind    %s\r\nsince   %s\r\n", line.Replace(a.Text), line.Replace(a.ServerName), line.Replace(a.Kind), a.RaisedAt.Format(time.RFC3339))
	if !a.Open() {
		fmt.Fprintf(&b, "until   %s\r\n", a.ClearedAt.Format(time.RFC3339))
	}
	return b.Bytes()
}
