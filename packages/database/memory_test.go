package database

import (
	"strings"
	"testing"

	"brokeforge/packages"
)

func TestShare(t *testing.T) {
	for _, c := range []struct {
		chosen              string
		memory, least, want int64
	}{
		{memoryKeep, 8 * gibi, 64 * mebi, 0},
		{memoryAuto, 0, 64 * mebi, 0},
		{memoryAuto, 200 * mebi, 64 * mebi, 64 * mebi},
		{memoryAuto, 1 * gibi, 64 * mebi, 256 * mebi},
		{memoryAuto, 2*gibi - 100*mebi, 64 * mebi, 448 * mebi},
		{memoryAuto, 8 * gibi, 64 * mebi, 2 * gibi},
		{memoryAuto, 512 * gibi, 64 * mebi, 16 * gibi},
		{"96M", 8 * gibi, 64 * mebi, 96 * mebi},
		{"3G", 0, 64 * mebi, 3 * gibi},
	} {
		if got := share(c.chosen, c.memory, c.least); got != c.want {
			t.Errorf("share(%s, %d MB) is %d MB, wanted %d MB", c.chosen, c.memory/mebi, got/mebi, c.want/mebi)
		}
	}
}

func TestAcceptMemory(t *testing.T) {
	for _, good := range []string{"auto", "keep", "16M", "512M", "4096G"} {
		if err := acceptMemory(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"15M", "4097G", "0", "512", "512m", "-1G", "1T", "512M\n", "$(id)", "999999999999G", "a", "'", "٣G"} {
		if acceptMemory(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestNeedMemory(t *testing.T) {
	small := packages.Facts{MemoryBytes: 300 * mebi}
	err := needMemory("MySQL", small, memoryAuto, 512*mebi)
	if err == nil || err.Error() != "this server has 300 MB of memory, and MySQL needs 512 MB at least" {
		t.Error(err)
	}
	if err := needMemory("MySQL", packages.Facts{}, "64G", 512*mebi); err != nil {
		t.Errorf("where the memory is not known: %v", err)
	}
	err = needMemory("Redis", small, "290M", 64*mebi)
	if err == nil || !strings.Contains(err.Error(), "too much") {
		t.Error(err)
	}
}
