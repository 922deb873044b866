package sentinel

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/resp"
)

const (
	// mostPending bounds the commands of a link without a reply, as in Redis. When
	// it is full a command is refused: a node that answers nothing is asked
	// nothing more.
	mostPending = 100
	// dialTimeout bounds connecting to a host that does not even refuse. TCP's own
	// retries back off, a new dial does not: an address that came back is found
	// within this time.
	dialTimeout = time.Second
	// longestRetry is the pause between attempts to reach a node that refuses:
	// one that came back is noticed at once.
	longestRetry = 200 * time.Millisecond
	// linkBuffer is what a link reads through: room for a message, since there may be
	// thousands of links. The body of INFO goes past it.
	linkBuffer = 1024
	// openingMax bounds the links that are opened for the first time at once: a sentinel
	// that starts has thousands to open, and must not drown the nodes and itself in
	// connections whose answers come late.
	openingMax = 64
	// openingTurn is how long one of them keeps the others waiting at most: a node that
	// answers does so within milliseconds, and hundreds may be unreachable.
	openingTurn = 200 * time.Millisecond
	// quietPeriods is how many hello periods a Pub/Sub link may bring nothing: our own
	// hellos come back on it.
	quietPeriods = 3
	// helloPeriod is how often a sentinel introduces itself, unless it is told another
	// period.
	helloPeriod = 2 * time.Second
)

// linkChannel tells the two links to a data node apart.
type linkChannel string

const (
	commandLink linkChannel = "cmd"
	pubsubLink  linkChannel = "pubsub"
)

// What a link reports, in the order it happened. It counts as happening when the loop
// takes it up: what it leads to, such as the next PING, happens no sooner.
type (
	linkUp   struct{ l *link }
	linkDown struct {
		l     *link
		cause error
	}
	linkReply struct {
		l      *link
		tag    any          // as given to send
		values []resp.Value // one for each command
	}
	linkMessage struct { // a hello on the Pub/Sub link
		l       *link
		payload []byte
	}
)

// linkEnv is what links need from outside. The functions may be called by any
// goroutine.
type linkEnv struct {
	dial   client.DialFunc
	greet  func(l *link) [][]any                   // first commands of a connection: AUTH, CLIENT SETNAME
	listen func() string                           // what SUBSCRIBE is called there; Pub/Sub links only
	retry  func(l *link) time.Duration             // pause before dialling again
	quiet  func() time.Duration                    // how long a Pub/Sub link may bring nothing
	turns  chan struct{}                           // holds a token for each link that is being opened for the first time
	echo   func(payload []byte, at time.Time) bool // whether a message was heard a moment ago
	report func(ctx context.Context, ev any)
}

// link is one long-lived connection to a data node or to another sentinel. It
// dials, introduces itself, sends what it is given, reports what comes back and
// starts again when the connection ends. It decides nothing. Safe for concurrent
// use.
type link struct {
	node    failover.Node
	channel linkChannel
	env     linkEnv
	redial  chan struct{} // a token ends the pause before the next attempt
	opened  func()        // gives the turn of the first connection back
	// A Pub/Sub link is dialled while the command link is up: a node that is away is
	// tried once, not twice. Both are set before run, nil if there is no other.
	leads, follows *link

	mu      sync.Mutex   // guards what follows
	target  string       // host:port; of a sentinel it may change
	conn    *client.Conn // nil while there is no connection
	lk      *client.Link // likewise
	ctx     context.Context
	dropped bool // reset ended the connection
}

func newLink(node failover.Node, channel linkChannel, target string, env linkEnv) *link {
	return &link{node: node, channel: channel, env: env, target: target, redial: make(chan struct{}, 1)}
}

// run keeps the link until ctx ends.
func (l *link) run(ctx context.Context) {
	l.awaitLead(ctx)
	l.takeTurn(ctx)
	for ctx.Err() == nil {
		begun, every := time.Now(), min(l.env.retry(l), longestRetry)
		err := l.connection(ctx)
		l.opened()
		l.env.report(ctx, linkDown{l, err})
		pause := time.NewTimer(every - time.Since(begun))
		select {
		case <-pause.C:
		case <-l.redial:
		case <-ctx.Done():
		}
		pause.Stop()
		l.awaitLead(ctx)
	}
}

// awaitLead waits until the link that this one follows is up.
func (l *link) awaitLead(ctx context.Context) {
	for l.follows != nil && !l.follows.up() {
		select {
		case <-l.redial:
		case <-ctx.Done():
			return
		}
	}
}

func (l *link) up() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lk != nil
}

// takeTurn waits until the first connection may be made. The turn ends with the first
// reply, or after openingTurn.
func (l *link) takeTurn(ctx context.Context) {
	select {
	case l.env.turns <- struct{}{}:
	case <-ctx.Done():
		return
	}
	l.opened = sync.OnceFunc(func() { <-l.env.turns })
	time.AfterFunc(openingTurn, l.opened)
}

// connection is the life of one connection; it returns why that ended.
func (l *link) connection(ctx context.Context) error {
	conn, err := l.dial(ctx)
	if err != nil {
		return err
	}
	opts := client.LinkOptions{PendingMax: 2 * mostPending}
	if l.channel == pubsubLink {
		quiet := time.AfterFunc(l.env.quiet(), l.reset)
		defer quiet.Stop()
		opts.Push = func(v resp.Value, at time.Time) {
			quiet.Reset(l.env.quiet())
			if a := v.Array; len(a) == 3 && a[0].Text() == "message" && !l.env.echo(a[2].Bytes(), at) {
				l.env.report(ctx, linkMessage{l, a[2].Bytes()})
			}
		}
	}
	lk := client.NewLink(conn, opts)
	// The answers to a greeting are not looked at: a node without a password
	// refuses AUTH and is well, and what is wrong PING says too.
	for _, args := range l.env.greet(l) {
		_ = lk.Go(func(client.Reply) { l.opened() }, args...)
	}
	if l.channel == pubsubLink {
		_ = lk.Subscribe(l.env.listen(), helloChannel)
	}
	l.attach(ctx, conn, lk)
	l.env.report(ctx, linkUp{l})
	err = lk.Run(ctx)
	if l.detach() {
		return errLinkReset
	}
	return fmt.Errorf("%w: %w", errLinkEnded, err)
}

func (l *link) dial(ctx context.Context) (*client.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return client.Dial(ctx, "tcp", l.address(), client.Options{
		Dial: l.env.dial, Limits: linkReaderLimits(), BufferBytes: linkBuffer,
	})
}

// Why a connection ended, apart from what the network says.
var (
	errLinkReset = errors.New("closed for a new connection")
	errLinkEnded = errors.New("connection lost")
)

func (l *link) attach(ctx context.Context, conn *client.Conn, lk *client.Link) {
	l.mu.Lock()
	l.ctx, l.conn, l.lk, l.dropped = ctx, conn, lk, false
	l.mu.Unlock()
	if l.leads != nil {
		signal(l.leads.redial)
	}
}

// detach answers whether the connection was ended by reset.
func (l *link) detach() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn, l.lk = nil, nil
	return l.dropped
}

func (l *link) address() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.target
}

// send asks for commands to be sent one after the other; their replies are
// reported together with tag, or not at all if that is nil. It never blocks. False: the link is down or too many
// wait, and nothing was sent. Commands of a connection that ends get no report of
// their own, linkDown says so for all of them.
func (l *link) send(tag any, cmds ...[]any) bool {
	l.mu.Lock()
	lk, ctx := l.lk, l.ctx
	l.mu.Unlock()
	if lk == nil || lk.Pending()+len(cmds) > mostPending {
		return false
	}
	var done func(client.Reply)
	if tag != nil {
		values := make([]resp.Value, 0, len(cmds))
		done = func(r client.Reply) {
			if r.Err != nil {
				return
			}
			values = append(values, r.Value)
			if len(values) == cap(values) {
				l.env.report(ctx, linkReply{l, tag, values})
			}
		}
	}
	for _, args := range cmds {
		if lk.Go(done, args...) != nil {
			return false
		}
	}
	return true
}

// moveTo changes the address; a connection to the old one is dropped.
func (l *link) moveTo(target string) {
	l.mu.Lock()
	changed := l.target != target
	l.target = target
	l.mu.Unlock()
	if changed {
		l.reset()
	}
}

// reset drops the current connection, and a new one is made at once.
func (l *link) reset() {
	l.mu.Lock()
	conn := l.conn
	l.dropped = conn != nil
	l.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
	signal(l.redial)
}

// pending is the number of commands without a reply.
func (l *link) pending() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lk == nil {
		return 0
	}
	return l.lk.Pending()
}

// unread says whether bytes have arrived that nobody looked at yet: then silence
// cannot be judged. False where the transport cannot tell.
func (l *link) unread() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn != nil && hasUnread(l.conn.NetConn())
}

// unreader is a connection of a simulated network, which is no socket.
type unreader interface{ Unread() bool }

// linkReaderLimits bounds one reply of a data node: INFO is the longest.
func linkReaderLimits() resp.ReaderLimits {
	lim := resp.DefaultReaderLimits()
	lim.BytesMax = longestInfo
	lim.ElemsMax = 1024
	return lim
}

// isRefused says whether a node's host is alive and nobody listens there, which
// is stronger evidence than silence.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED)
}
