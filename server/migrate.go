package server

import (
	"context"
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// migration is one MIGRATE on its way.
//
// Redis stands still meanwhile. Here a goroutine talks to the other server, while
// writes are paused as CLIENT PAUSE WRITE does it, so that what has been sent is what
// is deleted in the end; reads go on. Where a command may not wait, in a transaction,
// the server does stand still.
type migration struct {
	migrateOptions
	db   int
	keys []migrateKey
	conn *migrateConn // nil until there is one
	dial client.DialFunc
	gone [][]byte // keys that the other server has taken
	err  error    // what the client is told; nil OK
}

// migrateOptions are the words of MIGRATE.
type migrateOptions struct {
	addr           string
	dbThere        int64
	timeout        time.Duration // of each step: connect, write, read
	copy, replace  bool
	user, password []byte // password nil: no AUTH; user nil: the default one
	names          [][]byte
}

// migrateKey is a key to be sent: what RESTORE gets.
type migrateKey struct {
	key   []byte
	ttl   int64 // ms, 0 none
	value keyspace.Value
}

// migrateConn is a connection to another server, kept for the next MIGRATE.
type migrateConn struct {
	*client.Conn
	db   int64 // selected there; -1 not known
	used time.Duration
}

const (
	// migrateKeep is how long a connection is kept for the next MIGRATE.
	migrateKeep = 10 * time.Second
	// migrateConns is how many are kept.
	migrateConns = 64
	// migrateTimeout stands for a timeout that is none.
	migrateTimeout = time.Second
	// migrateChunk is how many bytes the timeout of a write is for.
	migrateChunk = 64 << 10
)

// migrateCommands: https://redis.io/docs/latest/commands/migrate/
func (s *Server) migrateCommands() []command.Row {
	return []command.Row{{Name: "MIGRATE", Run: s.cmdMigrate}}
}

// MIGRATE host port key | "" destination-db timeout [COPY] [REPLACE] [AUTH password |
// AUTH2 username password] [KEYS key [key ...]]
func (s *Server) cmdMigrate(c *command.Ctx) error {
	o, err := parseMigrate(c.Args)
	if err != nil {
		return err
	}
	x := sessionOf(c)
	m := &migration{migrateOptions: o, db: c.DBIndex, dial: s.dial, keys: migrateKeys(c, o.names)}
	if len(m.keys) == 0 {
		c.Out.Status("NOKEY")
		return nil
	}
	m.conn = s.migrate.take(o.addr)
	if !x.mayWait() {
		m.run(s.bgCtx, c.Opt.RDBCompression)
		s.endMigration(m)
		c.NoEffect()
		if m.err == nil {
			c.Out.Status("OK")
		}
		return m.err
	}
	s.migrateAside(x, m, c.Opt.RDBCompression)
	return nil
}

// migrateAside runs m on a goroutine. The session waits for it; if it ends early, or
// we become a replica, only the answer is dropped, or the keys stay.
func (s *Server) migrateAside(x *session, m *migration, compress bool) {
	waits := true
	x.blockFor(&blocked{kind: blockedMigrate, onCancel: func() { waits = false }}, 0)
	s.setPause(&s.paused.migrate, pauseWrite, s.turnWall+pauseForGood)
	s.bg.Go(func() {
		m.run(s.bgCtx, compress)
		s.post(func() {
			s.effects.enter()
			if !s.isReplica() {
				s.endMigration(m)
			}
			s.effects.leave()
			s.flushEffects()
			s.unpause(&s.paused.migrate)
			switch {
			case !waits:
			case m.err != nil:
				x.failWait(m.err)
			default:
				x.endWait(func() { x.out.Status("OK") })
			}
		})
	})
}

// endMigration deletes what the other server has taken, and keeps the connection.
func (s *Server) endMigration(m *migration) {
	if m.conn != nil {
		s.migrate.keep(s, m.addr, m.conn)
	}
	if m.copy || len(m.gone) == 0 {
		return
	}
	words := [][]byte{[]byte("DEL")}
	db := s.space.DB(m.db)
	for _, key := range m.gone {
		if !db.Delete(key) {
			continue
		}
		words = append(words, key)
		s.dirty++
		s.Touch(m.db, key)
		s.Notify(command.Generic, "del", key, m.db)
	}
	if len(words) > 1 {
		s.Effect(m.db, words...)
	}
}

// migrateKeys takes the keys there are. Small values are copied and big ones frozen,
// so that a goroutine can read them.
func migrateKeys(c *command.Ctx, names [][]byte) (keys []migrateKey) {
	for _, name := range names {
		e, ok := c.Find(name)
		if !ok {
			continue
		}
		k := migrateKey{key: append([]byte(nil), name...), value: e.Value()}
		if k.value.Object != nil {
			k.value.Object = k.value.Object.Freeze()
		} else {
			k.value.Bytes = append([]byte(nil), k.value.Bytes...)
		}
		if at := e.ExpireAt(); at != keyspace.NoExpire {
			k.ttl = max(at-c.Now, 1)
		}
		keys = append(keys, k)
	}
	return keys
}

func parseMigrate(args [][]byte) (o migrateOptions, err error) {
	o.names = args[3:4]
	for i := 6; i < len(args); i++ {
		more := len(args) - 1 - i
		switch a := args[i]; {
		case equalFold(a, "COPY"):
			o.copy = true
		case equalFold(a, "REPLACE"):
			o.replace = true
		case equalFold(a, "AUTH") && more >= 1:
			i++
			o.user, o.password = nil, append([]byte{}, args[i]...)
		case equalFold(a, "AUTH2") && more >= 2:
			i += 2
			o.user, o.password = append([]byte{}, args[i-1]...), append([]byte{}, args[i]...)
		case equalFold(a, "KEYS"):
			if len(args[3]) != 0 {
				return o, resp.Errorf("ERR When using MIGRATE KEYS option, the key argument must be set to the empty string")
			}
			o.names = args[i+1:]
			i = len(args)
		default:
			return o, resp.ErrSyntax
		}
	}
	timeout, ok := resp.ParseInt(args[5])
	if !ok {
		return o, resp.ErrNotInteger
	}
	if o.dbThere, ok = resp.ParseInt(args[4]); !ok {
		return o, resp.ErrNotInteger
	}
	if o.timeout = time.Duration(timeout) * time.Millisecond; o.timeout <= 0 {
		o.timeout = migrateTimeout
	}
	port, _ := strconv.Atoi(string(args[2]))
	o.addr = net.JoinHostPort(string(args[1]), strconv.Itoa(port))
	return o, nil
}

// run sends the keys. A connection that was kept may have been closed: that is tried
// once more with a new one.
func (m *migration) run(ctx context.Context, compress bool) {
	again := m.attempt(ctx, compress)
	if again {
		m.err, m.gone = nil, nil
		m.attempt(ctx, compress)
	}
}

// attempt sends the keys and reads the replies. again says that nothing has been
// answered and another attempt may do better.
func (m *migration) attempt(ctx context.Context, compress bool) (again bool) {
	if m.conn == nil && !m.connect(ctx) {
		return false
	}
	if err := m.send(compress); err != nil {
		m.drop()
		m.err = errMigrateWrite
		return !isTimeout(err)
	}
	return m.receive(ctx)
}

// The texts are Redis's.
var (
	errMigrateConnect = resp.Errorf("IOERR error or timeout connecting to the client")
	errMigrateWrite   = resp.Errorf("IOERR error or timeout writing to target instance")
	errMigrateRead    = resp.Errorf("IOERR error or timeout reading to target instance")
)

func (m *migration) connect(ctx context.Context) bool {
	ctx, stop := context.WithTimeout(ctx, m.timeout)
	defer stop()
	nc, err := m.dial(ctx, "tcp", m.addr)
	if err != nil {
		m.err = errMigrateConnect
		if errors.Is(err, syscall.ECONNREFUSED) {
			m.err = errMigrateWrite // what Redis finds out when it writes
		}
		return false
	}
	m.conn = &migrateConn{Conn: client.New(nc, resp.ReaderLimits{}), db: -1}
	return true
}

// drop closes a connection whose replies are out of step.
func (m *migration) drop() {
	m.conn.Close()
	m.conn = nil
}

// send writes AUTH, SELECT and a RESTORE for each key.
func (m *migration) send(compress bool) error {
	var out []byte
	if m.password != nil {
		words := [][]byte{[]byte("AUTH")}
		if m.user != nil {
			words = append(words, m.user)
		}
		out = resp.AppendCommand(out, append(words, m.password)...)
	}
	if m.conn.db != m.dbThere {
		out = resp.AppendCommand(out, []byte("SELECT"), strconv.AppendInt(nil, m.dbThere, 10))
	}
	for i := range m.keys {
		k := &m.keys[i]
		words := [][]byte{[]byte("RESTORE"), k.key, strconv.AppendInt(nil, k.ttl, 10), command.DumpOf(k.value, compress)}
		if m.replace {
			words = append(words, []byte("REPLACE"))
		}
		out = resp.AppendCommand(out, words...)
		if len(out) < migrateChunk && i < len(m.keys)-1 {
			continue
		}
		if err := m.write(out); err != nil {
			return err
		}
		out = out[:0]
	}
	return nil
}

// write writes p, a chunk within a timeout.
func (m *migration) write(p []byte) error {
	nc := m.conn.NetConn()
	for len(p) > 0 {
		if err := nc.SetWriteDeadline(time.Now().Add(m.timeout)); err != nil {
			return err
		}
		n, err := nc.Write(p[:min(len(p), migrateChunk)])
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

// receive reads the replies. The first error that the other server answers is the
// client's; keys that it takes all the same are gone.
func (m *migration) receive(ctx context.Context) (again bool) {
	var head error // of AUTH or SELECT
	read := func() (failed, ok bool) {
		ctx, stop := context.WithTimeout(ctx, m.timeout)
		defer stop()
		v, err := m.conn.Receive(ctx)
		if err != nil && v.Err() == nil {
			m.drop()
			again = head == nil && m.err == nil && len(m.gone) == 0 && !isTimeout(err)
			if m.err == nil {
				m.err = errMigrateRead
			}
			return false, false
		}
		if err != nil && head == nil {
			head = resp.NewError("ERR Target instance replied with error: " + v.Err().Error())
		}
		return err != nil, true
	}
	if m.password != nil {
		if _, ok := read(); !ok {
			return again
		}
	}
	if m.conn.db != m.dbThere {
		if _, ok := read(); !ok {
			return again
		}
	}
	for i := range m.keys {
		prelude := head
		failed, ok := read()
		if !ok {
			return again && i == 0
		}
		if failed || prelude != nil {
			if m.err == nil {
				m.err = head
			}
			head = prelude
			continue
		}
		m.gone = append(m.gone, m.keys[i].key)
	}
	m.conn.db = m.dbThere
	if m.err != nil {
		m.conn.db = -1
	}
	return false
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

// migrateCache is the connections kept for the next MIGRATE, by address.
type migrateCache struct{ conns map[string]*migrateConn }

// take returns a connection that was kept, nil if there is none. It is the caller's.
func (m *migrateCache) take(addr string) *migrateConn {
	conn := m.conns[addr]
	delete(m.conns, addr)
	return conn
}

// keep keeps a connection for a while.
func (m *migrateCache) keep(s *Server, addr string, conn *migrateConn) {
	if m.conns == nil {
		m.conns = make(map[string]*migrateConn)
	}
	for other, c := range m.conns {
		if other == addr || len(m.conns) >= migrateConns {
			c.Close()
			delete(m.conns, other)
		}
	}
	conn.used = s.mono()
	m.conns[addr] = conn
	s.after(migrateKeep, func() {
		if m.conns[addr] == conn && s.mono()-conn.used >= migrateKeep {
			conn.Close()
			delete(m.conns, addr)
		}
	})
}

// close closes all.
func (m *migrateCache) close() {
	for _, c := range m.conns {
		c.Close()
	}
	clear(m.conns)
}
