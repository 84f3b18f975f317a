package database

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"brokeforge/packages"
)

const (
	mebi = 1 << 20
	gibi = 1 << 30
)

// What the memory option takes in place of a size.
const (
	memoryAuto = "auto"
	memoryKeep = "keep"
)

func memoryChoice(help string) packages.Option {
	return packages.Option{
		Name: optionMemory, Label: "Memory", Kind: packages.Text, Default: memoryAuto, Required: true,
		Help: help, Validate: acceptMemory,
	}
}

var memoryPattern = regexp.MustCompile(`^([1-9][0-9]{0,5})([MG])$`)

func acceptMemory(value string) error {
	if value == memoryAuto || value == memoryKeep {
		return nil
	}
	if n := parseMemory(value); n < 16*mebi || n > 4096*gibi {
		return fmt.Errorf("is neither auto, nor keep, nor a size from 16M to 4096G, such as 512M")
	}
	return nil
}

// parseMemory returns a size such as 512M in bytes, or 0 where it is none.
func parseMemory(value string) int64 {
	m := memoryPattern.FindStringSubmatch(value)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	if m[2] == "G" {
		return n * gibi
	}
	return n * mebi
}

// share returns the memory that a database may keep data in, in bytes: what is
// chosen or, with auto, a quarter of the server's, as other services run beside
// it, from least to 16 GiB. It is 0, which leaves the setting alone, with keep
// and where the server's memory is not known.
func share(chosen string, memory, least int64) int64 {
	switch {
	case chosen == memoryKeep:
		return 0
	case chosen != memoryAuto:
		return parseMemory(chosen)
	case memory <= 0:
		return 0
	}
	quarter := memory / 4 / (64 * mebi) * (64 * mebi)
	return min(max(quarter, least), 16*gibi)
}

// megabytes writes a number of bytes as MySQL and PostgreSQL take it, with the
// unit after it.
func megabytes(n int64, unit string) string {
	return strconv.FormatInt(n/mebi, 10) + unit
}

// needMemory refuses a server that has too little memory. A server whose
// memory is not known is not refused.
func needMemory(title string, facts packages.Facts, chosen string, least int64) error {
	have := facts.MemoryBytes
	if have <= 0 {
		return nil
	}
	if have < least {
		return fmt.Errorf("this server has %s of memory, and %s needs %s at least", megabytes(have, " MB"), title, megabytes(least, " MB"))
	}
	if size := parseMemory(chosen); size > have*9/10 {
		return fmt.Errorf("%s of memory for %s is too much: this server has %s", strings.TrimSpace(chosen), title, megabytes(have, " MB"))
	}
	return nil
}
