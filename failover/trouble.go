package failover

import "time"

// Trouble is what is wrong with an instance, more closely than s_down says it. It is
// shown as a flag of its own and announced by +trouble and -trouble, beside what Redis
// shows, never instead of it.
type Trouble string

// The kinds of trouble. Those of credentials and names never make a master be failed
// over by themselves: see abstains.
const (
	TroubleNone     Trouble = ""
	TroubleRefused  Trouble = "refused"         // nobody listens at its address
	TroubleSilent   Trouble = "silent"          // connected, or not refused, and no answer
	TroubleLoading  Trouble = "loading"         // it loads its data set
	TroubleBusy     Trouble = "busy"            // a script runs
	TroubleDisk     Trouble = "disk_error"      // it cannot write to its disk
	TroubleDenied   Trouble = "denied"          // wrong password or missing permission
	TroubleRenamed  Trouble = "renamed_command" // PING or INFO are unknown to it
	TroubleName     Trouble = "unresolved"      // it is away and its host name does not resolve
	TroubleRole     Trouble = "wrong_role"      // it says it is what it ought not to be
	TroubleEmpty    Trouble = "empty"           // a master that came back without data
	troubleGrace            = 2 * time.Second   // a role may differ for so long: it is being changed
	troubleSilentAt         = 2                 // silent from one half of down-after on
)

// trouble returns what is wrong with n now, or nothing.
func (m *Machine) trouble(w *watch, n *node) Trouble {
	speaks := m.speaks(w, n)
	switch {
	case !n.up && n.unnamed:
		return TroubleName
	case !n.up && n.fault == FaultRefused:
		return TroubleRefused
	case speaks && (n.denied || n.infoClass.denies()):
		return TroubleDenied
	case speaks && (n.lastClass == ReplyUnknown || n.infoClass == ReplyUnknown):
		return TroubleRenamed
	}
	if due := n.silentFrom(w.settings()); !due.IsZero() && !m.now.Before(due) {
		return TroubleSilent
	}
	switch {
	case n == w.master && n.emptied:
		return TroubleEmpty
	case n.lastClass == ReplyLoading:
		return TroubleLoading
	case n.lastClass == ReplyBusy:
		return TroubleBusy
	case n.lastClass == ReplyMisconf || n.info.DiskError:
		return TroubleDisk
	case !n.infoAt.IsZero() && n.reported != n.role && n.reported != RoleUnknown &&
		m.now.Sub(n.reportedAt) >= troubleGrace:
		return TroubleRole
	}
	return TroubleNone
}

// speaks reports whether n has answered lately, if only to say no.
func (m *Machine) speaks(w *watch, n *node) bool {
	return m.now.Before(n.lastReply.Add(w.settings().DownAfter))
}

// silentFrom is when an unanswered ping makes the instance silent. It is zero if no
// answer is owed. An answer that is an error is one here. A new connection has its own
// time, unless the instance was silent before: that it takes another connection is no
// answer.
func (n *node) silentFrom(s *Settings) time.Time {
	if n.unanswered.IsZero() {
		return time.Time{}
	}
	since := later(n.unanswered, n.lastReply)
	if n.up && n.troubled != TroubleSilent {
		since = later(since, n.changed)
	}
	return since.Add(s.DownAfter / troubleSilentAt)
}

// noticeTrouble announces trouble that begins, ends or changes its kind.
func (m *Machine) noticeTrouble(w *watch) {
	for _, n := range w.nodes {
		if n.probe {
			continue
		}
		now := m.trouble(w, n)
		if due := n.silentFrom(w.settings()); !due.IsZero() && m.now.Before(due) {
			w.wake(due)
		}
		if now == n.troubled {
			continue
		}
		if now == TroubleSilent {
			if ok, again := m.judges(); !ok {
				w.wake(again)
				continue
			}
		}
		if n.troubled != TroubleNone {
			m.onNode(Notice, "-trouble", w, n, "#"+string(n.troubled))
		}
		if now != TroubleNone {
			m.onNode(Notice, "+trouble", w, n, "#"+string(now))
		}
		n.troubled = now
	}
}
