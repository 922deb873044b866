package server

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/vedette-ha/vedette/internal/endpoint"
	"github.com/vedette-ha/vedette/internal/lzf"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

// Version is the Redis version whose behaviour is the contract, as INFO says it.
const Version = "7.2.4"

// Options is what a Server is made from. Config and Log are needed; the rest has
// defaults that use the real network.
type Options struct {
	Config *Config
	Log    zerolog.Logger
	// Build is vedette's own version, for INFO.
	Build string
	// Ready is called on the loop once clients are accepted; may be nil.
	Ready func()
	// RoleChanged is called on the loop when the server becomes a replica or a
	// master; may be nil.
	RoleChanged func(replica bool)
	// Listeners replaces the listeners of the configuration (in-memory networks).
	Listeners []net.Listener
	// Dial replaces the dialler of the link to a master.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Virtual selects a poller on channels, for in-memory networks and tests in
	// virtual time.
	Virtual bool
	// Turn is called before each turn of the loop, for simulations of a process that does
	// not get the processor; nil: nothing.
	Turn func()
	// Wall is what the wall clock shows at a time of time.Now, for simulations of a clock
	// that is set; nil: that time.
	Wall func(time.Time) time.Time
}

// Server is one data server. Everything but done and inbox belongs to the loop.
type Server struct {
	cfg   *Config
	log   zerolog.Logger
	build string
	dial  func(ctx context.Context, network, addr string) (net.Conn, error)
	// dialsMaster is dial from bind-source-addr, which source is told of.
	dialsMaster func(ctx context.Context, network, addr string) (net.Conn, error)
	source      *sourceDialer
	ready       func()
	showRole    func(replica bool)
	turn        func()
	wall        func(time.Time) time.Time

	poller    *endpoint.Poller
	listening listening
	inbox     chan func()
	done      chan struct{}  // closed when the loop has ended
	bg        sync.WaitGroup // goroutines the server started
	bgCtx     context.Context
	bgStop    context.CancelFunc

	started           time.Time
	startedUnix       int64
	turnMono, cmdMono time.Duration // since started
	turnWall, execNow int64         // Unix ms
	timers            timerHeap
	rbuf              []byte
	warmed            byte // see session.warm: means nothing
	streams           stream.Packer
	lzf               lzf.Compressor
	scratch           []byte // lent to the command that runs: Ctx.Scratch
	spareOut          spareBuffers
	pendingOut        []*session
	resumed           []*session
	doomed            []*session // to be closed at the end of the turn
	running           *session   // whose command runs
	asideOut          resp.Writer
	stopped           bool
	stopErr           error
	shutdown          *shutdown
	stopCause         error // the end of the context has been acted on
	limits            resp.Limits
	limitsNoAuth      resp.Limits
	plain             bool // see refreshPlain
	opt               command.Options
	table             *command.Table
	space             *keyspace.Space
	dirty             int    // changes since the last save
	os                string // uname, for INFO
	collector         collector
	quiet             quiet
	runID             string
	sessions          map[uint64]*session
	order             []*session
	lastSessionID     uint64
	blockedCount      int
	monitors          []*session
	watched           []watchers
	keyWaits          keyWaits
	listLarge         int // DEBUG QUICKLIST-PACKED-THRESHOLD
	pubsub            pubsub
	paused            pauses
	effects           effects
	stats             stats
	gather            gathering
	lookups           command.Lookups
	notify            command.Class // notify-keyspace-events
	activeExpire      bool          // DEBUG SET-ACTIVE-EXPIRE
	debug             debugging
	httpWarnedAt      time.Duration // since started
	recent            recentBuffers
	own               ownExpires
	oom               oomScore
	cronAt            int // where sessionsCron goes on
	slowlog           slowlog
	buffers           buffers
	evicting          evicting
	latency           latencyMonitor
	loading           *loading // set while a data set is loaded
	save              saves
	snap              snapshots
	migrate           migrateCache
	replicationState
}

// New makes a server; [Server.Run] runs it.
func New(o Options) (*Server, error) {
	if err := o.Config.applyUsers(); err != nil {
		return nil, err
	}
	if names := o.Config.otherUsers(); names != nil {
		o.Log.Warn().Strs("users", names).Msg("Nobody can log in as these users: only default is served")
	}
	source := new(sourceDialer)
	dialsMaster := o.Dial
	if o.Dial == nil {
		o.Dial, dialsMaster = new(net.Dialer).DialContext, source.DialContext
	}
	if o.Turn == nil {
		o.Turn = func() {}
	}
	if o.Wall == nil {
		o.Wall = func(t time.Time) time.Time { return t }
	}
	s := &Server{
		source: source, dialsMaster: dialsMaster,
		cfg: o.Config, log: o.Log, build: o.Build, dial: o.Dial, ready: o.Ready, showRole: o.RoleChanged,
		turn: o.Turn, wall: o.Wall,
		listening: listening{given: o.Listeners},
		inbox:     make(chan func(), inboxSize),
		done:      make(chan struct{}),
		rbuf:      make([]byte, readSize),
		sessions:  make(map[uint64]*session),
		runID:     randomHex(40),
		os:        systemName(),
		started:   time.Now(),
	}
	s.startedUnix = s.started.UnixMilli()
	s.watched = make([]watchers, s.cfg.Databases)
	s.keyWaits.keys = make([]map[string]*keyQueue, s.cfg.Databases)
	s.space = keyspace.New(s.keyspaceOptions())
	s.pubsub = newPubsub()
	s.table = command.NewTable(s.families()...)
	s.bgCtx, s.bgStop = context.WithCancel(context.Background())
	s.initPersistence()
	s.initReplication()
	s.applyConfig()
	s.registerHooks()
	for _, d := range s.cfg.RenamedCommands {
		if err := s.table.Rename(d.Args[0], d.Args[1]); err != nil {
			return nil, d.Errorf("%w", err)
		}
	}
	s.activeExpire = true
	s.debug.replyPeakPeriod = replyPeakPeriod
	s.startTurn()
	var err error
	if o.Virtual {
		s.poller = endpoint.NewChannelPoller()
	} else if s.poller, err = endpoint.NewPoller(); err != nil {
		return nil, err
	}
	return s, nil
}

// families lists every family of commands.
func (s *Server) families() [][]command.Row {
	return [][]command.Row{
		command.StringCommands(),
		command.BitmapCommands(),
		command.HashCommands(),
		command.StreamCommands(),
		command.HyperLogLogCommands(),
		command.GenericCommands(),
		command.SortCommands(),
		command.SetCommands(),
		command.ZSetCommands(),
		command.ListCommands(),
		command.GeoCommands(),
		s.connectionCommands(),
		s.clientCommands(),
		s.transactionCommands(),
		s.pubsubCommands(),
		s.adminCommands(),
		s.persistenceCommands(),
		s.migrateCommands(),
		s.replicationCommands(),
		s.absentCommands(),
	}
}

// Run listens, loads the data and serves until ctx ends or SHUTDOWN; it returns
// when everything the server started has ended. The error is nil after an orderly
// end.
func (s *Server) Run(ctx context.Context) error {
	defer s.end()
	if err := s.listen(ctx); err != nil {
		return err
	}
	s.log.Info().Msg("Server initialized")
	_ = s.applyOOMScore() // the log says why it stays as it was
	stop := context.AfterFunc(ctx, s.poller.Wake)
	defer stop()
	s.startCron()
	s.loadAtStart(s.serve)
	return s.loop(ctx)
}

// serve begins what only makes sense with the data set there.
func (s *Server) serve() {
	s.startReplication()
	for _, kind := range s.listening.kinds() {
		s.log.Info().Msg("Ready to accept connections " + kind)
	}
	if s.ready != nil {
		s.ready()
	}
}

// end closes what is open and waits for the server's goroutines.
func (s *Server) end() {
	close(s.done)
	s.bgStop()
	closeAll(s.listening.all())
	s.eachSession(func(c *session) { c.close() })
	s.bg.Wait()
	s.migrate.close()
	s.poller.Close()
}
