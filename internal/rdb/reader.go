package rdb

import (
	"io"
	"strconv"
)

// ReaderOptions say what a Reader accepts. The zero value checks the checksum and
// takes strings up to 512 MiB.
type ReaderOptions struct {
	SkipChecksum bool  // as `rdbchecksum no` has it
	MaxString    int64 // longest string in bytes; 0: DefaultMaxString

	// Size is the length of the snapshot in bytes where it is known, else 0. A
	// length beyond it is refused at once, and strings are allocated in one piece.
	Size int64
}

// DefaultMaxString is Redis's default of proto-max-bulk-len.
const DefaultMaxString = 512 << 20

// Reader reads a snapshot event by event. One goroutine may use it at a time.
type Reader struct {
	in      input
	version int
	ended   bool

	key    []byte // backs the key, or the first string, of the last event
	value  []byte // backs its short string value, or its second string
	meta   Meta   // of the key to come
	record Record
	aux    Aux
	db     SelectDB
	resize ResizeDB
	code   Function
}

// NewReader returns a Reader of r. It reads ahead: r is left somewhere behind the
// end of the snapshot.
func NewReader(r io.Reader, o ReaderOptions) *Reader {
	return &Reader{
		in: input{
			src:       r,
			buf:       make([]byte, inputBuffer),
			sum:       !o.SkipChecksum,
			size:      o.Size,
			maxString: maxString(o.MaxString),
		},
		meta: NoMeta(),
	}
}

func maxString(n int64) int64 {
	if n <= 0 {
		return DefaultMaxString
	}
	return n
}

// Offset returns how many bytes have been consumed: after io.EOF the length of
// the snapshot. A byte after it is not part of it (an AOF may follow).
func (r *Reader) Offset() int64 { return r.in.offset() }

// Next returns the next event, or io.EOF when the snapshot is complete and its
// checksum right. Any other error is an *Error and final.
func (r *Reader) Next() (Event, error) {
	if r.version == 0 {
		r.header()
	}
	for r.in.err == nil && !r.ended {
		if ev := r.element(); ev != nil && r.in.err == nil {
			return ev, nil
		}
	}
	if r.in.err != nil {
		return nil, r.in.err
	}
	return nil, io.EOF
}

// header reads the magic and the version.
func (r *Reader) header() {
	p := r.in.take(len(magic) + 4)
	if p == nil {
		return
	}
	if string(p[:len(magic)]) != magic {
		r.in.fail(0, "Wrong signature trying to load DB from file: it does not begin with "+magic)
		return
	}
	v, err := strconv.Atoi(string(p[len(magic):]))
	if err != nil || v < 1 || v > VersionReadable {
		r.in.failf(0, "Can't handle RDB format version %q, only 1 to %d", p[len(magic):], VersionReadable)
		return
	}
	r.version = v
}

// element reads one opcode or one key. It returns nil where that is no event of
// its own: an expiry, the end, something skipped, or an error.
func (r *Reader) element() Event {
	at := r.in.offset()
	op := r.in.byte()
	if r.in.err != nil {
		return nil
	}
	switch op {
	case opExpireMS:
		r.meta.ExpireAt = int64(r.in.uint64())
	case opExpireS:
		r.expireSeconds()
	case opIdle:
		r.idle(at)
	case opFreq:
		r.meta.Freq = int(r.in.byte())
	case opSelectDB:
		return r.selectDB(at)
	case opResizeDB:
		r.resize = ResizeDB{Keys: r.in.count(), Volatile: r.in.count()}
		return &r.resize
	case opAux:
		return r.readAux()
	case opFunction:
		r.reuse()
		r.key = r.in.string(r.key)
		r.code.Code = r.key
		return &r.code
	case opFunctionPreGA:
		r.in.fail(at, "a function of a Redis 7.0 release candidate; only those of a release can be read")
	case opModuleAux:
		r.in.moduleAux()
	case opSlotInfo:
		for range 3 { // slot, keys in it, keys in it that expire
			r.in.count()
		}
	case opEOF:
		r.end()
	default:
		if t := Type(op); t.known() {
			return r.readRecord(at, t)
		}
		r.in.failf(at, "unknown type or opcode %d", op)
	}
	return nil
}

func (r *Reader) expireSeconds() {
	if p := r.in.take(4); p != nil {
		s := int32(uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16 | uint32(p[3])<<24)
		r.meta.ExpireAt = int64(s) * 1000
	}
}

func (r *Reader) idle(at int64) {
	n := r.in.count()
	if n > 1<<40 {
		r.in.failf(at, "a key idle for %d seconds", n)
		return
	}
	r.meta.IdleSeconds = int64(n)
}

func (r *Reader) selectDB(at int64) Event {
	n := r.in.count()
	if n > 1<<31-1 {
		r.in.failf(at, "a database numbered %d", n)
		return nil
	}
	r.record.DB = int(n)
	r.db.DB = int(n)
	return &r.db
}

func (r *Reader) readAux() Event {
	r.reuse()
	r.key = r.in.string(r.key)
	r.value = r.in.string(r.value)
	r.aux = Aux{Key: r.key, Value: r.value}
	return &r.aux
}

// readRecord reads a key and its value.
func (r *Reader) readRecord(at int64, t Type) Event {
	r.reuse()
	r.key = r.in.string(r.key)
	r.record.Key, r.record.Meta = r.key, r.meta
	r.meta = NoMeta()
	r.record.Value = Value{}
	v := &r.record.Value
	r.in.value(at, t, v, r.value)
	own := &v.String
	if v.Blob != nil {
		own = &v.Blob
	}
	if len(*own) >= OwnedSize {
		r.value = nil
	} else if *own != nil {
		r.value = *own
	}
	return &r.record
}

// reuse empties the memory of the last event for the next.
func (r *Reader) reuse() {
	if cap(r.key) > keptScratch {
		r.key = nil
	}
	if cap(r.value) >= OwnedSize {
		r.value = nil
	}
	r.key, r.value = r.key[:0], r.value[:0]
	r.in.elems.reuse()
}

// end reads what follows the last key: the checksum.
func (r *Reader) end() {
	r.ended = true
	if r.version < 5 {
		return
	}
	computed := r.in.checksum()
	at := r.in.offset()
	stored := r.in.uint64()
	if r.in.err == nil && stored != 0 && r.in.sum && stored != computed {
		r.in.failf(at, "RDB CRC error, wrong checksum: %016x is stored, %016x computed", stored, computed)
	}
}
