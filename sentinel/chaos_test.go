package sentinel

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Random faults, several at once, then peace: within a minute there is one master,
// the others follow it, all sentinels agree on it and on the whole history, and no
// epoch ever had two masters.
func TestRandomFaultsHeal(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inWorld(t, func(w *world) {
				f := &faults{w: w, r: rand.New(rand.NewPCG(seed, 1))}
				answers := map[string]string{} // config-epoch to address
				for range 8 {
					f.strike(t)
					for end := time.Now().Add(time.Duration(f.r.IntN(6000)) * time.Millisecond); time.Now().Before(end); {
						time.Sleep(50 * time.Millisecond)
						w.noteAnswers(answers)
					}
				}
				f.heal(t)
				t.Log("faults:", strings.Join(f.done, ", "))
				w.await(time.Minute, "peace", func() bool { w.noteAnswers(answers); return w.peaceful() })
			})
		})
	}
}

// noteAnswers records what each sentinel answers now and complains of two addresses
// for one epoch.
func (w *world) noteAnswers(answers map[string]string) {
	for _, x := range w.sens {
		if x.s == nil {
			continue
		}
		m := x.master()
		epoch, addr := m["config-epoch"], m["ip"]
		if known, ok := answers[epoch]; ok && known != addr {
			w.t.Errorf("s%d: epoch %s has %s, had %s", x.n, epoch, addr, known)
		}
		answers[epoch] = addr
	}
}

// peaceful says whether there is one master which all agree on and follow.
func (w *world) peaceful() bool {
	masters := w.set.masters()
	if len(masters) != 1 || !w.agree("") || w.sens[0].master()["ip"] != masters[0] {
		return false
	}
	for i, n := range w.set.nodes {
		if n.ip != masters[0] && w.set.follows(i) != masters[0] {
			return false
		}
	}
	for _, x := range w.sens {
		if !x.s.quorum.Status().Formed || x.history() != w.sens[0].history() {
			return false
		}
		if m := x.master(); m["flags"] != "master" || m["failover-state"] != "" && m["failover-state"] != "none" {
			return false
		}
	}
	return true
}

// history is what the sentinel knows of failovers, as text.
func (x *worldSentinel) history() (text string) {
	_ = x.s.do(context.Background(), func(lp *loop) {
		b, err := json.Marshal(lp.m.Agreed().History)
		if err != nil {
			x.w.t.Error(err)
		}
		text = string(b)
	})
	return text
}

// faults does harm and undoes it.
type faults struct {
	w    *world
	r    *rand.Rand
	done []string
}

// strike does one thing at random; what is broken may be mended.
func (f *faults) strike(t *testing.T) {
	w := f.w
	node, sen := w.set.nodes[f.r.IntN(3)], w.sens[f.r.IntN(3)]
	other := w.sens[f.r.IntN(3)]
	what := ""
	switch f.r.IntN(9) {
	case 0, 1:
		what = "kill " + node.ip
		node.kill()
	case 2:
		what = "start " + node.ip
		f.revive(t, node)
	case 3:
		what = "freeze " + node.ip
		node.host.Freeze()
	case 4:
		what = fmt.Sprintf("kill s%d", sen.n)
		sen.kill()
	case 5:
		what = fmt.Sprintf("start s%d", sen.n)
		if sen.s == nil {
			sen.start()
		}
	case 6:
		what = fmt.Sprintf("cut s%d from %s", sen.n, node.ip)
		w.net.Cut(sen.host.IP(), node.ip)
	case 7:
		what = fmt.Sprintf("cut s%d to s%d", sen.n, other.n)
		w.net.CutOneWay(sen.host.IP(), other.host.IP())
	case 8:
		what = "heal the network"
		w.net.HealAll()
		node.host.Thaw()
	}
	f.done = append(f.done, what)
}

func (f *faults) revive(t *testing.T, n *fakeNode) {
	n.host.Thaw()
	if !n.alive {
		n.start(t)
	}
}

// heal undoes everything.
func (f *faults) heal(t *testing.T) {
	f.w.net.HealAll()
	for _, n := range f.w.set.nodes {
		f.revive(t, n)
	}
	for _, x := range f.w.sens {
		if x.s == nil {
			x.start()
		}
	}
	f.done = append(f.done, "heal")
}
