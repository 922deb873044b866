package sentinel

import (
	"cmp"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/vedette-ha/vedette/internal/acl"
)

// clients is the register of sessions. Safe for concurrent use.
type clients struct {
	max   int // directive maxclients
	pause pause

	mu       sync.Mutex // guards what follows; never held while calling out
	next     int64
	byID     map[int64]*session
	total    int64 // connections accepted since the start
	rejected int64
}

func newClients(limit int) *clients {
	return &clients{max: limit, byID: map[int64]*session{}}
}

// add gives the session its id, or answers errMaxUsers.
func (cs *clients) add(c *session) error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.total++
	if len(cs.byID) >= cs.max {
		cs.rejected++
		return errMaxUsers
	}
	cs.next++
	c.id = cs.next
	cs.byID[c.id] = c
	return nil
}

func (cs *clients) remove(c *session) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.byID, c.id)
}

// list answers the sessions that match, the oldest first.
func (cs *clients) list(match func(*session) bool) []*session {
	cs.mu.Lock()
	all := make([]*session, 0, len(cs.byID))
	for _, c := range cs.byID {
		all = append(all, c)
	}
	cs.mu.Unlock()
	slices.SortFunc(all, func(a, b *session) int { return cmp.Compare(a.id, b.id) })
	return slices.DeleteFunc(all, func(c *session) bool { return !match(c) })
}

func (cs *clients) counts() (open int, total, rejected int64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.byID), cs.total, cs.rejected
}

// describe is the session's line in CLIENT LIST, without the line break. Fields
// that mean nothing on a sentinel have the value Redis shows for them.
func (c *session) describe(now time.Time) string {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	st := &c.stats
	flags := ""
	for _, f := range []struct {
		set  bool
		flag string
	}{{st.channels+st.patterns > 0, "P"}, {st.tracking.on, "t"}, {st.tracking.bcast, "B"}, {c.unix(), "U"}, {st.noEvict, "e"}} {
		if f.set {
			flags += f.flag
		}
	}
	if flags == "" {
		flags = "N"
	}
	out := c.out.size()
	return fmt.Sprintf("id=%d addr=%s laddr=%s fd=0 name=%s age=%d idle=%d flags=%s db=0 sub=%d psub=%d "+
		"ssub=0 multi=-1 qbuf=%d qbuf-free=0 argv-mem=0 multi-mem=0 rbs=%d rbp=0 obl=0 oll=%d omem=%d "+
		"tot-mem=%d events=r cmd=%s user=%s redir=%d resp=%d lib-name=%s lib-ver=%s",
		c.id, c.remote(), c.local(), st.name,
		int64(now.Sub(c.opened).Seconds()), int64(now.Sub(st.active).Seconds()), flags, st.channels,
		st.patterns, st.queued, readChunk, min(out, 1), out, readChunk+out, orNull(st.last), userName(st.user), st.tracking.redir(), st.resp, st.lib, st.ver)
}

// class is the session's type in CLIENT LIST TYPE and CLIENT KILL TYPE.
func (c *session) class() string {
	c.stats.mu.Lock()
	defer c.stats.mu.Unlock()
	if c.stats.channels+c.stats.patterns > 0 {
		return "pubsub"
	}
	return "normal"
}

func userName(u *acl.User) string {
	if u == nil || u.Deleted() {
		return "(superuser)"
	}
	return u.Name()
}

func orNull(s string) string {
	if s == "" {
		return "NULL"
	}
	return s
}

// remote and local are the ends of the connection as CLIENT LIST shows them. The client
// of a Unix socket has the socket's path at both.
func (c *session) remote() string {
	if c.unix() {
		return c.local()
	}
	return address(c.conn.RemoteAddr())
}

func (c *session) local() string {
	if c.unix() {
		return address(c.conn.LocalAddr()) + ":0"
	}
	return address(c.conn.LocalAddr())
}

func (c *session) unix() bool {
	_, unix := c.conn.LocalAddr().(*net.UnixAddr)
	return unix
}

func address(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}
