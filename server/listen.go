package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/vedette-ha/vedette/internal/endpoint"
)

// listening is where clients are accepted.
type listening struct {
	given []net.Listener // handed in with Options instead of the configuration's
	tcp   []net.Listener // of port and bind: CONFIG SET replaces them
	unix  net.Listener
}

// all lists every open listener.
func (l *listening) all() []net.Listener {
	lns := append(append([]net.Listener(nil), l.given...), l.tcp...)
	if l.unix != nil {
		lns = append(lns, l.unix)
	}
	return lns
}

// kinds names the kinds of sockets there are, as INFO and the log do.
func (l *listening) kinds() (names []string) {
	if len(l.given)+len(l.tcp) > 0 {
		names = append(names, "tcp")
	}
	if l.unix != nil {
		names = append(names, "unix")
	}
	return names
}

// listen opens what the configuration names, unless listeners were given, and
// begins to accept.
func (s *Server) listen(ctx context.Context) error {
	s.limitClients()
	if s.listening.given == nil {
		if err := s.openListeners(ctx); err != nil {
			return err
		}
	}
	for _, ln := range s.listening.all() {
		s.bg.Go(func() { s.accept(ln) })
	}
	return nil
}

func (s *Server) openListeners(ctx context.Context) error {
	l := &s.listening
	if s.cfg.Port > 0 {
		lns, err := s.listenTCP(ctx, s.cfg.Bind, s.cfg.Port)
		if err != nil {
			return err
		}
		l.tcp = lns
	}
	if s.cfg.UnixSocket != "" {
		ln, err := endpoint.ListenUnix(s.cfg.UnixSocket, os.FileMode(s.cfg.UnixSocketPerm))
		if err != nil {
			return fmt.Errorf("Failed opening Unix socket: bind: %w", systemError(err))
		}
		l.unix = ln
	}
	if len(l.all()) == 0 {
		return errors.New("Configured to not listen anywhere, exiting.")
	}
	return nil
}

// listenTCP opens every address of bind. One with a leading '-' may be missing on this
// machine, any may be of a protocol it does not have.
func (s *Server) listenTCP(ctx context.Context, bind []string, port int) ([]net.Listener, error) {
	var lns []net.Listener
	for _, host := range bind {
		optional := host[0] == '-'
		if optional {
			host = host[1:]
		}
		if host == "::*" {
			host = "::"
		}
		ln, err := endpoint.ListenTCP(ctx, host, port, s.cfg.TCPBacklog)
		if err != nil {
			s.log.Warn().Msgf("Warning: Could not create server TCP listening socket %s:%d: bind: %v", host, port, systemError(err))
			if mayBeMissing(err, optional) {
				continue
			}
			closeAll(lns)
			return nil, fmt.Errorf("Failed listening on port %d (tcp), aborting.", port)
		}
		lns = append(lns, ln)
	}
	return lns, nil
}

// mayBeMissing reports whether a server goes on without the address that failed so.
func mayBeMissing(err error, optional bool) bool {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return optional // a name that does not resolve, an address without its protocol
	}
	switch no {
	case syscall.EADDRNOTAVAIL:
		return optional
	case syscall.ENOPROTOOPT, syscall.EPROTONOSUPPORT, syscall.ESOCKTNOSUPPORT, syscall.EPFNOSUPPORT, syscall.EAFNOSUPPORT:
		return true
	}
	return false
}

func closeAll(lns []net.Listener) {
	for _, ln := range lns {
		ln.Close()
	}
}

// relisten follows a change of port or bind. The old sockets go first, since they
// may stand in the new ones' way; when it fails, the configuration is put back and
// this is called again with what worked before. Open connections stay.
func (s *Server) relisten(complaint string) func() error {
	return func() error {
		if s.listening.given != nil {
			return nil
		}
		closeAll(s.listening.tcp)
		s.listening.tcp = nil
		if s.cfg.Port == 0 {
			return nil
		}
		lns, err := s.listenTCP(s.bgCtx, s.cfg.Bind, s.cfg.Port)
		if err != nil {
			return errors.New(complaint)
		}
		s.listening.tcp = lns
		for _, ln := range lns {
			s.bg.Go(func() { s.accept(ln) })
		}
		return nil
	}
}

// accept hands connections to the loop until the listener closes.
func (s *Server) accept(ln net.Listener) {
	err := endpoint.Serve(ln, func(nc net.Conn) {
		if !s.post(func() { s.connect(nc) }) {
			nc.Close()
		}
	})
	if err != nil {
		s.log.Error().Err(err).Str("addr", ln.Addr().String()).Msg("accept")
	}
}

// reservedFiles is what the process opens besides clients: listeners, files, links.
const reservedFiles = 32

// clientsPossible is how many clients the limit of open files leaves room for.
func clientsPossible() int {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil || lim.Cur > 1<<30 {
		return 1 << 30
	}
	return max(int(lim.Cur)-reservedFiles, 1)
}

// limitClients lowers maxclients to what the limit of open files allows. (The Go
// runtime has raised the soft limit to the hard one.)
func (s *Server) limitClients() {
	if n := clientsPossible(); s.cfg.MaxClients > n {
		s.log.Warn().Msgf("You requested maxclients of %d requiring at least %d max file descriptors.",
			s.cfg.MaxClients, s.cfg.MaxClients+reservedFiles)
		s.log.Warn().Msgf("Current maximum open files is %d. maxclients has been reduced to %d to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
			n+reservedFiles, n)
		s.cfg.MaxClients = n
	}
}

// registerHooks has CONFIG SET act on what is not just read when it is needed.
func (s *Server) registerHooks() {
	s.cfg.OnChange(s.relisten("Unable to listen on this port. Check server logs."), "port")
	s.cfg.OnChange(s.relisten("Failed to bind to specified addresses."), "bind")
	s.cfg.OnChange(func() error {
		if n := clientsPossible(); s.cfg.MaxClients > n {
			return fmt.Errorf("The operating system is not able to handle the specified number of clients, try with %d", n)
		}
		return nil
	}, "maxclients")
	s.cfg.OnChange(s.limitChanged, "maxmemory")
	s.cfg.OnChange(s.applyOOMScore, "oom-score-adj", "oom-score-adj-values")
}

// protectedModeText is what a stranger reads.
const protectedModeText = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n"

// protects reports whether protected-mode keeps this connection out.
func (s *Server) protects(nc net.Conn) bool {
	if !s.cfg.ProtectedMode || s.cfg.RequirePass != "" {
		return false
	}
	tcp, ok := nc.RemoteAddr().(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// isLocal reports whether the session comes from this machine.
func (c *session) isLocal() bool {
	if c.conn == nil || c.conn.Unix() {
		return true
	}
	host, _, err := net.SplitHostPort(c.conn.RemoteAddr())
	return err == nil && net.ParseIP(host).IsLoopback()
}
