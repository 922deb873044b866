package command

import (
	"bytes"
	"slices"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/list"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

// SortCommands: https://redis.io/docs/latest/commands/sort/
func SortCommands() []Row {
	return []Row{
		{Name: "SORT", Run: func(c *Ctx) error { return cmdSort(c, true) }},
		{Name: "SORT_RO", Run: func(c *Ctx) error { return cmdSort(c, false) }},
	}
}

var errSortNumber = resp.NewError("ERR One or more scores can't be converted into double")

// sorting is what SORT is to do.
type sorting struct {
	by           []byte // pattern of the keys that hold the weights; nil: the elements themselves
	gets         [][]byte
	dst          []byte
	offset       int64
	count        int64 // negative: all
	desc, alpha  bool
	asTheyAre    bool // BY a pattern without a star
	breakTies    bool // equal elements have no order of their own
	badWeight    bool
	first, after int // the range of items to return
}

// sortItem is an element and what it is sorted by.
type sortItem struct {
	elem   []byte
	number float64
	text   []byte // with ALPHA and BY; nil if the key is missing
}

// SORT key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]]
// [ASC | DESC] [ALPHA] [STORE destination], and SORT_RO alike, without STORE
func cmdSort(c *Ctx, mayStore bool) error {
	s := sorting{count: -1}
	if err := s.parse(c.Args[2:], mayStore); err != nil {
		return err
	}
	e, there := c.Read(c.Args[1])
	items, err := s.load(c, e, there)
	if err != nil {
		return err
	}
	if !s.asTheyAre {
		s.weigh(c, items)
		s.arrange(items)
	}
	if s.badWeight {
		return errSortNumber
	}
	items = items[s.first:s.after]
	if s.dst != nil {
		return s.store(c, items)
	}
	s.reply(c, items)
	return nil
}

// parse reads the options.
func (s *sorting) parse(args [][]byte, mayStore bool) error {
	for len(args) > 0 {
		used := 2
		switch word, more := args[0], len(args)-1; {
		case fold(word, "ASC"):
			s.desc, used = false, 1
		case fold(word, "DESC"):
			s.desc, used = true, 1
		case fold(word, "ALPHA"):
			s.alpha, used = true, 1
		case fold(word, "LIMIT") && more >= 2:
			var ok1, ok2 bool
			s.offset, ok1 = resp.ParseInt(args[1])
			s.count, ok2 = resp.ParseInt(args[2])
			if !ok1 || !ok2 {
				return resp.ErrNotInteger
			}
			used = 3
		case fold(word, "STORE") && more >= 1 && mayStore:
			s.dst = args[1]
		case fold(word, "BY") && more >= 1:
			s.by = args[1]
			s.asTheyAre = s.asTheyAre || !hasStar(s.by)
		case fold(word, "GET") && more >= 1:
			s.gets = append(s.gets, args[1])
		default:
			return resp.ErrSyntax
		}
		args = args[used:]
	}
	return nil
}

// load copies the elements that may be returned: what SORT looks up may change the
// data set, as keys expire.
func (s *sorting) load(c *Ctx, e keyspace.Entry, there bool) ([]*sortItem, error) {
	if !there {
		return nil, nil
	}
	var all elements
	switch e.Kind() {
	case keyspace.List:
		n := listLen(e)
		from, count := s.choose(n, true)
		if s.desc && s.asTheyAre {
			all.addList(e, n-1-from, count, true)
		} else {
			all.addList(e, from, count, false)
		}
	case keyspace.Set:
		v := setOf(e, true)
		s.breakTies = true
		if s.asTheyAre && s.dst != nil {
			// The order of a set is nobody's promise: replicas must get the same list.
			s.asTheyAre, s.alpha, s.by = false, true, nil
		}
		s.choose(v.len(), false)
		v.each(func(m member) bool {
			all.add(m)
			return true
		})
	case keyspace.ZSet:
		v, err := c.unpackForSort(e)
		if err != nil {
			return nil, err
		}
		s.breakTies = true
		from, count := s.choose(v.Len(), true)
		all.addZSet(v, from, count, s.desc && s.asTheyAre)
	default:
		return nil, resp.ErrWrongType
	}
	return all.items(), nil
}

// choose turns LIMIT into the range of items to return of n elements. It returns the
// range of elements to load for that: not more than needed, if they have an order and
// it is asked for.
func (s *sorting) choose(n int, ordered bool) (from, count int) {
	total := int64(n)
	start := min(max(s.offset, 0), total)
	end := total
	if s.count >= 0 {
		end = min(start+min(s.count, total), total)
	}
	s.first, s.after = int(start), int(end)
	if !ordered || !s.asTheyAre {
		return 0, n
	}
	from, count = s.first, s.after-s.first
	s.first, s.after = 0, count
	return from, count
}

// unpackForSort is the sorted set at the key, made a big one: that is what SORT does
// to sorted sets in Redis, and OBJECT ENCODING shows it.
func (c *Ctx) unpackForSort(e keyspace.Entry) (zset.View, error) {
	v := zset.ViewOf(e)
	if v.Packed() == nil {
		return v, nil
	}
	set := zset.Unpack(v.Packed())
	if err := c.StoreObject(c.Args[1], set); err != nil {
		return zset.View{}, err
	}
	return zset.ViewSet(set), nil
}

// weigh finds what each item is sorted by.
func (s *sorting) weigh(c *Ctx, items []*sortItem) {
	by := parseKeyPattern(s.by)
	for _, it := range items {
		weight := it.elem
		if s.by != nil {
			var ok bool
			if weight, ok = c.follow(&by, it.elem); !ok {
				continue
			}
		}
		switch {
		case !s.alpha:
			n, ok := sortNumber(weight)
			it.number = n
			s.badWeight = s.badWeight || !ok
		case s.by != nil:
			it.text = append(make([]byte, 0, len(weight)), weight...)
		}
	}
}

// arrange sorts the items. Those that compare equal are the same, but for elements of
// a list with equal weights of text: they keep their order.
func (s *sorting) arrange(items []*sortItem) {
	if s.alpha && s.by != nil && !s.breakTies {
		slices.SortStableFunc(items, s.compare)
		return
	}
	if s.after <= selectMax && len(items) > 4*s.after {
		s.selectFirst(items)
		return
	}
	slices.SortFunc(items, s.compare)
}

// selectMax is up to how many items are picked out of many without sorting all.
const selectMax = 64

// selectFirst puts the items that LIMIT asks for, and those before them, in order at
// the front. What follows is not to be looked at.
func (s *sorting) selectFirst(items []*sortItem) {
	best := make([]*sortItem, 0, selectMax+1)
	for _, it := range items {
		if n := len(best); n == s.after && (n == 0 || s.compare(it, best[n-1]) >= 0) {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, it, s.compare)
		best = slices.Insert(best, at, it)
		best = best[:min(len(best), s.after)]
	}
	copy(items, best)
}

// compare puts numbers before texts are looked at; what has no weight comes first.
func (s *sorting) compare(a, b *sortItem) int {
	var order int
	switch {
	case !s.alpha && a.number < b.number:
		order = -1
	case !s.alpha && a.number > b.number:
		order = 1
	case s.alpha && s.by != nil:
		order = compareTexts(a.text, b.text)
		if order == 0 && s.breakTies {
			order = bytes.Compare(a.elem, b.elem)
		}
	default:
		order = bytes.Compare(a.elem, b.elem)
	}
	if s.desc {
		return -order
	}
	return order
}

func compareTexts(a, b []byte) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return bytes.Compare(a, b)
}

// reply sends the items, or what GET asks for instead.
func (s *sorting) reply(c *Ctx, items []*sortItem) {
	c.Out.Array(len(items) * max(len(s.gets), 1))
	gets := s.parseGets()
	for _, it := range items {
		if len(gets) == 0 {
			c.Out.Bulk(it.elem)
		}
		for i := range gets {
			val, ok := c.follow(&gets[i], it.elem)
			c.bulkOrNull(val, ok)
		}
	}
}

func (s *sorting) parseGets() []keyPattern {
	gets := make([]keyPattern, len(s.gets))
	for i, p := range s.gets {
		gets[i] = parseKeyPattern(p)
	}
	return gets
}

// store makes the items, or what GET asks for instead, the list at the destination.
func (s *sorting) store(c *Ctx, items []*sortItem) error {
	n := len(items) * max(len(s.gets), 1)
	if n == 0 {
		if c.Replace(s.dst) {
			c.Changed(Generic, "del", s.dst)
		}
		c.Out.Int(0)
		return nil
	}
	l := list.New(sortedFill)
	c.limitList(l)
	for _, el := range s.results(c, items) {
		l.Push(el, false)
	}
	l.Shrink(c.Opt.ListMaxSize, true)
	if err := c.replaceList(s.dst, l); err != nil {
		return err
	}
	c.Changed(List, "sortstore", s.dst)
	c.AddDirty(n - 1)
	c.Out.Int(int64(n))
	return nil
}

// sortedFill is how Redis limits the nodes of a list that SORT makes, whatever
// list-max-listpack-size is: to 8 KiB.
const sortedFill = -2

// results lists what is to be stored.
func (s *sorting) results(c *Ctx, items []*sortItem) (elems [][]byte) {
	gets := s.parseGets()
	for _, it := range items {
		if len(gets) == 0 {
			elems = append(elems, it.elem)
		}
		for i := range gets {
			val, ok := c.follow(&gets[i], it.elem)
			if !ok {
				val = nil // stored as an empty element
			}
			elems = append(elems, bytes.Clone(val))
		}
	}
	return elems
}

// replaceList makes a new list the value of key in the place of whatever that holds.
func (c *Ctx) replaceList(key []byte, l *list.List) error {
	isNew := c.isNew(c.DB, key)
	var err error
	if l.Packed() && l.Bytes() <= listBlobMax {
		err = c.DB.SetBlob(key, keyspace.List, keyspace.Listpack, l.Listpack(), keyspace.SetOpt{})
	} else {
		err = c.DB.SetObject(key, l, keyspace.SetOpt{})
	}
	if err == nil && isNew {
		c.Host.Notify(NewKey, "new", key, c.DBIndex)
	}
	return err
}

// elements are copies of elements, one behind the other.
type elements struct {
	text []byte
	ends []int
}

func (l *elements) add(e listpack.Element) {
	l.text = e.Append(l.text)
	l.ends = append(l.ends, len(l.text))
}

// addList adds n elements of a list from the i-th on.
func (l *elements) addList(e keyspace.Entry, i, n int, backwards bool) {
	if n <= 0 {
		return
	}
	it := viewList(e).Iter(i, backwards)
	for range n {
		elem, _ := it.Next()
		l.add(elem)
	}
}

// addZSet adds n members of a sorted set from one end.
func (l *elements) addZSet(v zset.View, from, n int, backwards bool) {
	if backwards {
		from = v.Len() - 1 - from
	}
	it, ok := v.From(from)
	for ; n > 0 && ok; n-- {
		l.add(it.Element())
		if backwards {
			ok = it.Prev()
		} else {
			ok = it.Next()
		}
	}
}

func (l *elements) items() []*sortItem {
	all := make([]sortItem, len(l.ends))
	items := make([]*sortItem, len(l.ends))
	from := 0
	for i, to := range l.ends {
		all[i].elem = l.text[from:to:to]
		items[i] = &all[i]
		from = to
	}
	return items
}
