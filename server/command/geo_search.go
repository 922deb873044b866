package command

import (
	"cmp"
	"slices"

	"github.com/vedette-ha/vedette/internal/geohash"
	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/zset"
)

// geoForm is how a command that searches asks.
type geoForm struct {
	search    bool // GEOSEARCH: the options say where
	store     bool // GEOSEARCHSTORE
	storeWord bool // there are STORE and STOREDIST
	byMember  bool // the place is a member's

	words int // before the options
}

// geoQuery is what is searched, and what becomes of the results.
type geoQuery struct {
	source    zset.View
	there     bool
	shape     geohash.Shape
	unit      float64 // in meters
	hasFrom   bool
	hasMember bool
	hasShape  bool

	withDist, withHash, withCoord bool

	sort  int   // 1: nearest first, -1: farthest first, 0: as found
	count int64 // 0: all
	any   bool  // stop at count, wherever they are

	isStore   bool
	storeKey  []byte
	storeDist bool // distances become scores
}

var (
	errNoMember  = resp.Errorf("ERR could not decode requested zset member")
	errCount     = resp.Errorf("ERR COUNT must be > 0")
	errAnyCount  = resp.Errorf("ERR the ANY argument requires COUNT argument")
	errRadius    = resp.Errorf("ERR need numeric radius")
	errRadiusNeg = resp.Errorf("ERR radius cannot be negative")
	errWidth     = resp.Errorf("ERR need numeric width")
	errHeight    = resp.Errorf("ERR need numeric height")
	errBoxNeg    = resp.Errorf("ERR height or width cannot be negative")
)

// geoSearch is:
//
//	GEOSEARCH key FROMMEMBER member | FROMLONLAT longitude latitude
//	  BYRADIUS radius unit | BYBOX width height unit [ASC | DESC] [COUNT count [ANY]]
//	  [WITHCOORD] [WITHDIST] [WITHHASH]
//	GEOSEARCHSTORE destination source, then the same without WITH…, [STOREDIST]
//	GEORADIUS key longitude latitude radius unit [WITHCOORD] [WITHDIST] [WITHHASH]
//	  [COUNT count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]
//	GEORADIUSBYMEMBER key member radius unit, then the same
func (c *Ctx) geoSearch(f *geoForm) error {
	q := geoQuery{unit: 1}
	source := c.Args[1]
	if f.store {
		source, q.storeKey, q.isStore = c.Args[2], c.Args[1], true
	}
	var err error
	if q.source, q.there, err = c.readZSet(source); err != nil {
		return err
	}
	if err := q.parseFixed(c.Args, f); err != nil {
		return err
	}
	if err := q.parseOptions(c.Args[f.words:], f); err != nil {
		return err
	}
	if err := q.check(c, f); err != nil {
		return err
	}
	found := q.run()
	if q.isStore {
		return q.storeResult(c, found, f)
	}
	q.reply(c, found)
	return nil
}

// parseFixed reads what GEORADIUS and GEORADIUSBYMEMBER have before their options.
func (q *geoQuery) parseFixed(args [][]byte, f *geoForm) error {
	var err error
	switch {
	case f.search, f.byMember && !q.there:
		return nil
	case f.byMember:
		if err := q.fromMember(args[2]); err != nil {
			return err
		}
		return q.byRadius(args[3:])
	}
	if q.shape.Center, err = parsePlace(args[2:]); err != nil {
		return err
	}
	return q.byRadius(args[4:])
}

func (q *geoQuery) fromMember(member []byte) error {
	p, ok := placeOf(q.source, member)
	if !ok {
		return errNoMember
	}
	q.shape.Center = p
	return nil
}

func (q *geoQuery) byRadius(args [][]byte) error {
	r, ok := resp.ParseFloat(args[0])
	switch {
	case !ok:
		return errRadius
	case r < 0:
		return errRadiusNeg
	}
	var err error
	q.unit, err = parseUnit(args[1])
	q.shape.Box, q.shape.Radius = false, r*q.unit
	return err
}

func (q *geoQuery) byBox(args [][]byte) error {
	w, ok1 := resp.ParseFloat(args[0])
	if !ok1 {
		return errWidth
	}
	h, ok2 := resp.ParseFloat(args[1])
	switch {
	case !ok2:
		return errHeight
	case w < 0 || h < 0:
		return errBoxNeg
	}
	var err error
	q.unit, err = parseUnit(args[2])
	q.shape.Box, q.shape.Width, q.shape.Height = true, w*q.unit, h*q.unit
	return err
}

// parseOptions reads the options; which there are depends on the command.
func (q *geoQuery) parseOptions(args [][]byte, f *geoForm) error {
	for len(args) > 0 {
		n, err := q.flag(args[0], f), error(nil)
		if n == 0 {
			n, err = q.option(args, f)
		}
		if n == 0 && f.search && err == nil {
			n, err = q.where(args)
		}
		switch {
		case err != nil:
			return err
		case n == 0:
			return resp.ErrSyntax
		}
		args = args[n:]
	}
	return nil
}

// flag reads an option of one word, and returns how many words it read.
func (q *geoQuery) flag(arg []byte, f *geoForm) int {
	switch {
	case fold(arg, "WITHDIST"):
		q.withDist = true
	case fold(arg, "WITHHASH"):
		q.withHash = true
	case fold(arg, "WITHCOORD"):
		q.withCoord = true
	case fold(arg, "ANY"):
		q.any = true
	case fold(arg, "ASC"):
		q.sort = 1
	case fold(arg, "DESC"):
		q.sort = -1
	case f.store && fold(arg, "STOREDIST"):
		q.storeDist = true
	default:
		return 0
	}
	return 1
}

// option reads an option of two words.
func (q *geoQuery) option(args [][]byte, f *geoForm) (int, error) {
	switch {
	case len(args) < 2:
		return 0, nil
	case fold(args[0], "COUNT"):
		n, ok := resp.ParseInt(args[1])
		if !ok {
			return 0, resp.ErrNotInteger
		}
		if n <= 0 {
			return 0, errCount
		}
		q.count = n
	case f.storeWord && fold(args[0], "STORE"):
		q.storeKey, q.isStore, q.storeDist = args[1], true, false
	case f.storeWord && fold(args[0], "STOREDIST"):
		q.storeKey, q.isStore, q.storeDist = args[1], true, true
	default:
		return 0, nil
	}
	return 2, nil
}

// where reads GEOSEARCH's place and shape.
func (q *geoQuery) where(args [][]byte) (n int, err error) {
	switch {
	case len(args) > 1 && fold(args[0], "FROMMEMBER") && (!q.hasFrom || q.hasMember):
		q.hasFrom, q.hasMember = true, true
		if !q.there {
			return 2, nil
		}
		return 2, q.fromMember(args[1])
	case len(args) > 2 && fold(args[0], "FROMLONLAT") && !q.hasMember:
		q.hasFrom = true
		q.shape.Center, err = parsePlace(args[1:])
		return 3, err
	case len(args) > 2 && fold(args[0], "BYRADIUS") && (!q.hasShape || !q.shape.Box):
		q.hasShape = true
		return 3, q.byRadius(args[1:])
	case len(args) > 3 && fold(args[0], "BYBOX") && (!q.hasShape || q.shape.Box):
		q.hasShape = true
		return 4, q.byBox(args[1:])
	}
	return 0, nil
}

// check refuses options that do not go together.
func (q *geoQuery) check(c *Ctx, f *geoForm) error {
	name := "STORE option in GEORADIUS"
	if f.store {
		name = "GEOSEARCHSTORE"
	}
	switch {
	case q.isStore && (q.withDist || q.withHash || q.withCoord):
		return resp.Errorf("ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options", name)
	case f.search && !q.hasFrom:
		return resp.Errorf("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %s", c.Args[0])
	case f.search && !q.hasShape:
		return resp.Errorf("ERR exactly one of BYRADIUS and BYBOX can be specified for %s", c.Args[0])
	case q.any && q.count == 0:
		return errAnyCount
	}
	return nil
}

// geoFound is a place that was found.
type geoFound struct {
	member   listpack.Element
	score    float64
	place    geohash.Point
	distance float64 // in meters
}

// run searches.
func (q *geoQuery) run() []geoFound {
	if !q.there {
		return nil
	}
	var limit int64
	if q.any {
		limit = q.count
	}
	var found []geoFound
	var ranges [9]geohash.Range
	for _, r := range q.shape.Cover(ranges[:0]) {
		found = q.searchRange(found, r, limit)
		if limit > 0 && int64(len(found)) >= limit {
			break
		}
	}
	order := q.sort
	if order == 0 && q.count > 0 && !q.any {
		order = 1 // the nearest are meant
	}
	if order != 0 {
		slices.SortStableFunc(found, func(a, b geoFound) int { return order * cmp.Compare(a.distance, b.distance) })
	}
	if q.count > 0 && int64(len(found)) > q.count {
		found = found[:q.count]
	}
	return found
}

// searchRange adds what lies in the shape of a range of hashes, until there are limit.
func (q *geoQuery) searchRange(found []geoFound, r geohash.Range, limit int64) []geoFound {
	from := q.source.SeekScore(float64(r.Min), false)
	for it, more := q.source.From(from); more; more = it.Next() {
		score := it.Score()
		if score >= float64(r.Max) {
			break
		}
		place := geohash.Decode(hashOf(score))
		distance, ok := q.shape.Contains(place)
		if !ok {
			continue
		}
		found = append(found, geoFound{it.Element(), score, place, distance})
		if limit > 0 && int64(len(found)) >= limit {
			break
		}
	}
	return found
}

func (q *geoQuery) reply(c *Ctx, found []geoFound) {
	options := int(boolInt(q.withDist) + boolInt(q.withHash) + boolInt(q.withCoord))
	c.Out.Array(len(found))
	for i := range found {
		p := &found[i]
		if options > 0 {
			c.Out.Array(1 + options)
		}
		c.writeElement(p.member)
		if q.withDist {
			c.writeDistance(p.distance / q.unit)
		}
		if q.withHash {
			c.Out.Int(int64(p.score))
		}
		if q.withCoord {
			c.writePlace(p.place)
		}
	}
}

// storeResult makes what was found the value of the destination.
func (q *geoQuery) storeResult(c *Ctx, found []geoFound, f *geoForm) error {
	var s scoredSet
	for i := range found {
		score := found[i].score
		if q.storeDist {
			score = found[i].distance / q.unit
		}
		s.add(found[i].member, score)
	}
	s.sort()
	z := c.newZSet(c.Scratch[:0], len(s.members), s.longest, s.total)
	for _, m := range s.members {
		z.append(m.text, m.score)
	}
	event := "georadiusstore"
	if f.search {
		event = "geosearchstore"
	}
	if err := c.replaceZSet(q.storeKey, &z, event); err != nil {
		return err
	}
	c.AddDirty(max(len(found)-1, 0))
	return nil
}
