package rdb

// The versions of the format.
const (
	// Version is what is written unless asked otherwise: Redis 7.0 refuses
	// newer, and every older type it lacks has an equivalent in it.
	Version = 10

	// VersionNewest is what Redis 7.2 writes, and the newest that can be written
	// here and that a DUMP payload may have.
	VersionNewest = 11

	// VersionReadable is the newest a file may have. Redis 7.4 and 8.0 write 12,
	// which differs only where hash fields expire. The types of those are written
	// in older versions, too, for readers who know them.
	VersionReadable = 12
)

// Type is the byte in front of a key that says how its value is laid out.
type Type byte

// The types of values. Redis 7.0 and 7.2 write String, Set, Hash, ZSet2 and
// those from SetIntset on that hold listpacks; the others are of older files.
const (
	TypeString           Type = 0
	TypeList             Type = 1
	TypeSet              Type = 2
	TypeZSet             Type = 3 // scores as text
	TypeHash             Type = 4
	TypeZSet2            Type = 5 // scores as binary doubles
	TypeModulePreGA      Type = 6
	TypeModule2          Type = 7
	TypeHashZipmap       Type = 9
	TypeListZiplist      Type = 10
	TypeSetIntset        Type = 11
	TypeZSetZiplist      Type = 12
	TypeHashZiplist      Type = 13
	TypeListQuicklist    Type = 14 // nodes are ziplists
	TypeStreamListpacks  Type = 15
	TypeHashListpack     Type = 16
	TypeZSetListpack     Type = 17
	TypeListQuicklist2   Type = 18 // nodes are listpacks or plain strings
	TypeStreamListpacks2 Type = 19
	TypeSetListpack      Type = 20 // from version 11 on
	TypeStreamListpacks3 Type = 21 // from version 11 on
	TypeHashMetadataPre  Type = 22 // 22 to 25: Redis 7.4, hashes whose fields expire
	TypeHashListpackPre  Type = 23
	TypeHashMetadata     Type = 24
	TypeHashListpackEx   Type = 25
)

// The opcodes: bytes where a type could stand that announce something else.
const (
	opSlotInfo      = 244 // Valkey, Redis from 7.4 on
	opFunction      = 245
	opFunctionPreGA = 246
	opModuleAux     = 247
	opIdle          = 248 // seconds without access, of the key that follows
	opFreq          = 249 // LFU counter, of the key that follows
	opAux           = 250
	opResizeDB      = 251
	opExpireMS      = 252
	opExpireS       = 253
	opSelectDB      = 254
	opEOF           = 255
)

// The special strings: low six bits of a length byte whose top bits are 11.
const (
	encInt8  = 0
	encInt16 = 1
	encInt32 = 2
	encLZF   = 3
)

// The length forms that take more than the low bits of the first byte.
const (
	len32Bit = 0x80
	len64Bit = 0x81
)

const magic = "REDIS"

// Kind is a data type as a client sees it.
type Kind byte

// The kinds, in the order TYPE's documentation lists them.
const (
	KindString Kind = iota
	KindList
	KindSet
	KindZSet
	KindHash
	KindStream
)

// String returns the word TYPE answers.
func (k Kind) String() string {
	return [...]string{"string", "list", "set", "zset", "hash", "stream"}[k]
}
