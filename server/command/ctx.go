package command

import (
	"github.com/vedette-ha/vedette/internal/lzf"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// Ctx is one execution of one command. It lives as long as its session; all but
// the exported fields is the server's business. Args and what they point at are
// valid until the handler returns.
type Ctx struct {
	Args    [][]byte // Args[0] is the command's name
	Cmd     *Command
	Out     *resp.Writer
	DB      *keyspace.DB // the selected database
	DBIndex int
	Space   *keyspace.Space
	Now     int64 // Unix time in ms; one value for a whole transaction
	Host    Host
	Opt     *Options
	Session any  // the server's session, for the server's own commands
	NoTouch bool // CLIENT NO-TOUCH: reads leave the access marks alone
	Lookups *Lookups

	Obey    bool           // the command comes from our master: what it says has been decided
	Streams *stream.Packer // unpacks the nodes of streams
	LZF     *lzf.Compressor

	// Scratch is empty memory, lent for one run, to edit a blob in. Store a grown
	// slice back, so that the next command has the room.
	Scratch []byte

	warmed  byte // see warm: means nothing
	dirty   int
	effects int
	words   [4][]byte // of an effect, which would be allocated otherwise
	digits  [20]byte  // of a number in it

	ids        []stream.ID // lent by lendIDs
	claimWords [14][]byte  // of the effect of a claim, which comes often
}

// Host is what a command asks of its server beyond keys and replies. It is called
// on the loop.
type Host interface {
	// Effect queues one command for the replication stream and the AOF.
	Effect(db int, args ...[]byte)
	// Touch tells those who watch the key that it changed.
	Touch(db int, key []byte)
	// Notify publishes a keyspace event if notify-keyspace-events asks for it.
	Notify(class Class, event string, key []byte, db int)
	// Ready is Touch for those alone who wait for the key: what changed is nothing to
	// those who watch it.
	Ready(db int, key []byte)
	// Block makes the session wait: see [Ctx.Block].
	Block(c *Ctx, w *Wait) bool
}

// Options are the configuration values that commands read. The server keeps them
// up to date; they change between commands only.
type Options struct {
	ProtoMaxBulkLen   int64 // the longest string APPEND, SETRANGE, … may make, in bytes
	LazyUserDel       bool  // lazyfree-lazy-user-del: DEL is UNLINK
	LazyUserFlush     bool
	LazyServerDel     bool
	SkipChecksums     bool // of RESTORE's payloads
	LFU               bool // maxmemory-policy is one of the LFU ones
	SharedIntegers    bool // small numbers need no access time of their own
	NotifyNew         bool // notify-keyspace-events has n, and K or E
	LazyExpire        bool // lazyfree-lazy-expire: expired keys propagate as UNLINK
	RDBCompression    bool
	HLLSparseMaxBytes int

	codec.Limits     // up to which sizes collections are small
	ListLarge    int // bytes from which list elements get plain nodes; 0: the default
}

// Lookups counts what reads found, for INFO stats.
type Lookups struct{ Hits, Misses uint64 }

// Class is the kind of a keyspace event: a letter of notify-keyspace-events.
type Class uint32

// The classes, by their letters.
const (
	Keyspace    Class = 1 << iota // K
	Keyevent                      // E
	Generic                       // g
	String                        // $
	List                          // l
	Set                           // s
	Hash                          // h
	ZSet                          // z
	Expired                       // x
	Evicted                       // e
	Stream                        // t
	KeyMiss                       // m
	ModuleEvent                   // d
	NewKey                        // n
)

// Begin prepares for one run of cmd.
func (c *Ctx) Begin(cmd *Command, args [][]byte) {
	c.Cmd, c.Args = cmd, args
	c.dirty, c.effects = 0, 0
}

// Changed says that the command changed key: watchers are told, the change counts
// towards the save points, and event (of class) is published. Call it once for
// each changed key, after the change.
func (c *Ctx) Changed(class Class, event string, key []byte) {
	c.dirty++
	c.Host.Touch(c.DBIndex, key)
	c.Host.Notify(class, event, key, c.DBIndex)
}

// ChangedIn is Changed for a key of another database.
func (c *Ctx) ChangedIn(db int, class Class, event string, key []byte) {
	c.dirty++
	c.Host.Touch(db, key)
	c.Host.Notify(class, event, key, db)
}

// AddDirty counts n more changes, of keys nobody needs to be told about.
func (c *Ctx) AddDirty(n int) { c.dirty += n }

// Effect says what replicas and the AOF are to do instead of the command as it
// was received. Without a call, a command that changed something is propagated
// verbatim. The bytes are copied before it returns.
func (c *Ctx) Effect(args ...[]byte) {
	c.effects++
	c.Host.Effect(c.DBIndex, args...)
}

// NoEffect suppresses propagation of a command that changed something.
func (c *Ctx) NoEffect() { c.effects++ }

// Dirty is the number of changes so far.
func (c *Ctx) Dirty() int { return c.dirty }

// Effects is the number of effects declared so far.
func (c *Ctx) Effects() int { return c.effects }
