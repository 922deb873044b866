package keyspace

// Kind is the type of a value, as TYPE names it.
type Kind uint8

// The kinds of values. Zero is no value.
const (
	String Kind = iota + 1
	List
	Set
	ZSet
	Hash
	Stream
)

// String returns the name TYPE replies with; "none" for zero.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "none"
}

var kindNames = [...]string{
	0: "none", String: "string", List: "list", Set: "set", ZSet: "zset", Hash: "hash", Stream: "stream",
}

// Encoding is how a value is represented, as OBJECT ENCODING names it. For
// strings it is only remembered: all are stored as bytes.
type Encoding uint8

// The encodings of values.
const (
	Raw Encoding = iota
	Int
	Embstr
	Listpack
	Quicklist
	Intset
	Hashtable
	Skiplist
	StreamTree
	ListpackEx // of a hash with fields that expire
)

// String returns the name OBJECT ENCODING replies with.
func (e Encoding) String() string {
	if int(e) < len(encodingNames) {
		return encodingNames[e]
	}
	return "unknown"
}

var encodingNames = [...]string{
	Raw: "raw", Int: "int", Embstr: "embstr", Listpack: "listpack", Quicklist: "quicklist",
	Intset: "intset", Hashtable: "hashtable", Skiplist: "skiplist", StreamTree: "stream",
	ListpackEx: "listpackex",
}

// EmbstrMax is the length in bytes up to which a string is embstr, not raw.
const EmbstrMax = 44

// EncodingOf returns the encoding Redis gives a string that a client sets: Int
// for the canonical text of an int64, Embstr up to [EmbstrMax] bytes, else Raw.
// Commands that change a string in place make it Raw.
func EncodingOf(val []byte) Encoding {
	if isInt64(val) {
		return Int
	}
	if len(val) <= EmbstrMax {
		return Embstr
	}
	return Raw
}

// isInt64 reports whether b is what strconv.AppendInt would print for an int64:
// no sign but a minus, no leading zero, no "-0", in range.
func isInt64(b []byte) bool {
	const digitsMax = 19 // of 9223372036854775807
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	if len(b) == 0 || len(b) > digitsMax {
		return false
	}
	if b[0] == '0' {
		return len(b) == 1 && !neg
	}
	var n uint64 // 19 digits cannot overflow it
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + uint64(c-'0')
	}
	if neg {
		return n <= 1<<63
	}
	return n < 1<<63
}

// Object is a typed value kept on the Go heap: a collection too big to be one
// blob in a cell. The keyspace never looks inside.
type Object interface {
	Kind() Kind
	Encoding() Encoding
	// Len returns the number of elements.
	Len() int
	// MemoryUsage returns the bytes used, estimated from so many sampled
	// elements; zero means all.
	MemoryUsage(samples int) int64
	// FreeEffort returns about how many allocations go away with the value. From
	// [LazyFreeThreshold] up, dropping it asynchronously counts as a lazy free.
	FreeEffort() int
	// Freeze returns the value as it is now, in constant time: an Object of its own
	// that shares all nodes. Changes of either must not show in the other, nor
	// disturb a goroutine that reads the other: they copy the nodes they touch.
	Freeze() Object
}

// LazyFreeThreshold is the FreeEffort above which Redis frees in the background.
const LazyFreeThreshold = 64

// NoExpire is the ExpireAt of a key that does not expire.
const NoExpire int64 = -1

// Entry is a key with its value: a small handle into the data set, good until
// the next call that may change the Space. The zero Entry is no entry.
type Entry struct {
	ds   *dataset
	cell cell
}

// Key returns the key. It aliases the data set: read only.
func (e Entry) Key() []byte { return e.ds.arena.keyOf(e.cell, e.cell.layout()) }

// Kind returns the type of the value.
func (e Entry) Kind() Kind { return e.cell.kind() }

// Encoding returns how the value is represented.
func (e Entry) Encoding() Encoding { return e.cell.encoding() }

// ExpireAt returns when the key expires, in Unix milliseconds, or [NoExpire].
func (e Entry) ExpireAt() int64 { return e.cell.expireAt() }

// Bytes returns the value of a string, or the blob of a small collection; nil if
// the value is an Object. It aliases the data set: read only.
func (e Entry) Bytes() []byte {
	b, _ := e.ds.arena.valueOf(e.cell, e.cell.layout())
	return b
}

// Object returns the typed value, or nil if the value is bytes. To change it,
// get it with [DB.MutableObject].
func (e Entry) Object() Object {
	_, o := e.ds.arena.valueOf(e.cell, e.cell.layout())
	return o
}

// MutableObject is [DB.MutableObject] of an entry that was just found.
func (e Entry) MutableObject() (Object, bool) {
	a, l := &e.ds.arena, e.cell.layout()
	_, obj := a.valueOf(e.cell, l)
	if obj == nil {
		return nil, false
	}
	e.ds.preserve(e.cell)
	a.side.changes(slotNumber(e.cell.inCellValue(l)))
	return obj, true
}

// IdleSeconds returns how long ago the key was last touched, as OBJECT IDLETIME
// does. It means nothing when the Space counts frequency (see [Access]).
func (e Entry) IdleSeconds() int64 { return e.ds.env.idleSeconds(e.cell.access()) }

// Freq returns the logarithmic access counter, decayed to now, as OBJECT FREQ
// does. It means nothing unless the Space counts frequency.
func (e Entry) Freq() uint8 { return e.ds.env.frequency(e.cell.access()) }

// tableShare is about what the table takes for each entry, in bytes.
const tableShare = 8

// MemoryUsage returns the bytes the key takes, with its share of the tables.
// Objects are estimated from so many sampled elements; zero means all.
func (e Entry) MemoryUsage(samples int) int64 {
	l := e.cell.layout()
	n := int64(l.units())*unitBytes + tableShare
	if l.flags&hasExpire != 0 {
		n += tableShare
	}
	if l.flags&keyAside != 0 {
		n += int64(cap(e.ds.arena.side.at(slotNumber(e.cell.inCellKey(l))).bytes))
	}
	if l.flags&valueAside == 0 {
		return n
	}
	v := e.ds.arena.side.at(slotNumber(e.cell.inCellValue(l)))
	if v.object != nil {
		return n + v.object.MemoryUsage(samples)
	}
	return n + int64(cap(v.bytes))
}
