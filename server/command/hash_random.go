package command

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
)

// HRANDFIELD key [count [WITHVALUES]]
func cmdHRandField(c *Ctx) error {
	if len(c.Args) == 2 {
		return hashRandomOne(c)
	}
	count, err := randomCount(c.Args[2])
	if err != nil {
		return err
	}
	withValues := len(c.Args) == 4 && fold(c.Args[3], "WITHVALUES")
	if len(c.Args) > 3 && !withValues {
		return resp.ErrSyntax
	}
	if withValues && (count < -math.MaxInt64/2 || count > math.MaxInt64/2) {
		return resp.Errorf("ERR value is out of range")
	}
	v, there, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	if !there || count == 0 || v.len() == 0 {
		c.Out.Array(0)
		return nil
	}
	return c.hashRandom(&v, count, withValues)
}

// randomCount reads a count of which the negative is a number, too.
func randomCount(arg []byte) (int64, error) {
	n, ok := resp.ParseInt(arg)
	if !ok {
		return 0, resp.ErrNotInteger
	}
	if n < -math.MaxInt64 {
		return 0, resp.Errorf("ERR value is out of range, value must between %d and %d", -math.MaxInt64, math.MaxInt64)
	}
	return n, nil
}

func hashRandomOne(c *Ctx) error {
	v, _, err := c.readHash(c.Args[1])
	if err != nil {
		return err
	}
	if v.len() == 0 {
		c.Out.Null()
		return nil
	}
	field, _ := v.random(c.Space.Draws())
	c.writeElement(field)
	return nil
}

// random returns a field that is shown, each as likely as any other, and its value.
// There must be one.
func (v *hashView) random(r rand.Source) (field, val listpack.Element) {
	if v.big == nil {
		return v.pairAt(listpack.Seek(v.lp, 2*rand.IntN(v.len())))
	}
	for {
		f, s := v.big.Random(r)
		if !v.big.Expired(f, v.now) {
			return listpack.Element{Str: f}, listpack.Element{Str: s}
		}
	}
}

// pairAt returns the field at a place of a listpack and its value.
func (v *hashView) pairAt(at int) (field, val listpack.Element) {
	return listpack.Get(v.lp, at), listpack.Get(v.lp, listpack.Next(v.lp, at))
}

// hashRandom replies with count fields, all different, or -count, drawn one by one.
func (c *Ctx) hashRandom(v *hashView, count int64, withValues bool) error {
	if count < 0 {
		return c.hashRepeats(v, -count, withValues)
	}
	n := int64(v.len())
	count = min(count, n)
	c.pairsHeader(count, withValues)
	show := func(field, val listpack.Element) { c.pair(field, val, withValues) }
	if v.big != nil {
		v.distinct(c.Space.Draws(), count, n, show)
		return nil
	}
	fields := v.fields()
	for _, i := range distinct(int(count), int(n)) {
		show(v.pairAt(fields[i]))
	}
	return nil
}

// hashRepeats replies with n fields, which may be the same.
func (c *Ctx) hashRepeats(v *hashView, n int64, withValues bool) error {
	fields := v.fields()
	return c.bounded(n, func() { c.pairsHeader(n, withValues) }, func() {
		field, val := listpack.Element{}, listpack.Element{}
		if fields != nil {
			field, val = v.pairAt(fields[rand.IntN(len(fields))])
		} else {
			field, val = v.random(c.Space.Draws())
		}
		c.pair(field, val, withValues)
	})
}

// pairsHeader begins an array of n fields, or of n pairs: in RESP2 they are not kept
// apart.
func (c *Ctx) pairsHeader(n int64, withValues bool) {
	if withValues && !c.Out.RESP3 {
		n *= 2
	}
	c.Out.Array(int(n))
}

func (c *Ctx) pair(field, val listpack.Element, withValues bool) {
	if withValues && c.Out.RESP3 {
		c.Out.Array(2)
	}
	c.writeElement(field)
	if withValues {
		c.writeElement(val)
	}
}

// fields returns where the fields of a listpack are; nil for a big hash.
func (v *hashView) fields() (places []int) {
	if v.big != nil {
		return nil
	}
	places = make([]int, 0, v.len())
	for at := v.first(); at >= 0; at = listpack.Next(v.lp, at) {
		places = append(places, at)
		at = listpack.Next(v.lp, at)
	}
	return places
}

// distinct returns count different numbers below n, in ascending order.
func distinct(count, n int) []int {
	if count == n {
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		return all
	}
	taken := make(map[int]bool, count)
	for i := n - count; i < n; i++ { // Floyd's way
		k := rand.IntN(i + 1)
		if taken[k] {
			k = i
		}
		taken[k] = true
	}
	picked := make([]int, 0, count)
	for k := range taken {
		picked = append(picked, k)
	}
	slices.Sort(picked)
	return picked
}

// distinctShare is the share of the fields up to which they are drawn one by one,
// until there are enough different ones.
const distinctShare = 3

// distinct shows count different fields of the n a big hash has.
func (v *hashView) distinct(r rand.Source, count, n int64, show func(field, val listpack.Element)) {
	if count*distinctShare < n {
		taken := make(map[string]bool, count)
		for int64(len(taken)) < count {
			field, val := v.random(r)
			if !taken[string(field.Str)] {
				taken[string(field.Str)] = true
				show(field, val)
			}
		}
		return
	}
	left := n // fields still to come, of which count are wanted
	for field, val := range v.live {
		if rand.Int64N(left) < count {
			show(listpack.Element{Str: field}, listpack.Element{Str: val})
			count--
		}
		left--
	}
}
