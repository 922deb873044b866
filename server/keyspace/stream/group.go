package stream

import (
	"bytes"
	"iter"
	"slices"
	"unsafe"
)

// ReadUnknown is EntriesRead of a group of which nobody knows how much it has read.
const ReadUnknown = -1

// Group is a consumer group: how far it has read, and what was delivered to its
// consumers and is not acknowledged. It is got from its Stream, to be read with
// Group, to be changed with EditGroup.
type Group struct {
	// LastID is the last id delivered, EntriesRead the number of entries up to it, or
	// ReadUnknown.
	LastID      ID
	EntriesRead int64

	owner     *token
	name      []byte
	pel       tree[Pending]
	consumers []*Consumer // by slot; nil: a free one
	order     []uint32    // slots by name of the consumer
}

// Pending is what is known of an entry that was delivered and not acknowledged.
type Pending struct {
	DeliveredAt int64 // Unix ms
	Deliveries  uint64
	slot        uint32 // of the consumer who has it
}

// Consumer is a consumer of a group. It is got from its Group, to be read with
// Consumer, to be changed with EditConsumer.
type Consumer struct {
	SeenAt   int64 // Unix ms of the last attempt to read
	ActiveAt int64 // Unix ms of the last one that got something; -1: never

	owner *token
	name  []byte
	slot  uint32
	pel   tree[struct{}]
}

func compare(a, b []byte) int { return bytes.Compare(a, b) }

// Groups returns the groups in the order of their names, to be read.
func (s *Stream) Groups() []*Group { return s.groups }

// Group returns a group to be read, nil if there is none of that name.
func (s *Stream) Group(name []byte) *Group {
	if i, ok := s.group(name); ok {
		return s.groups[i]
	}
	return nil
}

// EditGroup returns a group to be changed, until the next freeze; nil if there is
// none of that name.
func (s *Stream) EditGroup(name []byte) *Group {
	i, ok := s.group(name)
	if !ok {
		return nil
	}
	g := s.groups[i]
	if g.owner != s.owner {
		c := *g
		c.owner = s.owner
		c.consumers, c.order = slices.Clone(g.consumers), slices.Clone(g.order)
		g = &c
		s.ownGroups()
		s.groups[i] = g
	}
	return g
}

func (s *Stream) ownGroups() {
	if s.groupsOwner != s.owner {
		s.groups, s.groupsOwner = slices.Clone(s.groups), s.owner
	}
}

// CreateGroup adds a group, which it returns to be changed; nil if there is one of
// that name.
func (s *Stream) CreateGroup(name []byte, last ID, read int64) *Group {
	i, there := s.group(name)
	if there {
		return nil
	}
	s.ownGroups()
	g := &Group{owner: s.owner, name: bytes.Clone(name), LastID: last, EntriesRead: read}
	s.groups = slices.Insert(s.groups, i, g)
	return g
}

// DestroyGroup removes a group and reports whether it was there.
func (s *Stream) DestroyGroup(name []byte) bool {
	i, there := s.group(name)
	if there {
		s.ownGroups()
		s.groups = slices.Delete(s.groups, i, i+1)
	}
	return there
}

func (g *Group) memory() int64 {
	n := int64(unsafe.Sizeof(*g)) + int64(cap(g.name)+8*cap(g.consumers)+4*cap(g.order)) + g.pel.memory()
	for _, c := range g.consumers {
		if c != nil {
			n += int64(unsafe.Sizeof(*c)) + int64(cap(c.name)) + c.pel.memory()
		}
	}
	return n
}

// Name returns the group's name.
func (g *Group) Name() []byte { return g.name }

// PendingCount returns how many entries are pending.
func (g *Group) PendingCount() int { return g.pel.count }

// PendingRange returns the first and the last pending id; false if there is none.
func (g *Group) PendingRange() (first, last ID, ok bool) {
	c := g.pel.first()
	if !c.valid() {
		return ID{}, ID{}, false
	}
	first = c.id()
	c = g.pel.last()
	return first, c.id(), true
}

// ConsumerCount returns how many consumers there are.
func (g *Group) ConsumerCount() int { return len(g.order) }

// Consumers returns the consumers in the order of their names, to be read.
func (g *Group) Consumers() iter.Seq[*Consumer] {
	return func(yield func(*Consumer) bool) {
		for _, slot := range g.order {
			if !yield(g.consumers[slot]) {
				return
			}
		}
	}
}

func (g *Group) consumer(name []byte) (int, bool) {
	return slices.BinarySearchFunc(g.order, name, func(slot uint32, name []byte) int {
		return compare(g.consumers[slot].name, name)
	})
}

// Consumer returns a consumer to be read, nil if there is none of that name.
func (g *Group) Consumer(name []byte) *Consumer {
	if i, ok := g.consumer(name); ok {
		return g.consumers[g.order[i]]
	}
	return nil
}

// EditConsumer returns a consumer to be changed; nil if there is none of that name.
func (g *Group) EditConsumer(name []byte) *Consumer {
	if i, ok := g.consumer(name); ok {
		return g.edit(g.order[i])
	}
	return nil
}

func (g *Group) edit(slot uint32) *Consumer {
	c := g.consumers[slot]
	if c.owner != g.owner {
		own := *c
		own.owner = g.owner
		c = &own
		g.consumers[slot] = c
	}
	return c
}

// CreateConsumer adds a consumer seen now, which it returns to be changed; nil if
// there is one of that name.
func (g *Group) CreateConsumer(name []byte, now int64) *Consumer {
	i, there := g.consumer(name)
	if there {
		return nil
	}
	slot := slices.Index(g.consumers, nil)
	if len(g.order) == len(g.consumers) {
		slot = len(g.consumers)
		g.consumers = append(g.consumers, nil)
	}
	c := &Consumer{owner: g.owner, name: bytes.Clone(name), slot: uint32(slot), SeenAt: now, ActiveAt: -1}
	g.consumers[slot] = c
	g.order = slices.Insert(g.order, i, c.slot)
	return c
}

// DeleteConsumer removes a consumer with what it has pending, and returns how many
// entries that was.
func (g *Group) DeleteConsumer(name []byte) int {
	i, there := g.consumer(name)
	if !there {
		return 0
	}
	c := g.consumers[g.order[i]]
	for id := range c.pel.from(ID{}) {
		g.pel.remove(g.owner, id)
	}
	g.consumers[c.slot] = nil
	g.order = slices.Delete(g.order, i, i+1)
	return c.pel.count
}

// Name returns the consumer's name.
func (c *Consumer) Name() []byte { return c.name }

// PendingCount returns how many entries the consumer has pending.
func (c *Consumer) PendingCount() int { return c.pel.count }

// Pending returns what is known of a pending entry; false if id is not pending.
func (g *Group) Pending(id ID) (Pending, bool) {
	p, ok := g.pel.get(id)
	if !ok {
		return Pending{}, false
	}
	return *p, true
}

// Holder returns the consumer who has p, to be read.
func (g *Group) Holder(p Pending) *Consumer { return g.consumers[p.slot] }

// All returns what is pending from an id on, in order. The group may not change
// meanwhile: use NextPending where it does.
func (g *Group) All(from ID) iter.Seq2[ID, *Pending] { return g.pel.from(from) }

// All returns the ids the consumer has pending from an id on, in order.
func (c *Consumer) All(from ID) iter.Seq2[ID, *struct{}] { return c.pel.from(from) }

// Held walks over what one consumer has pending. It is good until the group changes.
type Held struct {
	group *Group
	all   cursor[Pending]
	own   cursor[struct{}]
}

// Held returns a walk over what c has pending from an id on; over what all have if c is
// nil.
func (g *Group) Held(c *Consumer, from ID) Held {
	h := Held{group: g}
	h.all.depth, h.own.depth = -1, -1
	if c == nil {
		h.all = g.pel.seek(from)
	} else {
		h.own = c.pel.seek(from)
	}
	return h
}

// Next returns the next entry; false if there is none.
func (h *Held) Next() (id ID, p *Pending, ok bool) {
	switch {
	case h.all.valid():
		id, p = h.all.id(), h.all.val()
		h.all.next()
	case h.own.valid():
		id = h.own.id()
		p, _ = h.group.pel.get(id)
		h.own.next()
	default:
		return ID{}, nil, false
	}
	return id, p, true
}

// from returns the items from an id on.
func (t *tree[V]) from(id ID) iter.Seq2[ID, *V] {
	return func(yield func(ID, *V) bool) {
		for c := t.seek(id); c.valid(); c.next() {
			if !yield(c.id(), c.val()) {
				return
			}
		}
	}
}

// NextPending returns the first pending entry from an id on; false if there is none.
func (g *Group) NextPending(from ID) (ID, Pending, bool) {
	c := g.pel.seek(from)
	if !c.valid() {
		return ID{}, Pending{}, false
	}
	return c.id(), *c.val(), true
}

// NextPending returns the first id the consumer has pending from an id on; false if
// there is none.
func (c *Consumer) NextPending(from ID) (ID, bool) {
	at := c.pel.seek(from)
	if !at.valid() {
		return ID{}, false
	}
	return at.id(), true
}

// Deliver makes id pending for a consumer of the group, c, whoever had it. c is one
// that may be changed.
func (g *Group) Deliver(id ID, c *Consumer, at int64, deliveries uint64) {
	p := Pending{DeliveredAt: at, Deliveries: deliveries, slot: c.slot}
	if old, there := g.pel.get(id); there && old.slot == c.slot {
		g.pel.put(g.owner, id, p)
		return
	} else if there {
		g.edit(old.slot).pel.remove(g.owner, id)
	}
	g.pel.put(g.owner, id, p)
	c.pel.put(g.owner, id, struct{}{})
}

// Ack takes id out of what is pending and reports whether it was.
func (g *Group) Ack(id ID) bool {
	p, there := g.pel.get(id)
	if !there {
		return false
	}
	g.edit(p.slot).pel.remove(g.owner, id)
	return g.pel.remove(g.owner, id)
}
