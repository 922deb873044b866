package command

import (
	"bytes"
	"math"
	"slices"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

// setOp is what becomes of several sets.
type setOp uint8

const (
	opUnion setOp = iota
	opInter
	opDiff
)

// aggregate is what becomes of the scores a member has in several sets.
type aggregate uint8

const (
	aggregateSum aggregate = iota
	aggregateMin
	aggregateMax
)

// apply combines two scores. Infinities that cancel out make zero.
func (a aggregate) apply(x, y float64) float64 {
	switch a {
	case aggregateMin:
		if y < x {
			return y
		}
		return x
	case aggregateMax:
		if y > x {
			return y
		}
		return x
	}
	if x += y; math.IsNaN(x) {
		return 0
	}
	return x
}

// algebra is a command that combines sets, sorted or not.
type algebra struct {
	op          setOp
	store       bool
	cardinality bool // only the size of the result is asked for
	aggregate   aggregate
	withScores  bool
	limit       int64 // of cardinality; 0: none
	inputs      []zinput
}

// zinput is one set that goes in. Members of a plain set have the score 1.
type zinput struct {
	view   zset.View
	plain  *setValue // or nil
	weight float64
}

func (in *zinput) len() int {
	if in.plain != nil {
		return in.plain.len()
	}
	return in.view.Len()
}

// each visits all members, a sorted set's from the last on, until visit returns
// false.
func (in *zinput) each(visit func(e listpack.Element, score float64) bool) {
	if in.plain != nil {
		in.plain.each(func(m listpack.Element) bool { return visit(m, 1) })
		return
	}
	for it, more := in.view.From(in.view.Len() - 1); more; more = it.Prev() {
		if !visit(it.Element(), it.Score()) {
			return
		}
	}
}

// find returns the score of a member.
func (in *zinput) find(member []byte) (float64, bool) {
	if in.plain != nil {
		return 1, in.plain.has(listpack.Element{Str: member})
	}
	return in.view.Score(member)
}

// zcombine is:
//
//	ZUNION, ZINTER numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX] [WITHSCORES]
//	ZDIFF numkeys key [key ...] [WITHSCORES]
//	ZUNIONSTORE, ZINTERSTORE dst numkeys key [key ...] [WEIGHTS weight ...] [AGGREGATE SUM | MIN | MAX]
//	ZDIFFSTORE dst numkeys key [key ...]
//	ZINTERCARD numkeys key [key ...] [LIMIT limit]
func (c *Ctx) zcombine(a algebra) error {
	args := c.Args[1:]
	if a.store {
		args = args[1:]
	}
	n, ok := resp.ParseInt(args[0])
	switch {
	case !ok:
		return resp.ErrNotInteger
	case n < 1:
		return resp.Errorf("ERR at least 1 input key is needed for '%s' command", c.Cmd.Full)
	case n > int64(len(args)-1):
		return resp.ErrSyntax
	}
	if err := a.open(c, args[1:1+n]); err != nil {
		return err
	}
	if err := a.parse(args[1+n:]); err != nil {
		return err
	}
	if a.op != opDiff { // the order of sums is part of the result
		slices.SortStableFunc(a.inputs, func(x, y zinput) int { return x.len() - y.len() })
	}
	if a.cardinality {
		c.Out.Int(a.countInter())
		return nil
	}
	result := a.result()
	if a.store {
		return a.storeResult(c, &result)
	}
	r := zsetReply{c, a.withScores}
	r.begin(len(result.members))
	for _, m := range result.members {
		r.add(listpack.Element{Str: m.text}, m.score)
	}
	return nil
}

// open finds the inputs.
func (a *algebra) open(c *Ctx, keys [][]byte) error {
	for _, key := range keys {
		e, there := c.Read(key)
		if there && e.Kind() != keyspace.ZSet && e.Kind() != keyspace.Set {
			return resp.ErrWrongType
		}
	}
	a.inputs = make([]zinput, len(keys)) // found again: looking for one may have moved others
	for i, key := range keys {
		in := &a.inputs[i]
		in.weight = 1
		e, there := c.DB.Peek(key)
		switch {
		case !there:
		case e.Kind() == keyspace.ZSet:
			in.view = zset.ViewOf(e)
		default:
			v := setOf(e, true)
			in.plain = &v
		}
	}
	return nil
}

var (
	errWeight        = resp.Errorf("ERR weight value is not a float")
	errLimitNegative = resp.Errorf("ERR LIMIT can't be negative")
)

// parse reads the options.
func (a *algebra) parse(args [][]byte) error {
	scored := a.op != opDiff && !a.cardinality
	for len(args) > 0 {
		switch {
		case scored && len(args) > len(a.inputs) && fold(args[0], "WEIGHTS"):
			for i := range a.inputs {
				var ok bool
				if a.inputs[i].weight, ok = resp.ParseFloat(args[1+i]); !ok {
					return errWeight
				}
			}
			args = args[1+len(a.inputs):]
		case scored && len(args) > 1 && fold(args[0], "AGGREGATE"):
			switch {
			case fold(args[1], "SUM"):
				a.aggregate = aggregateSum
			case fold(args[1], "MIN"):
				a.aggregate = aggregateMin
			case fold(args[1], "MAX"):
				a.aggregate = aggregateMax
			default:
				return resp.ErrSyntax
			}
			args = args[2:]
		case !a.store && !a.cardinality && fold(args[0], "WITHSCORES"):
			a.withScores = true
			args = args[1:]
		case a.cardinality && len(args) > 1 && fold(args[0], "LIMIT"):
			var ok bool
			if a.limit, ok = resp.ParseInt(args[1]); !ok || a.limit < 0 {
				return errLimitNegative
			}
			args = args[2:]
		default:
			return resp.ErrSyntax
		}
	}
	return nil
}

// scored is a member of a result.
type scored struct {
	text  []byte
	score float64
}

// scoredSet gathers a result; sort puts it in order.
type scoredSet struct {
	members        []scored
	places         map[string]int // in members; nil where no member comes twice
	longest, total int
	text           []byte // where texts of integers are
}

func (s *scoredSet) add(e listpack.Element, score float64) {
	text := e.Str
	if e.IsInt {
		from := len(s.text)
		s.text = e.Append(s.text)
		text = s.text[from:len(s.text):len(s.text)]
	}
	s.members = append(s.members, scored{text, score})
	s.longest, s.total = max(s.longest, len(text)), s.total+len(text)
}

func (s *scoredSet) sort() {
	slices.SortFunc(s.members, func(x, y scored) int {
		switch {
		case x.score < y.score:
			return -1
		case x.score > y.score:
			return 1
		}
		return bytes.Compare(x.text, y.text)
	})
}

// result computes the union, intersection or difference, in order.
func (a *algebra) result() (s scoredSet) {
	switch a.op {
	case opUnion:
		a.union(&s)
	case opInter:
		a.inter(func(e listpack.Element, score float64) bool {
			s.add(e, score)
			return true
		})
	case opDiff:
		a.diff(&s)
	}
	s.sort()
	return s
}

func (a *algebra) union(s *scoredSet) {
	s.places = make(map[string]int, a.inputs[len(a.inputs)-1].len())
	for i := range a.inputs {
		in := &a.inputs[i]
		var digits [20]byte
		in.each(func(e listpack.Element, score float64) bool {
			if score *= in.weight; math.IsNaN(score) {
				score = 0
			}
			m := e.Bytes(digits[:])
			if at, there := s.places[string(m)]; there {
				s.members[at].score = a.aggregate.apply(s.members[at].score, score)
				return true
			}
			s.places[string(m)] = len(s.members)
			s.add(e, score)
			return true
		})
	}
}

// inter visits what is in all inputs, of which the first is the smallest.
func (a *algebra) inter(visit func(e listpack.Element, score float64) bool) {
	first := &a.inputs[0]
	var digits [20]byte
	first.each(func(e listpack.Element, own float64) bool {
		score := own * first.weight
		if math.IsNaN(score) {
			score = 0
		}
		m := e.Bytes(digits[:])
		for i := 1; i < len(a.inputs); i++ {
			in := &a.inputs[i]
			other, there := in.find(m)
			if !there {
				return true
			}
			score = a.aggregate.apply(score, other*in.weight)
		}
		return visit(e, score)
	})
}

// countInter is the size of the intersection, or the limit.
func (a *algebra) countInter() (n int64) {
	a.inter(func(listpack.Element, float64) bool {
		n++
		return n != a.limit
	})
	return n
}

func (a *algebra) diff(s *scoredSet) {
	var digits [20]byte
	a.inputs[0].each(func(e listpack.Element, score float64) bool {
		m := e.Bytes(digits[:])
		for i := range a.inputs[1:] {
			if _, there := a.inputs[1+i].find(m); there {
				return true
			}
		}
		s.add(e, score)
		return true
	})
}

// storeResult makes a result the value of the destination.
func (a *algebra) storeResult(c *Ctx, s *scoredSet) error {
	z := c.newZSet(c.Scratch[:0], len(s.members), s.longest, s.total)
	for _, m := range s.members {
		z.append(m.text, m.score)
	}
	event := [...]string{opUnion: "zunionstore", opInter: "zinterstore", opDiff: "zdiffstore"}[a.op]
	return c.replaceZSet(c.Args[1], &z, event)
}
