package sentinel

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"
)

const (
	// freshName is how long the answer to a look-up is used without asking again:
	// links to a node that is away are dialled several times a second.
	freshName = time.Second
	// staleName is how long a look-up may take before the last answer is used, if
	// there is one: a name server that is away must not stop a failover.
	staleName = 300 * time.Millisecond
	// mostNames bounds the names remembered; they come from other sentinels and from
	// data nodes, too.
	mostNames = 4096
)

// names finds out what host names stand for and remembers it. It waits, so it is not
// for the loop. Safe for concurrent use.
type names struct {
	lookup func(ctx context.Context, host string) ([]string, error)
	news   func(ctx context.Context, host, ip string) // a name stands for something new

	mu    sync.Mutex // guards what follows; never held while looking up
	known map[string]*name
}

// name is what is known of a host name.
type name struct {
	ip     string        // empty: it never stood for anything
	err    error         // of the last look-up: ip is what it stood for before that
	at     time.Time     // when that was found out
	asking chan struct{} // closed when the look-up under way is over; nil: there is none
}

// resolve answers the IP address of a host, which may be one already. With an error it
// may still answer an address: the one that a name had which does not resolve any more.
func (r *names) resolve(ctx context.Context, host string) (string, error) {
	if net.ParseIP(host) != nil {
		return host, nil
	}
	for {
		n, wait := r.enter(host)
		if n.fresh() {
			return n.ip, n.err
		}
		if wait == nil {
			return r.ask(ctx, host, n.ip)
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return n.ip, ctx.Err()
		}
	}
}

func (n name) fresh() bool { return n.ip != "" && time.Since(n.at) < freshName }

// enter answers what is known, and what to wait for if somebody is asking. Otherwise
// the caller has to ask.
func (r *names) enter(host string) (n name, wait <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[string]*name{}
	}
	if r.known[host] == nil {
		if len(r.known) >= mostNames {
			clear(r.known)
		}
		r.known[host] = &name{}
	}
	entry := r.known[host]
	if !entry.fresh() && entry.asking == nil {
		entry.asking = make(chan struct{})
		return *entry, nil
	}
	return *entry, entry.asking
}

// ask looks a name up for everyone who waits for it.
func (r *names) ask(ctx context.Context, host, last string) (string, error) {
	asking := ctx
	if last != "" {
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, staleName)
		defer cancel()
	}
	ips, err := r.lookup(asking, host)
	if err == nil && len(ips) == 0 {
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	ip := last
	if err == nil && !slices.Contains(ips, last) {
		ip = ips[0]
	}
	r.leave(host, ip, err)
	if err == nil && ip != last {
		r.news(ctx, host, ip)
	}
	return ip, err
}

// leave notes the outcome of a look-up and lets the others go on. A failed one counts
// as the last answer, which is asked about again only a little later.
func (r *names) leave(host, ip string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.known[host]
	if n == nil { // forgotten meanwhile
		return
	}
	n.ip, n.err, n.at = ip, err, time.Now()
	if n.asking != nil {
		close(n.asking)
		n.asking = nil
	}
}

// last answers what a host name was last found to stand for, empty if nothing.
func (r *names) last(host string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.known[host]; n != nil {
		return n.ip
	}
	return ""
}

// resolved is the report of a name that stands for something new.
type resolved struct{ host, ip string }

// dialNode connects to a data node or a sentinel.
func (s *Sentinel) dialNode(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ip, unresolved := s.names.resolve(ctx, host)
	if ip == "" {
		return nil, &nameError{unresolved}
	}
	conn, err := s.opts.Dial(ctx, network, net.JoinHostPort(ip, port))
	if err != nil && unresolved != nil {
		return nil, &staleError{err, unresolved}
	}
	return conn, err
}

// nameError is why a host name never stood for anything.
type nameError struct{ error }

// staleError is why the address that a name last had could not be reached, and why the
// name has no other. It counts as the former: a host that dies may take its name along.
type staleError struct{ error, name error }

func (e *staleError) Error() string { return e.error.Error() + " (" + e.name.Error() + ")" }
func (e *staleError) Unwrap() error { return e.error }

// usable says whether a host that others name may be used: an IP address or, with
// resolve-hostnames, a name.
func (s *Sentinel) usable(host string) bool {
	return net.ParseIP(host) != nil || s.settings().ResolveHostnames
}
