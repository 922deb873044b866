package sentinel

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/acl"
	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/internal/endpoint"
	"github.com/vedette-ha/vedette/internal/events"
)

// Config is what sentinel.conf says about the sentinel itself and, to begin with,
// about the masters it watches. The zero value of a field means what its comment
// says.
type Config struct {
	Port          int      // 26379
	Bind          []string // as written: "127.0.0.1", "-::1" (may be missing), "*"; none: every address
	ProtectedMode bool     // off, as in Redis Sentinel
	RequirePass   string   // of the default user

	Users          []User
	ACLFile        string // absolute; empty: users are in sentinel.conf
	ACLLogMost     int    // acllog-max-len; 0: 128, negative: none
	ACLAllChannels bool   // acl-pubsub-default allchannels

	UnixSocket     string      // besides the port; "": none
	UnixSocketPerm os.FileMode // 0: as the umask has it

	MaxClients  int           // 10000
	IdleTimeout time.Duration // of a client that neither asks nor listens; 0: for ever
	// Renamed are the commands of this sentinel's port that have another name, as lines
	// rename-command: the old name and the new, which is empty to take a command away.
	Renamed []conf.Directive
	Dir     string // where the store goes

	AnnounceIP        string // the local address of each link
	AnnouncePort      int    // Port
	SentinelUser      string // to other sentinels; the pass falls back to RequirePass
	SentinelPass      string
	ResolveHostnames  bool
	AnnounceHostnames bool
	// AllowScriptsReconfig is "deny-scripts-reconfig no".
	AllowScriptsReconfig bool
	// MissingScripts are those of the file that cannot be run.
	MissingScripts  []MissingScript
	BootstrapExpect int
	// PeerCleanupAfter is how long a sentinel may be away before it loses its vote; 0:
	// for ever.
	PeerCleanupAfter time.Duration
	// StrictDiscovery: the address of a master is refused while the quorum cannot be
	// reached, since it may be an old one.
	StrictDiscovery bool

	LogLevel string // debug, verbose, notice, warning or nothing; empty: notice

	MyID string // 40 hexadecimal digits; empty: the store's, or a new one
	// Initial is the monitored masters with their settings, replicas and epochs.
	Initial *failover.Agreed
	// Known are the other sentinels of known-sentinel lines.
	Known []KnownSentinel
	// File is the path of sentinel.conf, for INFO.
	File string
}

// KnownSentinel is what known-sentinel lines say of one sentinel.
type KnownSentinel struct {
	ID      string
	Addr    failover.Addr
	Masters []string // the names of the masters it watches
}

// Options are what a Sentinel is made of besides its configuration. Functions may
// be called by any goroutine.
type Options struct {
	Config  Config
	Version string // vedette_version of INFO
	Log     zerolog.Logger

	// Ready is called when the port is open; nil: nobody waits for it.
	Ready func()
	// Listen opens the sentinel port on an address, "" for any IPv4 one; nil: TCP.
	Listen func(ctx context.Context, host string, port int) (net.Listener, error)
	// Dial connects to data nodes and sentinels; nil: TCP. It does TLS, too.
	Dial client.DialFunc
	// Lookup answers the IP addresses of a host name; nil: the system's resolver.
	Lookup func(ctx context.Context, host string) ([]string, error)
	// Disk holds the store in memory, for tests; nil: the store is in Config.Dir.
	Disk *MemoryDisk
	// StoreDelay makes each write to the store in Config.Dir take that much longer, for
	// measurements.
	StoreDelay time.Duration
	// Rewrite writes what the sentinel knows to sentinel.conf; nil: no file. It may
	// take its time and is called by one goroutine at a time.
	Rewrite func(State) error
	Random  io.Reader // nil: crypto/rand
	// SetLogLevel changes the level of Log to one of redis.conf's; nil: it stays.
	SetLogLevel func(level string)
	// Turn is called before each turn of the loop and when a timer woke it, for
	// simulations of a process that does not get the processor; nil: nothing.
	Turn func()
	// Wall is what the wall clock shows at a time of time.Now, for simulations of a clock
	// that is set; nil: that time. It counts where times leave the process, or come from
	// another one: in the log.
	Wall func(time.Time) time.Time
	// Exit ends the process for SENTINEL SIMULATE-FAILURE; nil: os.Exit.
	Exit func(status int)
}

// State is what sentinel.conf holds of what a sentinel has learned.
type State struct {
	MyID   string
	Config Config // as SENTINEL CONFIG SET left it
	Agreed *failover.Agreed
	Known  map[string][]KnownSentinel // by master
	// Users are the lines of the users by their names, "" for a default user that needs
	// none; nil: they are in a file of their own.
	Users map[string]string
}

// Sentinel watches data servers together with its peers and answers clients on
// the sentinel port.
type Sentinel struct {
	opts    Options
	log     zerolog.Logger
	id      string // myid
	runID   string // of this process
	started time.Time
	table   *table
	users   *acl.Users
	clients *clients
	hub     events.Hub
	journal journal
	quorum  *quorum
	scripts *scripts
	names   names
	echoes  echoes
	stats   portStats

	reports chan any         // from links to the loop; not closed
	asks    chan func(*loop) // from others to the loop; not closed
	rewrite chan struct{}    // holds a token when sentinel.conf is to be rewritten
	jobs    chan struct{}    // a token for each job beside the loop
	opening chan struct{}    // a token for each link that is being opened for the first time
	wg      sync.WaitGroup   // links and jobs
	stop    context.CancelCauseFunc

	rewriting sync.Mutex // one rewrite of sentinel.conf at a time
	twins     sync.Once  // the complaint about a copy of our myid

	ownIP      atomic.Value              // string: our address on the last link that came up
	bound      atomic.Int64              // the port we listen on
	httpWarned atomic.Pointer[time.Time] // when the log last said that a client speaks HTTP
	periods    atomic.Pointer[failover.Timers]
	failures   atomic.Int32 // what SENTINEL SIMULATE-FAILURE asked for

	reporting atomic.Int64 // reports on their way into the queue

	mu     sync.Mutex // guards what follows
	config Config     // as SENTINEL CONFIG SET changes it
}

// errShutdown ends Run on behalf of a client.
var errShutdown = errors.New("SHUTDOWN requested by a client")

// mostJobs bounds what runs beside the loop: proposals, renewals, proofs.
const mostJobs = 256

// New opens the store. Nothing runs before [Sentinel.Run], which closes it.
func New(o Options) (*Sentinel, error) {
	o = withDefaults(o)
	s := &Sentinel{
		opts: o, log: o.Log, config: o.Config, started: time.Now(),
		table:   newTable(connectionCommands(), clientCommands(), pubsubCommands(), serverCommands(), sentinelCommands(), aclCommands()),
		clients: newClients(o.Config.MaxClients),
		reports: make(chan any, eventQueue),
		asks:    make(chan func(*loop), askQueue),
		rewrite: make(chan struct{}, 1),
		jobs:    make(chan struct{}, mostJobs),
		opening: make(chan struct{}, openingMax),
	}
	for _, d := range o.Config.Renamed {
		if err := s.table.rename(d.Args[0], d.Args[1]); err != nil {
			return nil, d.Errorf("%w", err)
		}
	}
	id, err := randomHex(o.Random, 20)
	if err != nil {
		return nil, err
	}
	s.runID = id
	if s.users, err = newUsers(s.table, &o.Config); err != nil {
		return nil, err
	}
	s.names = names{lookup: o.Lookup, news: func(ctx context.Context, host, ip string) {
		s.reported(ctx, resolved{host, ip})
	}}
	timers := failover.DefaultTimers()
	s.periods.Store(&timers)
	s.scripts = &scripts{
		start: startScript, publish: s.publish, wake: make(chan struct{}, 1),
		limits: func() (time.Duration, time.Duration) {
			t := s.timers()
			return t.ScriptMaxRuntime, t.ScriptRetryDelay
		},
	}
	if err := s.openQuorum(); err != nil {
		return nil, err
	}
	return s, nil
}

func withDefaults(o Options) Options {
	c := &o.Config
	if c.Port == 0 {
		c.Port = 26379
	}
	if c.MaxClients == 0 {
		c.MaxClients = 10000
	}
	if c.ACLLogMost == 0 {
		c.ACLLogMost = 128
	}
	if c.LogLevel == "" {
		c.LogLevel = "notice"
	}
	if c.Initial == nil {
		c.Initial = &failover.Agreed{}
	}
	if len(c.Bind) == 0 {
		c.Bind = []string{"*", "-::*"}
	}
	if o.Listen == nil {
		o.Listen = func(ctx context.Context, host string, port int) (net.Listener, error) {
			return endpoint.ListenTCP(ctx, host, port, 511)
		}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext
	}
	if o.Turn == nil {
		o.Turn = func() {}
	}
	if o.Wall == nil {
		o.Wall = func(t time.Time) time.Time { return t }
	}
	if o.Exit == nil {
		o.Exit = exit
	}
	if o.Lookup == nil {
		o.Lookup = net.DefaultResolver.LookupHost
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return o
}

func randomHex(r io.Reader, n int) (string, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return hex.EncodeToString(b), nil
}
