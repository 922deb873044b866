package acl

import (
	"slices"
	"time"
)

// sameWithin is how close in time two equal denials are one entry of the log.
const sameWithin = time.Minute

// Entry is an entry of ACL LOG.
type Entry struct {
	Reason  Reason
	Context string // toplevel, multi or lua
	Object  string // what was denied; for DeniedAuth the command
	User    string // who asked, or wanted to be
	Client  string // the connection, as in CLIENT LIST

	Count            int64
	ID               int64
	Created, Updated time.Time
}

// accessLog is what was denied, the latest first.
type accessLog struct {
	entries []*Entry
	most    int
	next    int64
}

// Deny notes that something was denied. Count, ID and times of e are set here.
func (us *Users) Deny(e Entry, now time.Time) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.denied[e.Reason]++
	us.log.add(e, now)
}

// Denials returns how often something was denied for a reason.
func (us *Users) Denials(r Reason) int64 {
	us.mu.RLock()
	defer us.mu.RUnlock()
	return us.denied[r]
}

// similarScan is how many entries are looked at for one that is the same.
const similarScan = 10

func (l *accessLog) add(e Entry, now time.Time) {
	if l.most == 0 {
		return
	}
	for i, old := range l.entries[:min(similarScan, len(l.entries))] {
		if !old.same(&e, now) {
			continue
		}
		again := *old
		again.Count++
		again.Updated, again.Client = now, e.Client
		l.entries = slices.Insert(slices.Delete(l.entries, i, i+1), 0, &again)
		return
	}
	e.Count, e.ID, e.Created, e.Updated = 1, l.next, now, now
	l.next++
	l.entries = slices.Insert(l.entries, 0, &e)
	l.limit(l.most)
}

func (e *Entry) same(o *Entry, now time.Time) bool {
	return e.Reason == o.Reason && e.Context == o.Context && e.Object == o.Object && e.User == o.User &&
		now.Sub(e.Updated) <= sameWithin
}

func (l *accessLog) limit(most int) {
	l.most = most
	if len(l.entries) > most {
		l.entries = slices.Clip(l.entries[:most:most])
	}
}

// Log returns up to n entries, the latest first.
func (us *Users) Log(n int) []Entry {
	us.mu.RLock()
	defer us.mu.RUnlock()
	n = max(min(n, len(us.log.entries)), 0)
	list := make([]Entry, n)
	for i := range list {
		list[i] = *us.log.entries[i]
	}
	return list
}

// ClearLog forgets all entries.
func (us *Users) ClearLog() {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.log.entries = nil
}
