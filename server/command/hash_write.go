package command

import (
	"math"
	"math/big"
	"strconv"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/hash"
)

// hashSet sets fields of the hash v at key, which may have none yet, and returns
// how many are new. Fields that are there lose their time to live unless it is to
// be kept.
func (c *Ctx) hashSet(key []byte, v hashView, pairs [][]byte, keepTTL bool) (added int, err error) {
	if v.big != nil {
		return c.hashSetBig(key, v.mutable(), pairs, keepTTL)
	}
	if !c.hashFitsPacked(v.lp, pairs) {
		return c.hashSetNewBig(key, hash.FromListpack(orEmpty(v.lp)), pairs)
	}
	lp := append(c.Scratch[:0], v.lp...)
	if len(lp) == 0 {
		lp = listpack.AppendEmpty(lp)
	}
	for i := 0; i < len(pairs); i += 2 {
		var isNew bool
		if lp, isNew = packedSet(lp, pairs[i], pairs[i+1]); !isNew {
			continue
		}
		added++
		if listpack.Len(lp)/2 > c.Opt.HashMaxEntries {
			c.Scratch = lp
			more, err := c.hashSetNewBig(key, hash.FromListpack(lp), pairs[i+2:])
			return added + more, err
		}
	}
	c.Scratch = lp
	return added, c.StoreBlob(key, keyspace.Hash, keyspace.Listpack, lp)
}

func orEmpty(lp []byte) []byte {
	if lp == nil {
		return listpack.New()
	}
	return lp
}

// hashFitsPacked reports whether fields and values are few and short enough for the
// listpack of a hash. That some may be the same does not count, as in Redis.
func (c *Ctx) hashFitsPacked(lp []byte, pairs [][]byte) bool {
	if len(pairs)/2 > c.Opt.HashMaxEntries {
		return false
	}
	sum := len(lp)
	for _, s := range pairs {
		if len(s) > c.Opt.HashMaxValue {
			return false
		}
		sum += len(s)
	}
	const overhead = 11 // of an element, at most
	return sum+len(pairs)*overhead <= listpack.SizeMax
}

// packedSet sets a field in a listpack.
func packedSet(lp, field, val []byte) (out []byte, isNew bool) {
	at := listpack.Find(lp, listpack.First(lp), field, 1)
	if at >= 0 {
		return listpack.Replace(lp, listpack.Next(lp, at), val), false
	}
	return listpack.Append(listpack.Append(lp, field), val), true
}

// hashSetNewBig sets fields of a hash that is not the value of key yet.
func (c *Ctx) hashSetNewBig(key []byte, h *hash.Hash, pairs [][]byte) (added int, err error) {
	for i := 0; i < len(pairs); i += 2 {
		if h.Set(pairs[i], pairs[i+1]) {
			added++
		}
	}
	return added, c.StoreObject(key, h)
}

func (c *Ctx) hashSetBig(key []byte, h *hash.Hash, pairs [][]byte, keepTTL bool) (added int, err error) {
	for i := 0; i < len(pairs); i += 2 {
		if h.Set(pairs[i], pairs[i+1]) {
			added++
		}
		if !keepTTL {
			h.Persist(pairs[i])
		}
	}
	return added, c.unpackHash(key, h, pairs)
}

// unpackHash makes a hash that Redis would have had in a listpack a hash table, if
// these pairs were too much for that.
func (c *Ctx) unpackHash(key []byte, h *hash.Hash, pairs [][]byte) error {
	if h.Encoding() != keyspace.ListpackEx || h.Len() <= c.Opt.HashMaxEntries && c.hashFitsPacked(nil, pairs) {
		return nil
	}
	h.SetPacked(false)
	return c.StoreObject(key, h)
}

// hashDelete deletes fields and returns how many were there. The hash may be empty
// afterwards: see hashDeleted.
func (c *Ctx) hashDelete(key []byte, v hashView, fields [][]byte) (n int, err error) {
	if v.big != nil {
		h := v.mutable()
		for _, field := range fields {
			if !h.Expired(field, v.now) && h.Delete(field) {
				n++
			}
		}
		return n, nil
	}
	if v.lp == nil {
		return 0, nil
	}
	lp := v.lp
	for _, field := range fields {
		at := listpack.Find(lp, listpack.First(lp), field, 1)
		if at < 0 {
			continue
		}
		if n == 0 {
			lp = append(c.Scratch[:0], lp...)
		}
		lp = listpack.Delete(lp, at, 2)
		n++
	}
	if n == 0 {
		return 0, nil
	}
	c.Scratch = lp
	return n, c.StoreBlob(key, keyspace.Hash, keyspace.Listpack, lp)
}

// hashDeleted tells that n fields were deleted, and deletes the hash if none are
// left.
func (c *Ctx) hashDeleted(key []byte, n int) {
	c.Changed(Hash, "hdel", key)
	c.AddDirty(n - 1)
	c.dropEmptyHash(key)
}

func (c *Ctx) dropEmptyHash(key []byte) {
	e, ok := c.DB.Peek(key)
	if !ok {
		return
	}
	if obj := e.Object(); obj != nil && obj.Len() > 0 || obj == nil && listpack.Len(e.Bytes()) > 0 {
		return
	}
	c.DropEmpty(key)
}

// HINCRBY key field increment
func cmdHIncrBy(c *Ctx) error {
	key, field := c.Args[1], c.Args[2]
	by, ok := resp.ParseInt(c.Args[3])
	if !ok {
		return resp.ErrNotInteger
	}
	v, _, err := c.findHash(key, field)
	if err != nil {
		return err
	}
	n := int64(0)
	if e, there := v.get(field); there {
		if n, ok = e.Int, e.IsInt; !ok {
			n, ok = resp.ParseInt(e.Str)
		}
		if !ok {
			return resp.Errorf("ERR hash value is not an integer")
		}
	}
	if by < 0 && n < math.MinInt64-by || by > 0 && n > math.MaxInt64-by {
		return resp.Errorf("ERR increment or decrement would overflow")
	}
	n += by
	var digits [20]byte
	pair := [2][]byte{field, strconv.AppendInt(digits[:0], n, 10)}
	if _, err := c.hashSet(key, v, pair[:], true); err != nil {
		return err
	}
	c.Changed(Hash, "hincrby", key)
	c.Out.Int(n)
	return nil
}

// HINCRBYFLOAT key field increment
func cmdHIncrByFloat(c *Ctx) error {
	key, field := c.Args[1], c.Args[2]
	by, inf, ok := parseLongDouble(c.Args[3])
	if !ok {
		return errNotFloat
	}
	if inf != 0 {
		return resp.Errorf("ERR value is NaN or Infinity")
	}
	v, _, err := c.findHash(key, field)
	if err != nil {
		return err
	}
	sum := new(big.Float).SetPrec(longDoubleBits)
	if e, there := v.get(field); there {
		var room [20]byte
		if sum, inf, ok = parseLongDouble(e.Bytes(room[:])); !ok {
			return resp.Errorf("ERR hash value is not a float")
		}
	}
	text, ok := addLongDouble(sum, inf, by)
	if !ok {
		return resp.Errorf("ERR increment would produce NaN or Infinity")
	}
	at := v.expireAt(field)
	if _, err := c.hashSet(key, v, [][]byte{field, text}, true); err != nil {
		return err
	}
	c.hashSetEffect(key, field, text, at)
	c.Changed(Hash, "hincrbyfloat", key)
	c.Out.Bulk(text)
	return nil
}

// addLongDouble adds to what is finite, or is not, and prints the sum; false if it
// is not finite.
func addLongDouble(sum *big.Float, inf int, by *big.Float) (text []byte, ok bool) {
	if inf != 0 {
		return nil, false
	}
	sum = new(big.Float).SetPrec(longDoubleBits).Add(sum, by)
	if sum.Sign() != 0 && sum.MantExp(nil) > longDoubleMaxExp {
		return nil, false
	}
	return appendLongDouble(nil, sum), true
}
