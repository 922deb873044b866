package failover

import (
	"fmt"
	"strings"
	"time"
)

// Why says in sentences how a master is doing: why nothing happens, what is happening,
// or what happened last. It returns false if there is no such master.
func (m *Machine) Why(now time.Time, name string) ([]string, bool) {
	w := m.watch(name)
	if w == nil {
		return nil, false
	}
	e := explanation{m: m, w: w, now: now}
	e.say("%s is %s, config-epoch %d.", w.name, w.agreed.Addr, w.agreed.ConfigEpoch)
	e.health()
	switch {
	case w.claim() != nil:
		e.running(w.claim())
	case w.master.sdown.down:
		e.waiting()
	}
	e.standing()
	e.last()
	return e.lines, true
}

// explanation collects the sentences about one master.
type explanation struct {
	m     *Machine
	w     *watch
	now   time.Time
	lines []string
}

func (e *explanation) say(format string, args ...any) {
	e.lines = append(e.lines, fmt.Sprintf(format, args...))
}

// ago prints an age as people say it.
func (e *explanation) ago(t time.Time) string { return span(e.now.Sub(t)) }

func span(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", max(0, d.Milliseconds()))
	}
	return d.Round(time.Second).String()
}

func (e *explanation) health() {
	n := e.w.master
	switch {
	case n.sdown.down:
		e.say("This sentinel holds it down for %s%s.", e.ago(n.sdown.since), e.because(n))
	case n.troubled != TroubleNone:
		e.say("It is not down, but in trouble%s.%s", e.because(n), e.impending(n))
	case !n.everUp:
		e.say("This sentinel has not reached it yet.")
	default:
		e.say("It answers; the last valid reply came %s ago.", e.ago(n.lastValid))
	}
	for _, n := range e.w.nodes {
		if n.isReplica() && n.troubled != TroubleNone {
			e.say("Replica %s is in trouble%s.", n.id.Addr, e.because(n))
		}
	}
}

// impending says when this sentinel will hold n down, if it has fallen silent.
func (e *explanation) impending(n *node) string {
	since, tolerated := n.silence(e.w.settings())
	if since.IsZero() {
		return ""
	}
	return fmt.Sprintf(" This sentinel holds it down in %s if that goes on.", span(since.Add(tolerated).Sub(e.now)))
}

// because names the trouble of n in words.
func (e *explanation) because(n *node) string {
	words := map[Trouble]string{
		TroubleRefused: "it refuses connections",
		TroubleSilent:  "it does not answer",
		TroubleLoading: "it is loading its data set",
		TroubleBusy:    "a script keeps it busy",
		TroubleDisk:    "it cannot write to its disk",
		TroubleDenied:  "it refuses our password or permissions (auth-user, auth-pass)",
		TroubleRenamed: "PING or INFO have other names there (rename-command)",
		TroubleName:    "its host name does not resolve",
		TroubleRole:    "it says it is a " + n.reported.String(),
		TroubleEmpty:   "it restarted without its data",
	}
	if n.unnamed && n.fault != FaultName {
		words[TroubleName] += ", nor is it at the address the name had"
	}
	if text := words[e.m.trouble(e.w, n)]; text != "" {
		return ": " + text
	}
	return ""
}

// running tells of the failover that runs.
func (e *explanation) running(c *Attempt) {
	kind := "An automatic"
	if c.Manual {
		kind = "A manual"
	}
	e.say("%s failover of %s runs for %s, conducted by %s in epoch %d.", kind, c.Old, e.ago(c.Started), c.Claimant, c.Epoch)
	switch c.Step {
	case StepClaimed:
		e.say("Its replica is being chosen.")
	case StepSelected:
		e.say("%s was selected %s ago and is to become the master.", c.Target, e.ago(c.Selected))
	case StepSwitched:
		e.say("%s is the master since %s; the other replicas are being pointed to it.", c.Target, e.ago(c.Switched))
	}
}

// waiting tells why a master that is down is not failed over.
func (e *explanation) waiting() {
	m, w := e.m, e.w
	switch {
	case m.abstains(w):
		e.say("No failover from here: this sentinel has reached no node of the set since it started, " +
			"or is turned away for reasons of credentials, permissions and names.")
	case !w.odown:
		e.say("%d of the %d sentinels that the quorum asks for say it is down%s.", m.votes(w), w.settings().Quorum, e.silentPeers())
		e.undecidable()
	case !e.undecidable():
		e.held()
	}
	e.eligible()
}

// undecidable tells why no failover can be decided here, and reports whether that is so.
func (e *explanation) undecidable() bool {
	m := e.m
	since, tilt := m.Tilt()
	switch {
	case tilt:
		e.say("This sentinel was held up: for %s more it distrusts itself (tilt), and decides nothing.",
			m.timers.TiltPeriod-e.now.Sub(since).Round(time.Second))
	case m.quorum.Behind:
		e.say("This sentinel has not heard from its cluster since it started, so it may not fail over.")
	case !m.state.Formed():
		e.say("The sentinels have not formed a cluster yet, so nobody may fail over.")
	case m.quorum.Leader == "":
		e.say("No majority of the %d voting sentinels can be reached, so nobody may fail over.", len(m.quorum.Voters))
	case !m.outnumbers(e.w):
		e.say("Redis Sentinels are as many as we are: they decide.")
	default:
		return false
	}
	return true
}

// silentPeers names the sentinels that do not say the master is down.
func (e *explanation) silentPeers() string {
	var well, away []string
	for _, s := range e.w.sights {
		_, down := e.m.reportsDown(e.w, s, e.now)
		switch {
		case down:
		case s.peer.up && !s.sdown.down:
			well = append(well, s.peer.id)
		default:
			away = append(away, s.peer.id)
		}
	}
	text := ""
	if len(well) > 0 {
		text = "; not so " + strings.Join(well, ", ")
	}
	if len(away) > 0 {
		text += "; no answer comes from " + strings.Join(away, ", ")
	}
	return text
}

// held tells what keeps a failover back that the quorum wants.
func (e *explanation) held() {
	why, until := e.m.hold(e.w)
	switch {
	case why != "" && until.IsZero():
		e.say("No automatic failover is started: %s.", why)
	case why != "":
		e.say("No automatic failover is started before %s: %s.", until.UTC().Format(time.RFC3339), why)
	case e.w.check.token != 0:
		e.say("The pre-failover-script was asked %s ago.", e.ago(e.w.check.asked))
	case e.now.Before(e.w.notBefore):
		e.say("The last attempt failed; the next one begins in %s.", span(e.w.notBefore.Sub(e.now)))
	default:
		e.say("The failover is about to be claimed.")
	}
}

// eligible tells which replicas could be promoted, and why others could not.
func (e *explanation) eligible() {
	replicas, good := 0, 0
	for _, n := range e.w.nodes {
		if !n.isReplica() {
			continue
		}
		replicas++
		if why := e.m.excluded(e.w, n, nil); why != "" {
			e.say("Replica %s cannot be promoted: %s.", n.id.Addr, why)
			continue
		}
		good++
	}
	switch {
	case replicas == 0:
		e.say("It has no known replica.")
	case good == 0:
		e.say("No replica can be promoted; SENTINEL FAILOVER %s ACCEPT-DATA-LOSS also takes one that was never in sync.", e.w.name)
	}
}

// standing tells of what will keep the next failover back, if the master is well.
func (e *explanation) standing() {
	if e.w.master.sdown.down {
		return
	}
	e.undecidable()
	switch why, until := e.m.hold(e.w); {
	case why == "paused" && until.IsZero():
		e.say("Automatic failovers are paused until SENTINEL RESUME %s.", e.w.name)
	case why != "":
		e.say("An automatic failover would not start before %s: %s.", until.UTC().Format(time.RFC3339), why)
	}
}

// last tells of the last record.
func (e *explanation) last() {
	if r := e.m.state.lastRecord(e.w.name); r != nil {
		what := "of " + r.Old.String()
		if !r.Target.IsZero() {
			what = "from " + r.Old.String() + " to " + r.Target.String()
		}
		e.say("The last record, %d of %s, is a failover %s: %s.", r.ID, r.Ended.UTC().Format(time.RFC3339), what, r.Outcome)
		return
	}
	if e.w.claim() == nil {
		e.say("It was never failed over.")
	}
}
