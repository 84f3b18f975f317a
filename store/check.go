package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// The format of a bbolt file, version 2, in the byte order of the machine: pages
// with a header each, the first two of them meta pages, which are written in turn
// and lead to all others.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHeader  = 16 // id, flags, count, overflow
	metaSize    = 64
	elementSize = 16 // of branch and leaf pages alike
	bucketSize  = 16 // root, sequence

	branchPage   = 0x01
	leafPage     = 0x02
	metaPage     = 0x04
	freelistPage = 0x10

	bucketElement = 0x01

	minPageSize = 1 << 10
	maxPageSize = 1 << 24

	maxDepth = 64 // of one tree, with buckets in buckets
)

// errTooShort is the reason for most truncated files.
var errTooShort = errors.New("its end is missing")

// boltMeta is what a meta page says.
type boltMeta struct {
	pageSize int64
	root     uint64 // page of the root bucket
	freelist uint64
	pages    uint64 // pages in use, the meta pages included
	txid     uint64
}

// checkStructure reads a database without trusting it, and returns a
// [*DamagedError] when it is not one that bbolt can work on: every page that the
// last transaction leads to must be there, be what it says, hold its keys in order
// and belong to one parent. It reads and never writes.
func checkStructure(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return explain("look at the database", f.Name(), err)
	}
	if info.Size() == 0 {
		return &DamagedError{f.Name(), "it is empty (0 bytes)"}
	}
	meta, err := readMeta(f, info.Size())
	if err == nil {
		c := &checker{file: f, meta: meta, seen: make([]bool, meta.pages)}
		err = c.run()
	}
	var failed *os.PathError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failed):
		return explain("read the database", f.Name(), err)
	default:
		return &DamagedError{f.Name(), err.Error()}
	}
}

// readMeta returns what the meta page of the last transaction says.
func readMeta(f io.ReaderAt, size int64) (boltMeta, error) {
	first, errFirst := metaAt(f, 0)
	var second boltMeta
	errSecond := errors.New("no second meta page")
	for pos := int64(minPageSize); pos <= maxPageSize && errSecond != nil; pos <<= 1 {
		if errFirst == nil && pos != first.pageSize {
			continue
		}
		second, errSecond = metaAt(f, pos)
		if errSecond == nil && second.pageSize != pos {
			errSecond = errors.New("its meta pages are damaged")
		}
	}
	meta := first
	switch {
	case errFirst != nil && errSecond != nil:
		return boltMeta{}, errors.New("it is not a database, or its beginning is damaged")
	case errFirst != nil, errSecond == nil && second.txid > first.txid:
		meta = second
	}
	if meta.pageSize < minPageSize || meta.pageSize > maxPageSize || meta.pageSize&(meta.pageSize-1) != 0 {
		return boltMeta{}, fmt.Errorf("its page size is %d", meta.pageSize)
	}
	if meta.pages < 4 || meta.pages > uint64(size/meta.pageSize) {
		return boltMeta{}, errTooShort
	}
	return meta, nil
}

// metaAt reads the meta page at pos.
func metaAt(f io.ReaderAt, pos int64) (boltMeta, error) {
	var page [pageHeader + metaSize]byte
	if _, err := f.ReadAt(page[:], pos); err != nil {
		return boltMeta{}, err
	}
	b, u32, u64 := page[pageHeader:], binary.NativeEndian.Uint32, binary.NativeEndian.Uint64
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	m := boltMeta{
		pageSize: int64(u32(b[8:])),
		root:     u64(b[16:]),
		freelist: u64(b[32:]),
		pages:    u64(b[40:]),
		txid:     u64(b[48:]),
	}
	id := u64(page[:])
	switch {
	case u32(b) != boltMagic, u32(b[4:]) != boltVersion, u64(b[56:]) != sum.Sum64():
		return boltMeta{}, errors.New("no meta page")
	case binary.NativeEndian.Uint16(page[8:]) != metaPage, id > 1, (id == 0) != (pos == 0):
		return boltMeta{}, errors.New("its meta pages are damaged")
	}
	return m, nil
}

// checker follows one meta page through the file.
type checker struct {
	file *os.File
	meta boltMeta
	seen []bool // by page
	buf  []byte // of the page that was read last
}

func (c *checker) run() error {
	c.seen[0], c.seen[1] = true, true
	if err := c.tree(c.meta.root, nil, nil, 0); err != nil {
		return err
	}
	return c.freelist()
}

// page reads a page with its overflow, and takes note that it is in use. Its data
// are good until the next page is read.
func (c *checker) page(id uint64) (page, error) {
	if id < 2 || id >= c.meta.pages {
		return page{}, fmt.Errorf("page %d is outside of it", id)
	}
	p := page{id: id, data: c.room(1)}
	if err := c.read(p.data, id); err != nil {
		return page{}, err
	}
	n := uint64(p.overflow()) + 1
	if binary.NativeEndian.Uint64(p.data) != id || n > c.meta.pages-id {
		return page{}, fmt.Errorf("page %d is damaged", id)
	}
	for i := id; i < id+n; i++ {
		if c.seen[i] {
			return page{}, fmt.Errorf("page %d is used twice", i)
		}
		c.seen[i] = true
	}
	if n == 1 {
		return p, nil
	}
	p.data = c.room(n)
	return p, c.read(p.data, id)
}

// room returns the buffer for so many pages.
func (c *checker) room(pages uint64) []byte {
	size := int(pages) * int(c.meta.pageSize)
	if cap(c.buf) < size {
		c.buf = make([]byte, size)
	}
	return c.buf[:size]
}

func (c *checker) read(buf []byte, id uint64) error {
	_, err := c.file.ReadAt(buf, int64(id)*c.meta.pageSize)
	if errors.Is(err, io.EOF) {
		return errTooShort
	}
	return err
}

// tree checks the page and all below it, whose keys lie between from and to; nil
// is no bound.
func (c *checker) tree(id uint64, from, to []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("page %d lies too deep", id)
	}
	p, err := c.page(id)
	if err != nil {
		return err
	}
	switch p.flags() {
	case leafPage:
		return c.leaf(p, from, to, depth, true)
	case branchPage:
		return c.branch(p, from, to, depth)
	default:
		return fmt.Errorf("page %d is damaged", id)
	}
}

func (c *checker) branch(p page, from, to []byte, depth int) error {
	if p.count() == 0 {
		return fmt.Errorf("page %d is damaged", p.id)
	}
	if err := p.checkKeys(from, to); err != nil {
		return err
	}
	p.data = bytes.Clone(p.data)
	for i := range p.count() {
		end := to
		if i+1 < p.count() {
			end = p.key(i + 1)
		}
		if err := c.tree(binary.NativeEndian.Uint64(p.element(i)[8:]), p.key(i), end, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// leaf checks a leaf and the buckets in it, which it may only hold where buckets
// is set.
func (c *checker) leaf(p page, from, to []byte, depth int, buckets bool) error {
	if err := p.checkKeys(from, to); err != nil {
		return err
	}
	held := false
	for i := range p.count() {
		if !p.isBucket(i) {
			continue
		}
		if !held {
			p.data, held = bytes.Clone(p.data), true
		}
		value := p.value(i)
		if !buckets || len(value) < bucketSize {
			return fmt.Errorf("page %d is damaged", p.id)
		}
		if root := binary.NativeEndian.Uint64(value); root != 0 {
			if err := c.tree(root, nil, nil, depth+1); err != nil {
				return err
			}
			continue
		}
		inline := page{id: p.id, data: value[bucketSize:]}
		if len(inline.data) < pageHeader || inline.flags() != leafPage || inline.overflow() != 0 {
			return fmt.Errorf("page %d is damaged", p.id)
		}
		if err := c.leaf(inline, nil, nil, depth+1, false); err != nil {
			return err
		}
	}
	return nil
}

// freelist checks that no page that is in use is said to be free, where the next
// transaction would write.
func (c *checker) freelist() error {
	p, err := c.page(c.meta.freelist)
	if err != nil {
		return err
	}
	if p.flags() != freelistPage {
		return fmt.Errorf("page %d is damaged", p.id)
	}
	ids, n := p.data[pageHeader:], uint64(p.count())
	if n == 0xFFFF { // the count does not fit: it is the first number of the list
		n, ids = binary.NativeEndian.Uint64(ids), ids[8:]
	}
	if n > uint64(len(ids)/8) {
		return fmt.Errorf("page %d is damaged", p.id)
	}
	last := uint64(1)
	for i := range n {
		id := binary.NativeEndian.Uint64(ids[i*8:])
		if id <= last || id >= c.meta.pages {
			return fmt.Errorf("page %d is damaged", p.id)
		}
		if c.seen[id] {
			return fmt.Errorf("page %d is in use and said to be free", id)
		}
		last = id
	}
	return nil
}

// page is a page of a bbolt file with its overflow.
type page struct {
	id   uint64
	data []byte
}

func (p page) flags() uint16    { return binary.NativeEndian.Uint16(p.data[8:]) }
func (p page) count() int       { return int(binary.NativeEndian.Uint16(p.data[10:])) }
func (p page) overflow() uint32 { return binary.NativeEndian.Uint32(p.data[12:]) }

// element returns the i-th element's header and all that follows: positions count
// from there. It is for pages whose keys were checked.
func (p page) element(i int) []byte { return p.data[pageHeader+i*elementSize:] }

// isBucket reports whether a leaf's value is a bucket.
func (p page) isBucket(i int) bool {
	return binary.NativeEndian.Uint32(p.element(i))&bucketElement != 0
}

// value returns a leaf's value.
func (p page) value(i int) []byte {
	e := p.element(i)
	pos, key, value := p.layout(e)
	return e[pos+key : pos+key+value]
}

// key returns the key of an element.
func (p page) key(i int) []byte {
	e := p.element(i)
	pos, key, _ := p.layout(e)
	return e[pos : pos+key]
}

// layout returns where an element's key begins, and the sizes of the key and of the
// value that follows it. A branch has no values.
func (p page) layout(e []byte) (pos, key, value uint64) {
	u32 := func(at int) uint64 { return uint64(binary.NativeEndian.Uint32(e[at:])) }
	if p.flags() == branchPage {
		return u32(0), u32(4), 0
	}
	return u32(4), u32(8), u32(12)
}

// checkKeys checks that the keys and values of a branch or a leaf lie in the page,
// and that the keys ascend and lie between the bounds.
func (p page) checkKeys(from, to []byte) error {
	n, leaf := p.count(), p.flags() == leafPage
	if pageHeader+n*elementSize > len(p.data) {
		return fmt.Errorf("page %d is damaged", p.id)
	}
	var last []byte
	for i := range n {
		e := p.element(i)
		pos, size, value := p.layout(e)
		headers := uint64((n - i) * elementSize)
		if pos < headers || pos+size+value > uint64(len(e)) || size == 0 ||
			leaf && binary.NativeEndian.Uint32(e) > bucketElement {
			return fmt.Errorf("page %d is damaged", p.id)
		}
		key := e[pos : pos+size]
		if i == 0 && bytes.Compare(key, from) < 0 || i > 0 && bytes.Compare(last, key) >= 0 {
			return fmt.Errorf("the keys of page %d are out of order", p.id)
		}
		last = key
	}
	if n > 0 && to != nil && bytes.Compare(last, to) >= 0 {
		return fmt.Errorf("the keys of page %d are out of order", p.id)
	}
	return nil
}
