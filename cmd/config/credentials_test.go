package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages/job"
)

func TestCredentials(t *testing.T) {
	c, err := parse("c.toml", `[[credentials]]
name = "ops"
user = "deploy"
key = "~/.ssh/id_ops"

[[credentials]]
name = "agent-2"
become = false

[[servers]]
name = "web1"
address = "203.0.113.10"
credential = "ops"
`)
	if err != nil {
		t.Fatal(err)
	}
	before := c
	if c, err = c.Expand("/h"); err != nil {
		t.Fatal(err)
	}
	want := []job.Credential{{Name: "ops", User: "deploy", KeyFile: "/h/.ssh/id_ops", Become: true}, {Name: "agent-2"}}
	if diff := cmp.Diff(want, c.JobCredentials()); diff != "" {
		t.Errorf("credentials (-want +got):\n%s", diff)
	}
	if c.Servers[0].Credential != "ops" {
		t.Errorf("the server is %+v", c.Servers[0])
	}
	if before.Credentials[0].Key != "~/.ssh/id_ops" {
		t.Error("Expand has changed what it was given")
	}
	if _, err := before.Expand(""); err == nil {
		t.Error("a key in an unknown home was taken")
	}
}

func TestCredentialsRefuse(t *testing.T) {
	for text, reason := range map[string]string{
		`user = "deploy"`:                             "number 1 has no name",
		`name = "Ops"`:                                "can't be a name",
		`name = "-ops"`:                               "can't be a name",
		`name = "a b"`:                                "can't be a name",
		`name = "root"`:                               "none can be called root",
		`name = "user"`:                               "none can be called user",
		`name = "worker"`:                             "none can be called worker",
		"name = \"ops\"\nuser = \"-oProxy=x\"":        "can't be a login name",
		"name = \"ops\"\nkey = \"id_ops\"":            "not an absolute path",
		"name = \"a\"\n[[credentials]]\nname = \"a\"": "a is there twice",
		"name = \"ops\"\nbecome = \"no\"":             "must be a boolean",
		"name = \"ops\"\npassword = \"x\"":            "no such setting",
	} {
		_, err := parse("c.toml", "[[credentials]]\n"+text+"\n")
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(bad.Error(), reason) || !strings.HasPrefix(bad.Error(), "c.toml:") || strings.Contains(bad.Error(), "\n") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
