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
	ask := func(command string) string {
		return "{ sed -n 's/^requirepass /AUTH /p' /etc/redis/brokeforge-password.conf; echo '" + command + "'; } | redis-cli | tail -n 1"
	}
	testServer(t, server{
		name: "redis", title: "Redis", port: "6379", process: "redis-server", unit: named("redis-server"),
		write: ask("SET x kept"), read: ask("GET x"),
		memory: ask("CONFIG GET maxmemory"), other: "100663296",
		data: "/var/lib/redis", gone: "/var/lib/redis/* /etc/redis/brokeforge* /etc/systemd/system/redis-server.service.d",
	}, suites)
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
