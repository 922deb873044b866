package failover

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// bench is one machine with a clock, fed by hand.
type bench struct {
	t   *testing.T
	m   *Machine
	now time.Time
	log uint64
	got []Action // of the last event
	all []Action
}

func newBench(t *testing.T, local *Agreed) *bench {
	return &bench{t: t, now: day, m: New(Config{ID: "s1", Boot: "1", Now: day, Local: local})}
}

func (b *bench) step(ev Event) *bench {
	b.got = slices.Clone(b.m.Step(ev))
	b.all = append(b.all, b.got...)
	return b
}

func (b *bench) commit(body Body) *bench {
	b.log++
	return b.step(Committed{At: b.now, Index: b.log, Command: Command{From: "s2", At: b.now, Body: body}})
}

func (b *bench) replay(body Body) *bench {
	b.log++
	return b.step(Committed{At: b.now, Index: b.log, Replayed: true,
		Command: Command{From: "s2", At: b.now, Body: body}})
}

// text returns the actions of one type, one a line.
func text[T Action](actions []Action) string {
	var lines []string
	for _, a := range actions {
		switch a := a.(type) {
		case Publish:
			if _, ok := any(a).(T); ok {
				lines = append(lines, a.Event+" "+a.Payload)
			}
		case T:
			lines = append(lines, fmt.Sprintf("%v", a))
		}
	}
	return strings.Join(lines, "\n")
}

func (b *bench) published(want ...string) {
	b.t.Helper()
	if got := text[Publish](b.got); got != strings.Join(want, "\n") {
		b.t.Errorf("published\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func formed(name string, addr Addr, replicas ...Addr) Form {
	m := Master{Name: name, Addr: addr, Settings: DefaultSettings(2)}
	for _, r := range replicas {
		m.Replicas = append(m.Replicas, Replica{Addr: r})
	}
	return Form{Cluster: "c", Masters: []Master{m}}
}

// failedOver is the log of a finished failover from addr1 to addr2 by s2.
func failedOver() []Body {
	l := newLedger()
	bodies := []Body{formed("m", addr1, addr2, addr3)}
	add := func(b Body) { bodies = append(bodies, b); l.do(b) }
	add(Claim{Name: "m", Addr: addr1, Claimant: "s2"})
	add(Select{Stand: l.stand(), Pick: addr2})
	add(Switch{Stand: l.stand()})
	add(End{Stand: l.stand()})
	return bodies
}

// A restart does not announce old failovers: entries known at the start change state
// silently, and no link is opened for what is over.
func TestReplayIsSilent(t *testing.T) {
	b := newBench(t, nil)
	for _, body := range failedOver() {
		b.replay(body)
		if len(b.got) > 0 {
			t.Fatalf("%T gave %v", body, b.got)
		}
	}
	b.step(ReplayDone{At: b.now})
	b.published("+monitor master m 10.0.0.2 6379 quorum 2")
	if v, ok := b.m.Master(b.now, "m"); !ok || v.Addr != addr2 || v.ConfigEpoch != 1 || v.NumSlaves != 2 {
		t.Errorf("%+v", v)
	}
	b.commit(NewEpoch{Epoch: 5})
	b.published("+new-epoch 5")
}

// A live entry after replayed ones ends the replay and is announced itself.
func TestLiveEntryEndsReplay(t *testing.T) {
	b := newBench(t, nil)
	log := failedOver()
	for _, body := range log[:3] {
		b.replay(body)
	}
	b.commit(log[3])
	b.published(
		"+monitor master m 10.0.0.1 6379 quorum 2",
		"+switch-master m 10.0.0.1 6379 10.0.0.2 6379",
		"+slave slave 10.0.0.1:6379 10.0.0.1 6379 @ m 10.0.0.2 6379",
		"+slave slave 10.0.0.3:6379 10.0.0.3 6379 @ m 10.0.0.2 6379",
	)
}

// A snapshot that brings a switch this sentinel missed is announced too.
func TestLiveSnapshotIsAnnounced(t *testing.T) {
	b := newBench(t, nil)
	log := failedOver()
	b.commit(log[0])
	var a Agreed
	for i, body := range log {
		a.Apply(uint64(i+1), Command{At: day, Body: body})
	}
	b.step(Restored{At: b.now, State: &a})
	if got := text[Publish](b.got); !strings.Contains(got, "+switch-master m 10.0.0.1 6379 10.0.0.2 6379") {
		t.Errorf("published %s", got)
	}
}

// A proposal that was decided in what this sentinel caught up with is settled: nobody
// waits for a commit that does not come.
func TestProposalDecidedInSnapshot(t *testing.T) {
	b := newBench(t, nil)
	b.commit(formed("m", addr1, addr2))
	b.step(Quorum{At: b.now, Formed: true, Leader: "s2", Voters: []string{"s1", "s2", "s3"}})
	w := b.m.watch("m")
	*w.node(addr2) = *candidate(b.now, addr2, nil)
	b.step(FailoverRequest{At: b.now, Master: "m", Token: 7})
	var claim Command
	for _, a := range b.got {
		if p, ok := a.(Propose); ok {
			claim = p.Command
		}
	}
	if _, ok := claim.Body.(Claim); !ok {
		t.Fatalf("a request for a failover led to %v", b.got)
	}
	a := b.m.Agreed().Clone()
	a.Apply(2, claim)
	b.step(Restored{At: b.now, State: a})
	if got := text[Answer](b.got); got != "{7 }" {
		t.Errorf("the request was answered %q", got)
	}
	if w.proposal.id == claim.ID {
		t.Error("the claim is still waited for")
	}
}

// An unformed sentinel follows what others say; at forming the agreed state takes
// over and links stay as they are.
func TestUnformedThenFormed(t *testing.T) {
	local := &Agreed{}
	local.Apply(0, Command{Body: Monitor{Name: "m", Addr: addr1, Settings: DefaultSettings(2)}})
	b := newBench(t, local)
	b.step(Tick{At: b.now})
	b.published("+monitor master m 10.0.0.1 6379 quorum 2")
	b.step(Hello{At: b.now, ID: "s2", Addr: Addr{"10.0.1.2", 26379}, CurrentEpoch: 4, Name: "m",
		Master: addr2, ConfigEpoch: 4})
	b.published(
		"+sentinel sentinel s2 10.0.1.2 26379 @ m 10.0.0.1 6379",
		"+new-epoch 4",
		"+config-update-from sentinel s2 10.0.1.2 26379 @ m 10.0.0.1 6379",
		"+switch-master m 10.0.0.1 6379 10.0.0.2 6379",
		"+slave slave 10.0.0.1:6379 10.0.0.1 6379 @ m 10.0.0.2 6379",
	)
	b.step(Local{At: b.now, Command: Command{At: b.now, Body: Set{Name: "m", Edits: []Edit{{"quorum", []string{"3"}}}}}})
	b.published("+set master m 10.0.0.2 6379 quorum 3")
	form := formed("m", addr2, addr1)
	form.Masters[0].ConfigEpoch = 4
	b.commit(form)
	b.published()
	if got := text[Disconnect](b.got); got != "" {
		t.Errorf("disconnected %s", got)
	}
	if v, _ := b.m.Master(b.now, "m"); v.Settings.Quorum != 2 || !b.m.Agreed().Formed() {
		t.Errorf("the agreed state is not in force: %+v", v)
	}
}

// Beside Redis Sentinels that are as many as we are, we leave the decisions to them;
// once we are more, we make them.
func TestForeignSentinels(t *testing.T) {
	b := newBench(t, nil)
	b.commit(formed("m", addr1, addr2))
	b.step(Quorum{At: b.now, Formed: true, Leader: "s1", Voters: []string{"s1"}})
	hello := func(id string, epoch uint64) {
		b.step(Hello{At: b.now, ID: id, Addr: Addr{"10.0.1." + id[1:], 26379}, CurrentEpoch: epoch,
			Name: "m", Master: addr2, ConfigEpoch: epoch})
	}
	hello("r2", 0)
	b.step(Peer{At: b.now, ID: "r2", Foreign: true, Masters: []string{"m"}})
	if b.m.outnumbers(b.m.watch("m")) {
		t.Fatal("one beside one is a majority")
	}
	b.step(FailoverRequest{At: b.now, Master: "m", Token: 1})
	if got := text[Answer](b.got); !strings.Contains(got, "NOQUORUM") {
		t.Errorf("answer %s", got)
	}
	hello("r2", 3)
	if got := text[Propose](b.got); !strings.Contains(got, "foreign") {
		t.Fatalf("proposed %s", got)
	}
	b.commit(Adopt{Name: "m", Old: addr1, Addr: addr2, ConfigEpoch: 3, Why: "foreign", Source: "r2"})
	b.published(
		"+new-epoch 3",
		"+config-update-from sentinel r2 10.0.1.2 26379 @ m 10.0.0.1 6379",
		"+switch-master m 10.0.0.1 6379 10.0.0.2 6379",
		"+slave slave 10.0.0.1:6379 10.0.0.1 6379 @ m 10.0.0.2 6379",
	)
	b.step(Quorum{At: b.now, Formed: true, Leader: "s1", Voters: []string{"s1", "s3"}})
	b.now = b.now.Add(4 * time.Second)
	hello("r2", 4)
	if got := text[Propose](b.got); strings.Contains(got, "r2") {
		t.Errorf("followed a minority: %s", got)
	}
}

// A foreign sentinel is asked while the master is down, ours are told.
func TestForeignSentinelsAreAsked(t *testing.T) {
	b := newBench(t, nil)
	b.commit(formed("m", addr1, addr2))
	b.step(Quorum{At: b.now, Formed: true, Leader: "s1", Voters: []string{"s1", "s2", "s3"}})
	b.step(Peer{At: b.now, ID: "r1", Addr: Addr{"10.0.1.9", 26379}, Foreign: true, Masters: []string{"m"}})
	b.step(LinkUp{At: b.now, Node: Node{Sentinel: "r1"}})
	b.step(LinkUp{At: b.now, Node: Node{Master: "m", Addr: addr2}})
	b.step(PingReply{At: b.now, Node: Node{Master: "m", Addr: addr2}, Reply: ReplyPong})
	b.all = nil
	b.runFor(31 * time.Second)
	if got := text[AskMasterDown](b.all); !strings.Contains(got, "{r1 m 10.0.0.1:6379 0}") {
		t.Errorf("asked %q", got)
	}
	if got := text[Report](b.all); !strings.Contains(got, "{ m 10.0.0.1:6379 0 true}") {
		t.Errorf("reported %q", got)
	}
	b.step(PeerReport{At: b.now, From: "r1", Master: "m", Addr: addr1, Down: true})
	b.published("+odown master m 10.0.0.1 6379 #quorum 2/2")
}

// What a peer said of a master that is another one now, or long ago, is not shown.
func TestMasterDownOfPeersExpires(t *testing.T) {
	b := newBench(t, nil)
	b.commit(formed("m", addr1, addr2))
	b.step(Peer{At: b.now, ID: "s2", Addr: Addr{"10.0.1.9", 26379}, Masters: []string{"m"}})
	says := func(of Addr, epoch uint64) {
		b.step(PeerReport{At: b.now, From: "s2", Master: "m", Addr: of, Epoch: epoch, Down: true})
	}
	shown := func(want bool) {
		t.Helper()
		if got := b.m.Sentinels(b.now, "m")[0].Flags; strings.Contains(got, "master_down") != want {
			t.Errorf("flags %s", got)
		}
	}
	says(addr1, 0)
	shown(true)
	b.now = b.now.Add(10 * time.Second)
	shown(false)
	says(addr1, 0)
	b.commit(Adopt{Name: "m", Old: addr1, Addr: addr2, ConfigEpoch: 1, Why: "foreign"})
	shown(false)
	b.commit(Adopt{Name: "m", Old: addr2, Addr: addr1, ConfigEpoch: 2, Why: "foreign"})
	shown(false)
	says(addr1, 2)
	shown(true)
}

// runFor ticks the machine through d, answering PING of links that are up.
func (b *bench) runFor(d time.Duration) {
	end := b.now.Add(d)
	for {
		due := later(b.m.NextDeadline(), b.now)
		if due.After(end) {
			break
		}
		b.now = due
		b.step(Tick{At: b.now})
		for _, a := range b.got {
			if p, ok := a.(Ping); ok {
				b.step(PingReply{At: b.now, Node: p.Node, Reply: ReplyPong})
			}
		}
	}
	b.now = end
}

// Warnings tied to a master run its notification script, a switch its reconfiguration
// script.
func TestScriptsAreRun(t *testing.T) {
	form := formed("m", addr1, addr2)
	form.Masters[0].Settings.NotificationScript = "/notify"
	form.Masters[0].Settings.ClientReconfigScript = "/reconf"
	b := newBench(t, nil)
	b.commit(form)
	if got := text[RunScript](b.got); got != "{m /notify [+monitor master m 10.0.0.1 6379 quorum 2]}" {
		t.Errorf("%s", got)
	}
	b.commit(Adopt{Name: "m", Old: addr1, Addr: addr2, Why: "operator"})
	want := "{m /notify [+switch-master m 10.0.0.1 6379 10.0.0.2 6379]}\n" +
		"{m /reconf [m observer start 10.0.0.1 6379 10.0.0.2 6379]}"
	if got := text[RunScript](b.got); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// New credentials reopen the links, as do new names for what a link begins with; renamed
// commands are sent by their new name.
func TestSettingsTakeEffect(t *testing.T) {
	b := newBench(t, nil)
	b.commit(formed("m", addr1))
	b.commit(Set{Name: "m", Edits: []Edit{
		{"auth-pass", []string{"secret"}}, {"rename-command", []string{"ping", "pong"}},
	}})
	b.published("+set master m 10.0.0.1 6379 auth-pass ******", "+set master m 10.0.0.1 6379 rename-command ping pong")
	if got := text[Connect](b.got); got != "{m 10.0.0.1:6379 10.0.0.1:6379 250ms { secret AUTH CLIENT SUBSCRIBE}}" {
		t.Errorf("connect %s", got)
	}
	rename := func(old, name string) *bench {
		return b.commit(Set{Name: "m", Edits: []Edit{{"rename-command", []string{old, name}}}})
	}
	if got := text[Connect](rename("slaveof", "follow").got); got != "" {
		t.Errorf("connect %s", got)
	}
	rename("auth", "login")
	rename("client", "guest")
	if got := text[Connect](rename("subscribe", "listen").got); got != "{m 10.0.0.1:6379 10.0.0.1:6379 250ms { secret login guest listen}}" {
		t.Errorf("connect %s", got)
	}
	b.step(LinkUp{At: b.now, Node: Node{Master: "m", Addr: addr1}})
	if got := text[Ping](b.got); got != "{m 10.0.0.1:6379 pong 7.5s}" {
		t.Errorf("ping %s", got)
	}
}

// A sentinel that comes back with another address, and one that takes an address over.
func TestSentinelAddresses(t *testing.T) {
	b := newBench(t, nil)
	b.commit(formed("m", addr1))
	hello := func(id, host string) *bench {
		return b.step(Hello{At: b.now, ID: id, Addr: Addr{host, 26379}, Name: "m", Master: addr1})
	}
	hello("s2", "10.0.1.2")
	b.published("+sentinel sentinel s2 10.0.1.2 26379 @ m 10.0.0.1 6379")
	hello("s2", "10.0.1.2")
	b.published()
	hello("s2", "10.0.1.9")
	b.published("+sentinel-address-switch master m 10.0.0.1 6379 ip 10.0.1.9 port 26379 for s2")
	hello("s3", "10.0.1.9")
	b.published("+sentinel-invalid-addr sentinel s2 10.0.1.9 26379 @ m 10.0.0.1 6379",
		"+sentinel sentinel s3 10.0.1.9 26379 @ m 10.0.0.1 6379")
	hello("s1", "10.0.1.7")
	b.published()
	if usable, known := b.m.Usable("m"); usable != 3 || known != 3 {
		t.Errorf("%d of %d usable", usable, known)
	}
	b.step(Forget{At: b.now, ID: "s2"})
	if _, known := b.m.Usable("m"); known != 2 {
		t.Errorf("%d known", known)
	}
}

// A host name in one place and its address in another are one instance.
func TestHostNames(t *testing.T) {
	master := Addr{"db1.example", 6379}
	b := newBench(t, nil)
	b.commit(formed("m", master))
	b.step(Resolved{At: b.now, Host: "db1.example", IP: "10.0.0.1"})
	b.step(Resolved{At: b.now, Host: "db2.example", IP: "10.0.0.2"})
	node := Node{Master: "m", Addr: master}
	b.step(LinkUp{At: b.now, Node: node})
	b.step(InfoReply{At: b.now, Node: node, Info: Info{Role: RoleMaster, Replicas: []Addr{{"db2.example", 6379}}}})
	b.step(tickLater(b))
	b.step(InfoReply{At: b.now, Node: node, Info: Info{Role: RoleMaster, Replicas: []Addr{addr2, addr1}}})
	if got := len(b.m.Replicas(b.now, "m")); got != 1 {
		t.Errorf("%d replicas", got)
	}
}

// tickLater lets time pass until INFO is due once more.
func tickLater(b *bench) Event {
	b.now = b.now.Add(time.Second)
	return Tick{At: b.now}
}

// The fields of the views that are not flags.
func TestViews(t *testing.T) {
	b := newBench(t, nil)
	b.commit(formed("m", addr1, addr2))
	node := Node{Master: "m", Addr: addr2}
	b.step(LinkUp{At: b.now, Node: node})
	b.now = b.now.Add(100 * time.Millisecond)
	b.step(PingReply{At: b.now, Node: node, Reply: ReplyPong})
	b.step(InfoReply{At: b.now, Node: node, Info: Info{RunID: "r2", Role: RoleSlave, MasterAddr: addr1,
		MasterLinkUp: true, Priority: 90, Offset: 42, Announced: true}})
	b.now = b.now.Add(200 * time.Millisecond)
	r := b.m.Replicas(b.now, "m")[0]
	if r.Name != "10.0.0.2:6379" || r.RunID != "r2" || r.Flags != "slave" || r.LastOKPing != 200*time.Millisecond ||
		r.InfoRefresh != 200*time.Millisecond || r.MasterHost != "10.0.0.1" || r.Priority != 90 || r.Offset != 42 ||
		r.RoleReported != RoleSlave || r.DownAfter != DefaultDownAfter || r.LastPingSent != 0 || !r.ReplicaAnnounced {
		t.Errorf("%+v", r)
	}
	v, _ := b.m.Master(b.now, "m")
	if v.Name != "m" || v.Flags != "master,disconnected" || v.NumSlaves != 1 || v.LastPingSent != 300*time.Millisecond {
		t.Errorf("%+v", v)
	}
	if _, ok := b.m.Master(b.now, "x"); ok {
		t.Error("there is a master x")
	}
}

// The idle cost: a PING and its answer, with a hundred masters.
func BenchmarkPing(b *testing.B) {
	m := New(Config{ID: "s1", Boot: "1", Now: day})
	form := Form{Cluster: "c"}
	for i := range 100 {
		f := formed(fmt.Sprintf("m%03d", i), Addr{"10.0.0.1", 7000 + i}, Addr{"10.0.0.2", 7000 + i}, Addr{"10.0.0.3", 7000 + i})
		form.Masters = append(form.Masters, f.Masters...)
	}
	m.Step(Committed{At: day, Index: 1, Command: Command{Body: form}})
	now := day
	for _, w := range m.watches {
		for _, n := range w.nodes {
			m.Step(LinkUp{At: now, Node: n.id})
			m.Step(PingReply{At: now, Node: n.id, Reply: ReplyPong})
		}
	}
	b.ReportAllocs()
	pings := 0
	var waiting []Node
	for b.Loop() {
		if len(waiting) == 0 {
			now = later(m.NextDeadline(), now)
			for _, a := range m.Step(Tick{At: now}) {
				if p, ok := a.(Ping); ok {
					waiting = append(waiting, p.Node)
				}
			}
			continue
		}
		pings++
		m.Step(PingReply{At: now, Node: waiting[0], Reply: ReplyPong})
		waiting = waiting[1:]
	}
	b.ReportMetric(float64(pings)/float64(b.N), "pings/op")
}
