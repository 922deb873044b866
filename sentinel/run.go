package sentinel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/endpoint"
	"github.com/vedette-ha/vedette/internal/resp"
)

// openQuorum opens the store and settles who we are: the myid of sentinel.conf,
// else that of the store, else a new one.
func (s *Sentinel) openQuorum() error {
	c := s.opts.Config
	st, err := s.openStores()
	if err != nil {
		return err
	}
	s.id = c.MyID
	if s.id == "" {
		meta, err := st.readMeta()
		if err != nil {
			return errors.Join(err, st.close())
		}
		if meta != nil {
			s.id = meta.MyID
		}
	}
	if s.id == "" {
		if s.id, err = randomHex(s.opts.Random, 20); err != nil {
			return errors.Join(err, st.close())
		}
	}
	s.quorum, err = newQuorum(quorumConfig{
		MyID: s.id, Stores: st, Initial: c.Initial, Announce: s.announcedAddr, Options: s.peerOptions,
		Answer: s.answerPeer, EditsDone: func() { signal(s.rewrite) }, Expect: c.BootstrapExpect,
		CleanupAfter: c.PeerCleanupAfter, HelloPeriod: helloPeriod,
		Random: s.opts.Random, Wall: s.opts.Wall, Log: s.log,
	})
	if err == nil {
		err = s.checkMissing(c.MissingScripts, s.quorum.foundRead)
	}
	if err != nil {
		return errors.Join(err, st.close())
	}
	return nil
}

func (s *Sentinel) openStores() (*stores, error) {
	if s.opts.Disk != nil {
		return s.opts.Disk.open(), nil
	}
	st, err := openStores(s.opts.Config.Dir, s.opts.Config.Port, s.log)
	if err != nil {
		return nil, err
	}
	st.writes.delay = s.opts.StoreDelay
	return st, nil
}

// Run watches and serves until ctx ends or a client says SHUTDOWN, which is no
// error. It returns when everything it started has ended.
func (s *Sentinel) Run(ctx context.Context) error {
	ctx, s.stop = context.WithCancelCause(ctx)
	defer s.stop(nil)
	listeners, err := s.listen(ctx)
	if err != nil {
		return err
	}
	if s.opts.Ready != nil {
		s.opts.Ready()
	}
	var wg sync.WaitGroup
	for _, ln := range listeners {
		wg.Go(func() { s.fail(s.accept(ctx, ln, &wg)) })
	}
	wg.Go(func() { s.fail(s.quorum.Run(ctx)) })
	wg.Go(func() { s.rewriteLoop(ctx) })
	wg.Go(func() { s.scripts.run(ctx) })
	for _, k := range s.opts.Config.Known {
		s.quorum.SawSentinel(k.ID, k.Addr.String())
	}
	boot, err := randomHex(s.opts.Random, 8)
	if err == nil {
		err = s.newLoop(ctx, boot).run(ctx)
	}
	s.stop(err)
	err = context.Cause(ctx)
	wanted := errors.Is(err, errShutdown) || errors.Is(err, context.Canceled)
	if wanted {
		s.logShutdown(err)
	}
	closeAll(listeners)
	s.wg.Wait()
	wg.Wait()
	if !wanted {
		return err
	}
	s.log.Warn().Msg("Sentinel is now ready to exit, bye bye...")
	return nil
}

// logShutdown says why the sentinel ends, with the words scripts wait for.
func (s *Sentinel) logShutdown(cause error) {
	var sig interface{ Received() syscall.Signal }
	if errors.As(cause, &sig) {
		s.log.Warn().Msgf("Received %s scheduling shutdown...", unix.SignalName(sig.Received()))
	}
	s.log.Warn().Msg("User requested shutdown...")
}

// fail ends Run for a part of it that cannot go on.
func (s *Sentinel) fail(err error) {
	if err != nil {
		s.stop(err)
	}
}

func (s *Sentinel) newLoop(ctx context.Context, boot string) *loop {
	return &loop{
		s: s, ctx: ctx,
		m: failover.New(failover.Config{ID: s.id, Boot: boot, Now: time.Now(), Local: s.quorum.Local(),
			Hostnames: s.settings().AnnounceHostnames, Wall: s.opts.Wall}),
		unmet: slices.Clone(s.opts.Config.Known),
		links: map[failover.Node]*nodeLinks{}, sentinels: map[string]*nodeLinks{},
		waiting: map[*link]*owed{}, peers: map[string]failover.Peer{},
		answer: map[uint64]func(string){}, renew: map[uint64]func(bool){},
	}
}

// listen opens the sentinel port on every address of bind; a leading '-' makes one
// optional.
func (s *Sentinel) listen(ctx context.Context) (lns []net.Listener, err error) {
	port := s.opts.Config.Port
	for _, addr := range s.opts.Config.Bind {
		host, optional := strings.CutPrefix(addr, "-")
		ln, err := s.opts.Listen(ctx, strings.TrimSuffix(host, "*"), port)
		if err != nil && optional {
			s.log.Warn().Err(err).Msg("an address of bind is not there")
			continue
		}
		if err != nil {
			closeAll(lns)
			return nil, fmt.Errorf("listen on port %d: %w", port, err)
		}
		lns = append(lns, ln)
	}
	if path := s.opts.Config.UnixSocket; path != "" {
		ln, err := endpoint.ListenUnix(path, s.opts.Config.UnixSocketPerm)
		if err != nil {
			closeAll(lns)
			return nil, fmt.Errorf("Failed opening Unix socket: bind: %w", err)
		}
		lns = append(lns, ln)
	}
	if len(lns) == 0 {
		return nil, errors.New("Configured to not listen anywhere, exiting.")
	}
	s.bound.Store(int64(port))
	return lns, nil
}

func closeAll(lns []net.Listener) {
	for _, ln := range lns {
		ln.Close()
	}
}

// accept serves the connections of a listener, each on its goroutine in wg.
func (s *Sentinel) accept(ctx context.Context, ln net.Listener, wg *sync.WaitGroup) error {
	err := endpoint.Serve(ln, func(conn net.Conn) {
		wg.Go(func() { s.serve(ctx, conn) })
	})
	if ctx.Err() != nil {
		return nil
	}
	if err == nil {
		err = net.ErrClosed
	}
	return fmt.Errorf("accept on %s: %w", ln.Addr(), err)
}

// background runs job beside the loop. With mostJobs running it is dropped, which
// is false: the machine tries again what it still wants.
func (s *Sentinel) background(ctx context.Context, job func(context.Context)) bool {
	select {
	case s.jobs <- struct{}{}:
	default:
		s.log.Warn().Msg("too many jobs beside the loop, one dropped")
		return false
	}
	s.wg.Go(func() {
		defer func() { <-s.jobs }()
		job(ctx)
	})
	return true
}

// do runs f on the loop, with the machine in hand, and returns when that is done
// or ctx ended; then f may still run. Not to be called by the loop itself.
func (s *Sentinel) do(ctx context.Context, f func(*loop)) error {
	done := make(chan struct{})
	select {
	case s.asks <- func(lp *loop) { f(lp); close(done) }:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// reported takes the report of a link to the loop. When the loop lags, the link waits.
func (s *Sentinel) reported(ctx context.Context, ev any) {
	s.reporting.Add(1)
	defer s.reporting.Add(-1)
	select {
	case s.reports <- ev:
	case <-ctx.Done():
	}
}

// rewriteRest is the pause after a rewrite of sentinel.conf for each master in it: with a
// thousand it must not keep the loop and the disk busy, with a few it is written at once,
// since operators and other sentinels read it after a switch.
const rewriteRest = time.Millisecond

// rewriteLoop writes sentinel.conf when something in it changed. Changes that come
// while it writes, or rests, make one more rewrite together. A file that cannot be
// written is complained of once, not with every change.
func (s *Sentinel) rewriteLoop(ctx context.Context) {
	failing := false
	for {
		select {
		case <-s.rewrite:
		case <-ctx.Done():
			return
		}
		masters, err := s.flushConfig(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			s.log.Warn().Err(err).Msg("sentinel.conf cannot be rewritten: it gets old, but what counts is in the store")
		case err == nil && failing:
			s.log.Info().Msg("sentinel.conf can be rewritten again")
		}
		failing = err != nil
		select {
		case <-time.After(time.Duration(masters) * rewriteRest):
		case <-ctx.Done():
			return
		}
	}
}

// flushConfig writes sentinel.conf now, and returns how many masters are in it.
func (s *Sentinel) flushConfig(ctx context.Context) (masters int, err error) {
	if s.opts.Rewrite == nil {
		return 0, nil
	}
	var st State
	if err := s.do(ctx, func(lp *loop) { st = lp.state() }); err != nil {
		return 0, err
	}
	s.rewriting.Lock()
	defer s.rewriting.Unlock()
	masters = len(st.Agreed.Masters)
	edits := s.quorum.Edits()
	for _, edit := range edits {
		st.Agreed.Apply(0, edit) // in the file only: were it lost there, it would be lost
	}
	if len(edits) > 0 {
		return masters, s.opts.Rewrite(st) // and for the store it still is an edit
	}
	if err := s.quorum.SaveDirectives(directivesOf(st.Agreed)); err != nil {
		return masters, err
	}
	if err := s.opts.Rewrite(st); err != nil {
		return masters, err
	}
	return masters, s.quorum.FileWritten()
}

// state is what sentinel.conf holds of what we learned.
func (lp *loop) state() State {
	a := lp.m.Agreed().Clone()
	known := map[string][]KnownSentinel{}
	for i := range a.Masters {
		name := a.Masters[i].Name
		lp.addReplicas(&a.Masters[i])
		lp.m.EachSentinel(name, func(id string, addr failover.Addr) {
			known[name] = append(known[name], KnownSentinel{ID: id, Addr: addr})
		})
	}
	for _, k := range lp.stillUnmet() {
		for _, name := range k.Masters {
			known[name] = append(known[name], k)
		}
	}
	return State{MyID: lp.s.id, Config: lp.s.settings(), Agreed: a, Known: known, Users: lp.s.userLines()}
}

// addReplicas adds the replicas that only this sentinel knows of, since no cluster is
// formed.
func (lp *loop) addReplicas(m *failover.Master) {
	for _, v := range lp.m.Replicas(time.Now(), m.Name) {
		if !slices.ContainsFunc(m.Replicas, func(r failover.Replica) bool { return r.Addr == v.Node.Addr }) {
			m.Replicas = append(m.Replicas, failover.Replica{Addr: v.Node.Addr, RunID: v.RunID})
		}
	}
}

// peerOptions say how the quorum connects to other sentinels.
func (s *Sentinel) peerOptions() client.Options {
	user, pass := s.peerAuth()
	return client.Options{Dial: s.dialNode, Username: user, Password: pass}
}

// peerAuth is what other sentinels want to hear: sentinel-user and sentinel-pass,
// else our own requirepass.
func (s *Sentinel) peerAuth() (user, pass string) {
	c := s.settings()
	if c.SentinelPass != "" {
		return c.SentinelUser, c.SentinelPass
	}
	return "", c.RequirePass
}

func (s *Sentinel) settings() Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}

func (s *Sentinel) port() int { return s.settings().Port }

// protects says whether protected mode keeps a client out: it comes from another
// host and there is no password.
func (s *Sentinel) protects(from net.Addr) bool {
	c := s.settings()
	if !c.ProtectedMode || s.users.Default().NeedsPassword() {
		return false
	}
	ip := net.ParseIP(hostOf(from))
	return ip != nil && !ip.IsLoopback()
}

// announced is where others reach us, given our own address on a link to them.
func (s *Sentinel) announced(local string) (ip string, port int) {
	c := s.settings()
	if ip, port = c.AnnounceIP, c.AnnouncePort; ip == "" {
		ip = local
	}
	if port == 0 {
		port = c.Port
	}
	return ip, port
}

// announcedAddr is host:port where peers reach us, empty while we do not know.
func (s *Sentinel) announcedAddr() string {
	local, _ := s.ownIP.Load().(string)
	ip, port := s.announced(local)
	if ip == "" {
		return ""
	}
	return net.JoinHostPort(ip, strconv.Itoa(port))
}

// sawOwnIP remembers the address we have on a link.
func (s *Sentinel) sawOwnIP(ip string) { s.ownIP.Store(ip) }

// sawOurself looks at a hello message with our own id: from an address that is not
// ours it means that another sentinel was given a copy of our sentinel.conf.
func (s *Sentinel) sawOurself(addr failover.Addr) {
	if own := s.announcedAddr(); own == "" || own == addr.String() {
		return
	}
	ip := net.ParseIP(addr.Host)
	if addr.Port == s.port() && (ip == nil || s.isOwnIP(ip)) {
		return
	}
	s.twins.Do(func() {
		s.log.Error().Str("myid", s.id).Stringer("addr", addr).
			Msg("another sentinel has our myid: give it one of its own")
	})
}

// isOwnIP says whether ip is an address of this host.
func (s *Sentinel) isOwnIP(ip net.IP) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
			return true
		}
	}
	return false
}

// committed takes note of a change that all sentinels agreed on.
func (s *Sentinel) committed(commit) { signal(s.rewrite) }

var errUnknownQuestion = resp.Errorf("ERR unknown question")
