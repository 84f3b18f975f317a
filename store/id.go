package store

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"
)

const (
	// digits are those of Crockford's base32 in lower case, which is easier to read
	// and to type: https://www.crockford.com/base32.html
	digits   = "0123456789abcdefghjkmnpqrstvwxyz"
	idLen    = 26
	shortLen = 6
)

// Short is the form of an ID for narrow places: its last six characters, which is
// where IDs differ.
func (id ID) Short() string {
	return string(id[max(0, len(id)-shortLen):])
}

// ParseID reads an ID that somebody typed. Upper case, and the letters that
// Crockford's base32 lets stand for digits (o for 0, i and l for 1), are accepted.
func ParseID(s string) (ID, error) {
	id := ID(normal(s))
	if err := id.check(); err != nil {
		return "", fmt.Errorf("%q is not an id: %w", s, err)
	}
	return id, nil
}

// check reports what is wrong with an ID, which may become a file's name.
func (id ID) check() error {
	if len(id) != idLen {
		return fmt.Errorf("an id has %d characters, this has %d", idLen, len(id))
	}
	if i := strings.IndexFunc(string(id), func(r rune) bool { return !strings.ContainsRune(digits, r) }); i >= 0 {
		return fmt.Errorf("an id has no %q", id[i:i+1])
	}
	if id[0] > '7' { // 26 characters hold 130 bits, an id has 128
		return fmt.Errorf("an id does not begin with %q", id[:1])
	}
	return nil
}

func normal(typed string) string {
	return strings.NewReplacer("o", "0", "i", "1", "l", "1").Replace(strings.ToLower(strings.TrimSpace(typed)))
}

// generator makes IDs of 48 bits of Unix time in milliseconds and 80 bits of
// chance, the layout of a ULID. Each is greater than the one before.
type generator struct {
	now func() time.Time

	mu   sync.Mutex
	last [16]byte
}

func (g *generator) next() ID {
	g.mu.Lock()
	defer g.mu.Unlock()
	var fresh [16]byte
	binary.BigEndian.PutUint64(fresh[:8], uint64(max(0, g.now().UnixMilli()))<<16)
	if string(fresh[:6]) > string(g.last[:6]) {
		rand.Read(fresh[6:])
		fresh[6] &= 0x7f // leaves room to count up within the millisecond
		g.last = fresh
	} else {
		g.advance()
	}
	return encode(g.last)
}

// advance adds a random step, so that the short forms of IDs made in one
// millisecond don't look alike.
func (g *generator) advance() {
	var step [4]byte
	rand.Read(step[:])
	lo := binary.BigEndian.Uint64(g.last[8:])
	sum := lo + uint64(binary.BigEndian.Uint32(step[:])) + 1
	binary.BigEndian.PutUint64(g.last[8:], sum)
	if sum < lo {
		binary.BigEndian.PutUint64(g.last[:8], binary.BigEndian.Uint64(g.last[:8])+1)
	}
}

// after makes the IDs that follow greater than id.
func (g *generator) after(id ID) {
	if id.check() != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if b := decode(id); string(b[:]) > string(g.last[:]) {
		g.last = b
	}
}

func encode(b [16]byte) ID {
	n := new(big.Int).SetBytes(b[:])
	var out [idLen]byte
	base, digit := big.NewInt(32), new(big.Int)
	for i := idLen - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = digits[digit.Int64()]
	}
	return ID(out[:])
}

// decode is the reverse of encode for an ID that check accepts.
func decode(id ID) (b [16]byte) {
	n, base := new(big.Int), big.NewInt(32)
	for i := range len(id) {
		n.Mul(n, base)
		n.Add(n, big.NewInt(int64(strings.IndexByte(digits, id[i]))))
	}
	n.FillBytes(b[:])
	return b
}
