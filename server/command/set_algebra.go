package command

import (
	"cmp"
	"slices"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/set"
)

// readSets finds several sets; a missing one is a set without members. missing counts
// them. What it returns is good until the data set changes.
func (c *Ctx) readSets(keys [][]byte) (sets []setValue, missing int, err error) {
	for _, key := range keys {
		if _, _, err := c.ReadKind(key, keyspace.Set); err != nil {
			return nil, 0, err
		}
	}
	sets = make([]setValue, len(keys)) // found again: looking for one may have moved others
	for i, key := range keys {
		e, there := c.DB.Peek(key)
		if !there {
			missing++
			continue
		}
		sets[i] = setOf(e, there)
	}
	return sets, missing, nil
}

// same reports whether both are the one set at one key.
func (v *setValue) same(w *setValue) bool {
	if v.big != nil || w.big != nil {
		return v.big == w.big
	}
	return len(v.blob) > 0 && len(w.blob) > 0 && &v.blob[0] == &w.blob[0]
}

// writeSet replies with all members.
func (c *Ctx) writeSet(v *setValue) {
	c.Out.Set(v.len())
	c.writeMembers(v)
}

func (c *Ctx) writeMembers(v *setValue) {
	if v.enc == keyspace.Listpack && v.blob != nil {
		c.writeElements(v.blob, listpack.First(v.blob), v.len(), false)
		return
	}
	v.each(func(m member) bool {
		c.writeElement(m)
		return true
	})
}

// writeFound replies with the members that find passes to its argument.
func (c *Ctx) writeFound(find func(found func(member))) {
	n, at := 0, len(c.Out.Buf)
	find(func(m member) {
		c.writeElement(m)
		n++
	})
	c.Out.SetBefore(at, n)
}

// storeResult makes the outcome of a command the value at its destination.
func (c *Ctx) storeResult(key []byte, v *setValue, event string) error {
	if v.len() == 0 {
		if c.Replace(key) {
			c.Changed(Generic, "del", key)
		}
		c.Out.Int(0)
		return nil
	}
	isNew := c.isNew(c.DB, key)
	var err error
	if v.enc == keyspace.Hashtable {
		err = c.DB.SetObject(key, v.big, keyspace.SetOpt{})
	} else {
		err = c.DB.SetBlob(key, keyspace.Set, v.enc, v.blob, keyspace.SetOpt{})
		c.Scratch = v.blob
	}
	if err != nil {
		return err
	}
	if isNew {
		c.Host.Notify(NewKey, "new", key, c.DBIndex)
	}
	c.Changed(Set, event, key)
	c.Out.Int(int64(v.len()))
	return nil
}

// SINTER key [key ...]
func cmdSInter(c *Ctx) error {
	sets, missing, err := c.readSets(c.Args[1:])
	switch {
	case err != nil:
		return err
	case missing > 0:
		c.Out.Set(0)
	case len(sets) == 1:
		c.writeSet(&sets[0])
	default:
		c.writeFound(func(found func(member)) {
			intersect(sets, func(m member) bool {
				found(m)
				return true
			})
		})
	}
	return nil
}

// intersect visits the members common to all sets, until visit returns false: those of
// the smallest, each looked for in the others from small to large. It sorts sets.
func intersect(sets []setValue, visit func(member) bool) {
	slices.SortStableFunc(sets, func(a, b setValue) int { return cmp.Compare(a.len(), b.len()) })
	first := &sets[0]
	others := slices.DeleteFunc(sets[1:], func(v setValue) bool { return v.same(first) })
	first.each(func(m member) bool {
		for i := range others {
			if !others[i].has(m) {
				return true
			}
		}
		return visit(m)
	})
}

// SINTERCARD numkeys key [key ...] [LIMIT limit]
func cmdSInterCard(c *Ctx) error {
	keys, limit, err := parseInterCard(c.Args)
	if err != nil {
		return err
	}
	sets, missing, err := c.readSets(keys)
	if err != nil {
		return err
	}
	n := 0
	if missing == 0 {
		intersect(sets, func(member) bool {
			n++
			return n != limit
		})
	}
	c.Out.Int(int64(n))
	return nil
}

// parseInterCard reads the arguments of SINTERCARD and its like; a limit of zero is none.
func parseInterCard(args [][]byte) (keys [][]byte, limit int, err error) {
	n, ok := resp.ParseInt(args[1])
	if !ok || n < 1 {
		return nil, 0, resp.Errorf("ERR numkeys should be greater than 0")
	}
	if n > int64(len(args)-2) {
		return nil, 0, resp.Errorf("ERR Number of keys can't be greater than number of args")
	}
	keys, options := args[2:2+n], args[2+n:]
	for ; len(options) > 0; options = options[2:] {
		if len(options) < 2 || !fold(options[0], "LIMIT") {
			return nil, 0, resp.ErrSyntax
		}
		v, ok := resp.ParseInt(options[1])
		if !ok || v < 0 {
			return nil, 0, resp.Errorf("ERR LIMIT can't be negative")
		}
		limit = int(v)
	}
	return keys, limit, nil
}

// SINTERSTORE destination key [key ...]
func cmdSInterStore(c *Ctx) error {
	sets, missing, err := c.readSets(c.Args[2:])
	if err != nil {
		return err
	}
	var result setValue
	if missing == 0 {
		result = c.intersection(sets)
	}
	return c.storeResult(c.Args[1], &result, "sinterstore")
}

// intersection is a new set in the form that Redis gives it: of an intset an intset,
// and else a listpack, as long as it may be one, that turns into an intset in the end
// if it has nothing but integers.
func (c *Ctx) intersection(sets []setValue) setValue {
	var result setValue
	onlyInts := true
	intersect(sets, func(m member) bool {
		if result.blob == nil && result.big == nil {
			result = c.emptyLike(&sets[0])
		}
		if onlyInts && !m.IsInt {
			_, onlyInts = resp.ParseInt(m.Str)
		}
		result.insertNew(c.Opt, m)
		return true
	})
	if onlyInts && result.len() > 0 {
		result.convertToIntset(c.Opt)
	}
	return result
}

// emptyLike is an empty set in the form for an intersection whose smallest set is v.
func (c *Ctx) emptyLike(v *setValue) setValue {
	if v.enc == keyspace.Intset {
		return c.emptyIntset()
	}
	return c.emptyListpack()
}

// SUNION key [key ...]
func cmdSUnion(c *Ctx) error {
	sets, _, err := c.readSets(c.Args[1:])
	if err != nil {
		return err
	}
	switch {
	case len(sets) == 1:
		c.writeSet(&sets[0])
	case onlyIntsets(sets):
		union := c.union(sets)
		c.writeSet(&union)
	default:
		c.writeFound(func(found func(member)) { unite(sets, found) })
	}
	return nil
}

// onlyIntsets reports whether a reply is to be in ascending order, as from Redis.
func onlyIntsets(sets []setValue) bool {
	return !slices.ContainsFunc(sets, func(v setValue) bool { return v.len() > 0 && v.enc != keyspace.Intset })
}

// union is a new set with the members of all.
func (c *Ctx) union(sets []setValue) setValue {
	all := c.emptyIntset()
	for i := range sets {
		sets[i].each(func(m member) bool {
			all.add(c.Opt, m)
			return true
		})
	}
	return all
}

// unite visits every member of any of the sets once.
func unite(sets []setValue, visit func(member)) {
	if fewAndQuick(sets) {
		for i := range sets {
			sets[i].each(func(m member) bool {
				if !inAny(sets[:i], m) {
					visit(m)
				}
				return true
			})
		}
		return
	}
	seen := set.New()
	for i := range sets {
		sets[i].each(func(m member) bool {
			var buf [20]byte
			if seen.Add(m.Bytes(buf[:])) {
				visit(m)
			}
			return true
		})
	}
}

// fewAndQuick reports whether looking into each of the sets costs less than a set of
// what was seen.
func fewAndQuick(sets []setValue) bool {
	const few = 4
	return len(sets) <= few && !slices.ContainsFunc(sets, func(v setValue) bool { return v.enc == keyspace.Listpack })
}

func inAny(sets []setValue, m member) bool {
	for i := range sets {
		if sets[i].has(m) {
			return true
		}
	}
	return false
}

// SUNIONSTORE destination key [key ...]
func cmdSUnionStore(c *Ctx) error {
	sets, _, err := c.readSets(c.Args[2:])
	if err != nil {
		return err
	}
	all := c.union(sets)
	return c.storeResult(c.Args[1], &all, "sunionstore")
}

// SDIFF key [key ...]
func cmdSDiff(c *Ctx) error {
	sets, _, err := c.readSets(c.Args[1:])
	if err != nil {
		return err
	}
	if lookingUpPays(sets) {
		c.writeFound(func(found func(member)) { subtract(sets, found) })
		return nil
	}
	rest := c.emptyIntset()
	if !onlyIntsets(sets) {
		rest = setValue{enc: keyspace.Hashtable, big: set.New()}
	}
	rest.takeAway(c.Opt, sets)
	c.writeSet(&rest)
	return nil
}

// SDIFFSTORE destination key [key ...]
func cmdSDiffStore(c *Ctx) error {
	sets, _, err := c.readSets(c.Args[2:])
	if err != nil {
		return err
	}
	rest := c.emptyIntset()
	if lookingUpPays(sets) {
		subtract(sets, func(m member) { rest.insertNew(c.Opt, m) })
	} else {
		rest.takeAway(c.Opt, sets)
	}
	return c.storeResult(c.Args[1], &rest, "sdiffstore")
}

// lookingUpPays chooses the algorithm of a difference, as Redis does: to look up every
// member of the first set in all others, or to remove the members of all others from a
// copy of the first. The former gets an advantage: it often finds a member early.
func lookingUpPays(sets []setValue) bool {
	lookUp, remove := 0, 0
	for i := range sets {
		if i > 0 && sets[i].same(&sets[0]) {
			return true
		}
		if n := sets[i].len(); n > 0 {
			lookUp += sets[0].len()
			remove += n
		}
	}
	return lookUp/2 <= remove
}

// subtract visits the members of the first set that none of the others has. It sorts
// the others: the larger, the more likely to have one.
func subtract(sets []setValue, visit func(member)) {
	first, others := &sets[0], sets[1:]
	if slices.ContainsFunc(others, func(v setValue) bool { return v.same(first) }) {
		return
	}
	slices.SortStableFunc(others, func(a, b setValue) int { return cmp.Compare(b.len(), a.len()) })
	first.each(func(m member) bool {
		if !inAny(others, m) {
			visit(m)
		}
		return true
	})
}

// takeAway fills an empty set with what the first set has and none of the others.
func (v *setValue) takeAway(o *Options, sets []setValue) {
	for i := range sets {
		sets[i].each(func(m member) bool {
			if i == 0 {
				v.insertNew(o, m)
			} else {
				v.remove(m)
			}
			return true
		})
		if v.len() == 0 {
			return
		}
	}
}
