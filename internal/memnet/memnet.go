package memnet

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Network connects hosts. Safe for concurrent use.
type Network struct {
	mu    sync.Mutex // guards everything in the network; never held while waiting
	hosts map[string]*Host
	paths map[[2]*Host]*path
	links []*link       // connections with an end that is not closed, in order of making
	wake  chan struct{} // closed and replaced when a dialler should look again
	rand  *rand.Rand
}

// path is one direction between two hosts.
type path struct {
	cut           bool
	delay, jitter time.Duration
}

// New returns a network without hosts. Seed makes its jitter repeatable.
func New(seed uint64) *Network {
	return &Network{
		hosts: make(map[string]*Host),
		paths: make(map[[2]*Host]*path),
		wake:  make(chan struct{}),
		rand:  rand.New(rand.NewPCG(seed, 0)),
	}
}

// Host returns the host with an IP address, which is created when first named.
func (n *Network) Host(ip string) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.host(ip)
	if !h.exists {
		h.exists = true
		n.wakeDiallers()
	}
	return h
}

// Cut stops all bytes between two hosts, in both directions: new connections hang
// until their deadline, bytes under way wait for [Network.Heal].
func (n *Network) Cut(a, b string) {
	n.change(func() {
		n.path(n.host(a), n.host(b)).cut = true
		n.path(n.host(b), n.host(a)).cut = true
	})
}

// CutOneWay stops the bytes from one host to another; the other direction works.
func (n *Network) CutOneWay(from, to string) {
	n.change(func() { n.path(n.host(from), n.host(to)).cut = true })
}

// Heal undoes Cut and CutOneWay between two hosts; what waited arrives.
func (n *Network) Heal(a, b string) {
	n.change(func() {
		n.path(n.host(a), n.host(b)).cut = false
		n.path(n.host(b), n.host(a)).cut = false
	})
}

// HealAll undoes every cut.
func (n *Network) HealAll() {
	n.change(func() {
		for _, p := range n.paths {
			p.cut = false
		}
	})
}

// Isolate cuts a host off from every other host that exists.
func (n *Network) Isolate(ip string) {
	n.change(func() {
		alone := n.host(ip)
		for _, h := range n.hosts {
			n.path(alone, h).cut = h != alone
			n.path(h, alone).cut = h != alone
		}
	})
}

// Delay sets how long bytes travel from one host to another: delay plus a random
// part of jitter. Order is kept. The default is none.
func (n *Network) Delay(from, to string, delay, jitter time.Duration) {
	n.change(func() {
		p := n.path(n.host(from), n.host(to))
		p.delay, p.jitter = delay, jitter
	})
}

// change lets arrive what is due, changes the state of the network, and has
// everyone who waits look again.
func (n *Network) change(do func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	for _, l := range n.links {
		l.settle(now)
	}
	do()
	for _, l := range n.links {
		l.notify()
	}
	close(n.wake)
	n.wake = make(chan struct{})
}

// What follows is called with mu held.

func (n *Network) host(ip string) *Host {
	h := n.hosts[ip]
	if h == nil {
		h = &Host{net: n, ip: ip, listeners: make(map[int]*listener), nextPort: firstEphemeral}
		n.hosts[ip] = h
	}
	return h
}

func (n *Network) path(from, to *Host) *path {
	key := [2]*Host{from, to}
	p := n.paths[key]
	if p == nil {
		p = &path{}
		n.paths[key] = p
	}
	return p
}

// open reports whether bytes get from one host to the other.
func (n *Network) open(from, to *Host) bool {
	return from.up() && to.up() && !n.path(from, to).cut
}

// travel draws how long something takes from one host to another.
func (n *Network) travel(from, to *Host) time.Duration {
	p := n.path(from, to)
	d := p.delay
	if p.jitter > 0 {
		d += time.Duration(n.rand.Int64N(int64(p.jitter)))
	}
	return d
}

// forget drops links whose both ends are closed.
func (n *Network) forget(l *link) {
	for i, other := range n.links {
		if other == l {
			n.links = append(n.links[:i], n.links[i+1:]...)
			return
		}
	}
}
