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
	ip     string
	at     time.Time     // when that was found out
	asking chan struct{} // closed when the look-up under way is over; nil: there is none
}

// resolve answers the IP address of a host, which may be one already.
func (r *names) resolve(ctx context.Context, host string) (string, error) {
	if net.ParseIP(host) != nil {
		return host, nil
	}
	for {
		n, wait := r.enter(host)
		if n.fresh() {
			return n.ip, nil
		}
		if wait == nil {
			return r.ask(ctx, host, n.ip)
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return n.ip, orNil(ctx.Err(), n.ip != "")
		}
	}
}

func orNil(err error, nothing bool) error {
	if nothing {
		return nil
	}
	return err
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
	r.leave(host, ip, err == nil)
	if err == nil && ip != last {
		r.news(ctx, host, ip)
	}
	return ip, orNil(err, ip != "")
}

// leave notes the outcome of a look-up and lets the others go on. A failed one counts
// as the last answer, which is asked about again only a little later.
func (r *names) leave(host, ip string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.known[host]
	if n == nil { // forgotten meanwhile
		return
	}
	if n.ip = ip; ok || ip != "" {
		n.at = time.Now()
	}
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
type resolved struct {
	host, ip string
	at       time.Time
}

// dialNode connects to a data node or a sentinel.
func (s *Sentinel) dialNode(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	ip, err := s.names.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	return s.opts.Dial(ctx, network, net.JoinHostPort(ip, port))
}

// usable says whether a host that others name may be used: an IP address or, with
// resolve-hostnames, a name.
func (s *Sentinel) usable(host string) bool {
	return net.ParseIP(host) != nil || s.settings().ResolveHostnames
}
