package ui

import (
	"strings"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/ui/uitest"
)

func TestSecretsAreShownOnRequestAlone(t *testing.T) {
	engine := uitest.Scene(func() time.Time { return begin })
	for i, s := range engine.Servers {
		if s.Name == "db1" {
			engine.Servers[i].Packages[0].Configuration = map[string]string{
				packages.AppUserOption: "deploy", packages.PublicKeyPrefix + "worker": "ssh-ed25519 BBBB worker",
				packages.PublicKeyPrefix + "deploy": "ssh-ed25519 AAAA deploy", "password": "‹secret:base.password›",
			}
		}
	}
	engine.Kept = packages.Secrets{"base.password": "Canary 7f3", "redis.password": "another"}
	d := start(t, engine, nil)
	d.press("j", "enter", "enter")
	d.shows("password", "(set)", "Copy public key  c", "Show secrets  s", "ssh-ed25519 AAAA deploy")
	d.hides("Canary")
	d.press("s")
	d.shows("Secrets of base", "base.password", "Canary 7f3")
	d.hides("another")
	d.press("esc", "enter", "c")
	d.shows("sent the public key of the app user")
}

func TestSecretThatIsSetMayStayEmpty(t *testing.T) {
	e := uitest.Scene(func() time.Time { return begin })
	d := start(t, e, nil)
	pkg, _ := e.Catalog().Server("base")
	option := packages.Option{Name: "password", Kind: packages.Secret, Required: true}
	o := order{servers: nil}
	if field := o.field(d.app.env, pkg, option); field.Check("") == "" {
		t.Error("a value that is needed may be left empty")
	}
	e.Servers[3].Packages[0].Configuration = map[string]string{"password": "‹secret:base.password›"}
	d.changed()
	o.servers = append(o.servers, e.Servers[3].ID)
	field := o.field(d.app.env, pkg, option)
	if field.Value != "" || field.Check("") != "" || !strings.Contains(field.Help, "is set") {
		t.Errorf("the field holds %q and says %q, %q", field.Value, field.Check(""), field.Help)
	}
}
