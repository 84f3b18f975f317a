package webserver_test

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/webserver"
)

func TestNginxRefusesSizes(t *testing.T) {
	for _, v := range []string{"", "-1", "64mb", "64 m", "1;}", "64m; return 200", "m", "064m", "9999999999"} {
		if _, err := packages.Complete(webserver.Nginx{}, packages.Values{"client-max-body": v}); err == nil {
			t.Errorf("%q is taken", v)
		}
	}
}

func TestNginxWritesWhatWasChosen(t *testing.T) {
	for value, site := range map[string]bool{"yes": true, "no": false} {
		values, err := packages.Complete(webserver.Nginx{}, packages.Values{"client-max-body": "8g", "default-site": value})
		if err != nil {
			t.Fatal(err)
		}
		commands, err := webserver.Nginx{}.Install(packages.Context{Values: values, Facts: packages.Facts{Systemd: true}})
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, c := range commands {
			if w, ok := c.(packages.Write); ok {
				files[w.Path] = w.Content
			}
		}
		if !strings.Contains(files["/etc/nginx/conf.d/brokeforge.conf"], "client_max_body_size 8g;\n") {
			t.Errorf("the size is not written: %v", files)
		}
		if _, ok := files["/etc/nginx/sites-available/brokeforge-default"]; ok != site {
			t.Errorf("default-site=%s: the site is written: %v", value, ok)
		}
	}
}
