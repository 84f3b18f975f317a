package webserver_test

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/webserver"
	"brokeforge/store"
)

func TestNginxRefusesSizes(t *testing.T) {
	for _, v := range []string{"", "-1", "64mb", "64 m", "1;}", "64m; return 200", "m", "064m", "9999999999"} {
		if _, err := packages.Complete(webserver.Nginx{}, packages.Values{"client-max-body": v}); err == nil {
			t.Errorf("%q is taken", v)
		}
	}
}

func TestNginxRefusesWorkers(t *testing.T) {
	for _, v := range []string{"0", "-1", "01", "many", "4;", "4; daemon off", "$(reboot)", "'; rm -rf / #", "%", "4\n", "ä", strings.Repeat("9", 1000)} {
		if _, err := packages.Complete(webserver.Nginx{}, packages.Values{"workers": v}); err == nil && v != "4\n" {
			t.Errorf("%q workers are taken", v)
		}
		if _, err := packages.Complete(webserver.Nginx{}, packages.Values{"connections": v}); err == nil {
			t.Errorf("%q connections are taken", v)
		}
	}
	if _, err := packages.Complete(webserver.Nginx{}, packages.Values{"workers": "513"}); err == nil {
		t.Error("513 workers are taken")
	}
	for _, v := range []string{"", "auto", "1", "512"} {
		if _, err := packages.Complete(webserver.Nginx{}, packages.Values{"workers": v}); err != nil {
			t.Error(err)
		}
	}
}

func TestWebServersShareNoPort(t *testing.T) {
	facts := packages.Facts{Systemd: true}
	nginx := []store.ServerPackage{{Name: "nginx"}}
	apache := func(port string) []store.ServerPackage {
		return []store.ServerPackage{{Name: "apache", Configuration: map[string]string{"port": port}}}
	}
	for _, test := range []struct {
		p         packages.ServerPackage
		values    packages.Values
		installed []store.ServerPackage
		refused   bool
	}{
		{webserver.Apache{}, nil, nginx, true},
		{webserver.Apache{}, packages.Values{"port": "8080"}, nginx, false},
		{webserver.Apache{}, nil, nil, false},
		{webserver.Nginx{}, nil, apache("80"), true},
		{webserver.Nginx{}, nil, apache("8080"), false},
	} {
		values, err := packages.Complete(test.p, test.values)
		if err != nil {
			t.Fatal(err)
		}
		_, err = test.p.Install(packages.Context{Values: values, Facts: facts, Installed: test.installed})
		if (err != nil) != test.refused {
			t.Errorf("%s %v beside %v: %v", test.p.Name(), test.values, test.installed, err)
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
