package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestRedis goes the whole way of Redis.
func TestRedis(t *testing.T) {
	t.Parallel()
	testServer(t, keyStore("redis", "Redis"), suites)
}

// TestValkey goes the whole way of Valkey, which Debian 12 does not have.
func TestValkey(t *testing.T) {
	t.Parallel()
	testServer(t, keyStore("valkey", "Valkey"), map[string]hosts.Suite{"debian13": hosts.Trixie})
}

func keyStore(name, title string) server {
	ask := func(command string) string {
		return "{ sed -n 's/^requirepass /AUTH /p' /etc/" + name + "/brokeforge-password.conf; echo '" + command + "'; } | " + name + "-cli | tail -n 1"
	}
	return server{
		name: name, title: title, port: "6379", process: name + "-server", unit: named(name + "-server"),
		write: name + "-cli PING | grep -q ^NOAUTH && " + ask("PING") + " | grep -qx PONG && " + ask("SET x kept"), read: ask("GET x"),
		memory: ask("CONFIG GET maxmemory"), other: "100663296",
		data: "/var/lib/" + name, gone: "/var/lib/" + name + "/* /etc/" + name + "/brokeforge* /etc/systemd/system/" + name + "-server.service.d",
	}
}

// TestRedisPassword gives Redis an awkward password, and another way to keep its
// data while it holds some.
func TestRedisPassword(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "redis-pw", Suite: hosts.Bookworm})
	p := newProgram(t)
	p.add(h)
	r := p.must(1, "install", "valkey", "--on", h.Name, "--yes")
	contains(t, r.stdout+r.stderr, "no package source of this server has valkey-server", "choose redis")
	p.must(0, "install", "redis", "--set=redis.persistence=none", "--on", h.Name, "--yes")
	own := "{ sed -n 's/^requirepass /AUTH /p' /etc/redis/brokeforge-password.conf; echo 'SET x kept'; } | redis-cli"
	contains(t, on(t, h, "sh", "-c", own), "OK")
	if got := on(t, h, "sh", "-c", "stat -c '%a %U %G' /etc/redis/brokeforge-password.conf"); got != "640 root redis" {
		t.Errorf("the password's file is %s", got)
	}
	file := filepath.Join(p.home, "pw")
	if err := os.WriteFile(file, []byte(awkward), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := h.WriteFile(t.Context(), "/root/pw", []byte(awkward)); err != nil {
		t.Fatal(err)
	}
	args := []string{"install", "redis", "--set=redis.persistence=aof", "--set=redis.eviction=allkeys-lru", "--set=redis.password=@" + file, "--on", h.Name, "--yes"}
	p.must(0, args...)
	contains(t, p.must(0, args...).stdout, "nothing to do")
	with := func(command string) string { return `REDISCLI_AUTH="$(cat /root/pw)" redis-cli ` + command }
	if got := on(t, h, "sh", "-c", with("GET x")); got != "kept" {
		t.Errorf("with the password, and an append-only file in place of nothing, x is %q", got)
	}
	contains(t, on(t, h, "sh", "-c", "redis-cli PING 2>&1 || true"), "NOAUTH")
	contains(t, on(t, h, "sh", "-c", with("CONFIG GET maxmemory-policy")), "allkeys-lru")
	p.must(0, "install", "redis", "--set=redis.persistence=rdb", "--on", h.Name, "--yes")
	if got := on(t, h, "sh", "-c", with("GET x")); got != "kept" {
		t.Errorf("with snapshots in place of an append-only file, x is %q", got)
	}
	for _, bad := range []string{"password=brief", "bind=::", "bind=a b", "eviction=none", "persistence=both", "memory=1T", "port=22"} {
		p.must(2, "install", "redis", "--set=redis."+bad, "--on", h.Name, "--yes")
	}
}
