package failover

import (
	"strconv"
	"strings"
)

// publish emits an event. w is the master it is tied to, nil for none.
func (m *Machine) publish(level Level, event, payload string, w *watch) {
	if m.quiet {
		return
	}
	p := Publish{Level: level, Event: event, Payload: payload}
	if w != nil {
		p.Master = w.name
	}
	m.do(p)
	if w == nil || level != Warning {
		return
	}
	if path := w.settings().NotificationScript; path != "" {
		m.do(RunScript{Master: w.name, Path: path, Args: []string{event, payload}})
	}
}

// onMaster publishes an event about the master itself.
func (m *Machine) onMaster(level Level, event string, w *watch, more ...string) {
	m.publish(level, event, words(m.masterText(w.name, w.agreed.Addr), more), w)
}

// onSlave publishes an event about a replica of the current master.
func (m *Machine) onSlave(level Level, event string, w *watch, addr Addr, more ...string) {
	m.publish(level, event, words(m.slaveText(w.name, addr, w.agreed.Addr), more), w)
}

// onNode publishes an event about a data node in the role it ought to have.
func (m *Machine) onNode(level Level, event string, w *watch, n *node, more ...string) {
	if n == w.master {
		m.onMaster(level, event, w, more...)
		return
	}
	m.onSlave(level, event, w, n.id.Addr, more...)
}

// onSentinel publishes an event about another sentinel.
func (m *Machine) onSentinel(level Level, event string, w *watch, p *peer) {
	m.publish(level, event, m.sentinelText(p, w.name, w.agreed.Addr), w)
}

func (m *Machine) masterText(name string, addr Addr) string {
	return "master " + name + " " + m.hostPort(addr)
}

func (m *Machine) slaveText(name string, addr, master Addr) string {
	return "slave " + m.Shown(addr).String() + " " + m.hostPort(addr) + " @ " + name + " " + m.hostPort(master)
}

func (m *Machine) sentinelText(p *peer, name string, master Addr) string {
	return "sentinel " + p.id + " " + m.hostPort(p.addr) + " @ " + name + " " + m.hostPort(master)
}

// hostPort is an address as two words.
func (m *Machine) hostPort(a Addr) string {
	a = m.Shown(a)
	return a.Host + " " + strconv.Itoa(a.Port)
}

func words(first string, more []string) string {
	if len(more) == 0 {
		return first
	}
	return first + " " + strings.Join(more, " ")
}
