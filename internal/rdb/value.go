package rdb

// Meta is what a snapshot says about a key besides its name and value.
type Meta struct {
	ExpireAt    int64 // Unix time in ms at which the key expires; -1: never
	IdleSeconds int64 // since the last access, under an LRU policy; -1: not said
	Freq        int   // logarithmic access counter 0–255, under an LFU policy; -1: not said
}

// NoMeta is the Meta of a key about which nothing is said.
func NoMeta() Meta { return Meta{ExpireAt: -1, IdleSeconds: -1, Freq: -1} }

// Value is one value of any kind, as it lies in a snapshot: packed values stay
// packed. Type says which other fields are set:
//
//	TypeString                             String
//	TypeSetIntset                          Blob, an intset
//	TypeHashListpack, TypeZSetListpack,
//	TypeSetListpack                        Blob, a listpack
//	TypeListQuicklist2                     Nodes
//	TypeList, TypeSet, TypeHash, TypeZSet2 Elements
//	TypeHashMetadata, TypeHashListpackEx   Elements and Times
//	TypeStreamListpacks, …2, …3            Stream
//
// Whatever else is read is turned into one of these: a ziplist or a zipmap into a
// listpack, a list of ziplists into nodes, scores as text into doubles. Blobs and
// nodes have been checked from end to end; those of a hash, a set or a sorted set
// hold no element twice, and a sorted set is in order. Elements may be there twice.
// Any of them may be empty.
type Value struct {
	Kind   Kind
	Type   Type
	String []byte
	Blob   []byte
	Nodes  []ListNode

	// Elements holds a list's elements in order, a set's members, a sorted set's
	// members, or a hash's fields and values in turn.
	Elements [][]byte

	Scores []float64 // of a sorted set: one for each element; never NaN
	Times  []int64   // of a hash whose fields expire: Unix ms for each field, -1 for never
	Stream *Stream
}

// ListNode is a node of a list: a listpack, or one element that is too big for one.
type ListNode struct {
	Plain bool
	Bytes []byte
}

// Stream is a stream with its consumer groups.
type Stream struct {
	Nodes        []StreamNode // in the order of their ids; all entries of one may be deleted
	Length       uint64       // number of valid entries in the nodes
	LastID       StreamID
	FirstID      StreamID // id of the oldest valid entry; zero when there is none
	MaxDeletedID StreamID
	EntriesAdded uint64 // entries ever added
	Groups       []StreamGroup
}

// StreamNode is a run of a stream's entries in one listpack, whose layout stream.go
// describes. Entries that were deleted may be among them.
type StreamNode struct {
	ID       StreamID // the entries' ids are differences to it
	Listpack []byte
}

// StreamID is the id of an entry: ms-seq.
type StreamID struct{ MS, Seq uint64 }

// StreamGroup is a consumer group.
type StreamGroup struct {
	Name        []byte
	LastID      StreamID // last id delivered
	EntriesRead int64    // -1: not known
	Pending     []StreamPending
	Consumers   []StreamConsumer
}

// StreamPending is an entry delivered to a consumer of a group and not yet
// acknowledged.
type StreamPending struct {
	ID          StreamID
	DeliveredAt int64 // Unix time in ms
	Deliveries  uint64
}

// StreamConsumer is a consumer of a group. Every id of its Pending is one of the
// group's too.
type StreamConsumer struct {
	Name     []byte
	SeenAt   int64 // Unix time in ms of its last attempt to read
	ActiveAt int64 // Unix time in ms of its last read that got something; -1: never
	Pending  []StreamID
}
