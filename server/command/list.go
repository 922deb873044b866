package command

import (
	"slices"
	"strconv"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
	"github.com/vedette-ha/vedette/server/keyspace/list"
)

// ListCommands: https://redis.io/docs/latest/commands/?group=list
func ListCommands() []Row {
	return slices.Concat(listPopCommands(), []Row{
		{Name: "LPUSH", Run: func(c *Ctx) error { return cmdPush(c, true, false) }},
		{Name: "RPUSH", Run: func(c *Ctx) error { return cmdPush(c, false, false) }},
		{Name: "LPUSHX", Run: func(c *Ctx) error { return cmdPush(c, true, true) }},
		{Name: "RPUSHX", Run: func(c *Ctx) error { return cmdPush(c, false, true) }},
		{Name: "LLEN", Run: cmdLLen},
		{Name: "LINDEX", Run: cmdLIndex},
		{Name: "LRANGE", Run: cmdLRange},
		{Name: "LPOS", Run: cmdLPos},
		{Name: "LSET", Run: cmdLSet},
		{Name: "LINSERT", Run: cmdLInsert},
		{Name: "LREM", Run: cmdLRem},
		{Name: "LTRIM", Run: cmdLTrim},
	})
}

// listBlobMax is up to how many bytes a list is a blob in the keyspace. A longer one
// is an Object, which grows without being copied.
const listBlobMax = 2048

// openList is a list that a command may change: of an Object, which it then is, or of
// a copy of a blob.
type openList struct {
	*list.List
	key  []byte
	lent bool // its memory is Ctx.Scratch
	was  keyspace.Encoding
}

// viewList is the list at an entry, to be read.
func viewList(e keyspace.Entry) *list.List {
	if o := e.Object(); o != nil {
		return o.(*list.List)
	}
	return list.Of(e.Bytes())
}

// openList is the list at an entry, to be changed.
func (c *Ctx) openList(key []byte, e keyspace.Entry) openList {
	l := openList{key: key, was: e.Encoding()}
	if o, isObject := e.MutableObject(); isObject {
		l.List = o.(*list.List)
	} else {
		l.lent = true
		c.Scratch = append(c.Scratch[:0], e.Bytes()...)
		l.List = list.Of(c.Scratch)
	}
	c.limitList(l.List)
	return l
}

// newList is an empty list for a key that has none.
func (c *Ctx) newList(key []byte) openList {
	l := openList{List: list.Of(listpack.New()), key: key, was: keyspace.Raw}
	c.limitList(l.List)
	return l
}

func (c *Ctx) limitList(l *list.List) {
	l.Compressor = c.LZF
	if c.Opt.ListLarge > 0 {
		l.Large = c.Opt.ListLarge
	}
}

// growList makes the list a quicklist if the elements it is to get are too much for a
// listpack.
func (c *Ctx) growList(l *openList, bytes, elements int) {
	if l.Packed() {
		l.Depth = c.Opt.ListCompressDepth
	}
	if l.Grow(c.Opt.ListMaxSize, bytes, elements) && l.lent {
		l.Detach()
		l.lent = false
	}
}

// storeList keeps what has become of a list, which is not empty.
func (c *Ctx) storeList(l *openList) error {
	limit := listBlobMax
	if !l.lent && l.was != keyspace.Raw {
		limit /= 2 // not to and fro
	}
	switch {
	case l.Packed() && l.Bytes() <= limit:
		lp := l.Listpack()
		if l.lent {
			c.Scratch = lp
		}
		return c.StoreBlob(l.key, keyspace.List, keyspace.Listpack, lp)
	case l.lent:
		l.Detach()
		return c.StoreObject(l.key, l.List)
	case l.was != l.Encoding():
		return c.StoreObject(l.key, l.List)
	}
	return nil
}

// shortenList is storeList after elements were taken away: a list that is empty goes.
func (c *Ctx) shortenList(l *openList) error {
	if l.Len() == 0 {
		c.DropEmpty(l.key)
		return nil
	}
	l.Shrink(c.Opt.ListMaxSize, false)
	return c.storeList(l)
}

// listElementMax is one more than the longest element, in bytes.
const listElementMax = 1<<32 - 1024

var errElementTooLarge = resp.Errorf("ERR Element too large")

// LPUSH key element [element ...], and RPUSH, LPUSHX, RPUSHX alike
func cmdPush(c *Ctx, front, onlyExisting bool) error {
	key, elems := c.Args[1], c.Args[2:]
	bytes := 0
	for _, s := range elems {
		if len(s) > listElementMax {
			return errElementTooLarge
		}
		bytes += len(s)
	}
	e, there, err := c.FindKind(key, keyspace.List)
	if err != nil {
		return err
	}
	if !there && onlyExisting {
		c.Out.Int(0)
		return nil
	}
	n, err := c.push(key, e, there, front, elems, bytes)
	if err != nil {
		return err
	}
	c.AddDirty(len(elems) - 1)
	c.Changed(List, pushEvent(front), key)
	c.Out.Int(int64(n))
	return nil
}

func pushEvent(front bool) string {
	if front {
		return "lpush"
	}
	return "rpush"
}

// push adds elements, whose bytes count so much together, and returns how many there
// are then.
func (c *Ctx) push(key []byte, e keyspace.Entry, there, front bool, elems [][]byte, bytes int) (int, error) {
	if !there || e.Object() == nil {
		if n, done, err := c.pushSmall(key, e, there, front, elems, bytes); done {
			return n, err
		}
	}
	var l openList
	if there {
		l = c.openList(key, e)
	} else {
		l = c.newList(key)
	}
	c.growList(&l, bytes, len(elems))
	for _, s := range elems {
		l.Push(s, front)
	}
	return l.Len(), c.storeList(&l)
}

// pushSmall is push to a list that is a blob and stays one; otherwise it does nothing.
func (c *Ctx) pushSmall(key []byte, e keyspace.Entry, there, front bool, elems [][]byte, bytes int) (n int, done bool, err error) {
	const most = 8 // besides the bytes of an element
	size, has := listpack.Empty, 0
	if there {
		size, has = len(e.Bytes()), listpack.Len(e.Bytes())
	}
	if size+bytes+most*len(elems) > listBlobMax || !list.Fits(c.Opt.ListMaxSize, size+bytes, has+len(elems)) {
		return 0, false, nil
	}
	lp := c.Scratch[:0]
	if there {
		lp = append(lp, e.Bytes()...)
	} else {
		lp = listpack.AppendEmpty(lp)
	}
	for _, s := range elems {
		if front {
			lp = listpack.Prepend(lp, s)
		} else {
			lp = listpack.Append(lp, s)
		}
	}
	c.Scratch = lp
	return has + len(elems), true, c.StoreBlob(key, keyspace.List, keyspace.Listpack, lp)
}

// LLEN key
func cmdLLen(c *Ctx) error {
	e, there, err := c.ReadKind(c.Args[1], keyspace.List)
	switch {
	case err != nil:
		return err
	case !there:
		c.Out.Int(0)
	default:
		c.Out.Int(int64(listLen(e)))
	}
	return nil
}

func listLen(e keyspace.Entry) int {
	if o := e.Object(); o != nil {
		return o.Len()
	}
	return listpack.Len(e.Bytes())
}

// LINDEX key index
func cmdLIndex(c *Ctx) error {
	e, there, err := c.ReadKind(c.Args[1], keyspace.List)
	if err != nil {
		return err
	}
	if !there {
		c.Out.Null()
		return nil
	}
	i, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	if i < 0 {
		i += int64(listLen(e))
	}
	if i < 0 || i >= int64(listLen(e)) {
		c.Out.Null()
		return nil
	}
	if lp := e.Bytes(); lp != nil {
		c.writeElement(listpack.Get(lp, listpack.Seek(lp, int(i))))
	} else {
		c.writeElement(viewList(e).At(int(i)))
	}
	return nil
}

// span reads the two indices of a range.
func (c *Ctx) span(from, to []byte) (start, end int64, err error) {
	start, ok1 := resp.ParseInt(from)
	end, ok2 := resp.ParseInt(to)
	if !ok1 || !ok2 {
		return 0, 0, resp.ErrNotInteger
	}
	return start, end, nil
}

// LRANGE key start stop
func cmdLRange(c *Ctx) error {
	start, end, err := c.span(c.Args[2], c.Args[3])
	if err != nil {
		return err
	}
	e, there, err := c.ReadKind(c.Args[1], keyspace.List)
	if err != nil {
		return err
	}
	if !there {
		c.Out.Array(0)
		return nil
	}
	first, behind := within(start, end, listLen(e))
	c.writeRange(e, first, behind-first, false)
	return nil
}

// writeRange replies with n elements from first on, or, backwards, the other way round.
func (c *Ctx) writeRange(e keyspace.Entry, first, n int, backwards bool) {
	c.Out.Array(n)
	if n == 0 {
		return
	}
	if lp := e.Bytes(); lp != nil && !backwards {
		c.writeElements(lp, listpack.Seek(lp, first), n, false)
		return
	}
	l := viewList(e)
	if !backwards {
		c.writeListRange(l, first, n)
		return
	}
	it := l.Iter(first+n-1, true)
	for range n {
		elem, _ := it.Next()
		c.writeElement(elem)
	}
}

func (c *Ctx) writeListRange(l *list.List, first, n int) {
	it := l.Iter(first, false)
	for n > 0 {
		data, at, plain, _ := it.Rest()
		if plain {
			c.Out.Bulk(data)
			n--
		} else {
			n = c.writeElements(data, at, n, false)
		}
	}
}

// LSET key index element
func cmdLSet(c *Ctx) error {
	key, s := c.Args[1], c.Args[3]
	e, there, err := c.FindKind(key, keyspace.List)
	if err != nil {
		return err
	}
	if !there {
		return resp.ErrNoSuchKey
	}
	i, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	if len(s) > listElementMax {
		return errElementTooLarge
	}
	l := c.openList(key, e)
	c.growList(&l, len(s), 1)
	if i < 0 {
		i += int64(l.Len())
	}
	if i < 0 || i >= int64(l.Len()) {
		if err := c.storeList(&l); err != nil {
			return err
		}
		return resp.Errorf("ERR index out of range")
	}
	l.Replace(int(i), s)
	l.Shrink(c.Opt.ListMaxSize, false)
	if err := c.storeList(&l); err != nil {
		return err
	}
	c.Changed(List, "lset", key)
	c.Out.Status("OK")
	return nil
}

// LINSERT key BEFORE | AFTER pivot element
func cmdLInsert(c *Ctx) error {
	key, pivot, s := c.Args[1], c.Args[3], c.Args[4]
	after := fold(c.Args[2], "AFTER")
	if !after && !fold(c.Args[2], "BEFORE") {
		return resp.ErrSyntax
	}
	if len(s) > listElementMax {
		return errElementTooLarge
	}
	e, there, err := c.FindKind(key, keyspace.List)
	if err != nil {
		return err
	}
	if !there {
		c.Out.Int(0)
		return nil
	}
	l := c.openList(key, e)
	c.growList(&l, len(s), 1)
	i := indexOf(l.List, pivot)
	if i >= 0 {
		l.Insert(i, s, after)
	}
	if err := c.storeList(&l); err != nil {
		return err
	}
	if i < 0 {
		c.Out.Int(-1)
		return nil
	}
	c.Changed(List, "linsert", key)
	c.Out.Int(int64(l.Len()))
	return nil
}

// indexOf is where the first element equal to s is; -1 if there is none.
func indexOf(l *list.List, s []byte) int {
	it := l.Iter(0, false)
	for i := 0; ; i++ {
		e, ok := it.Next()
		if !ok {
			return -1
		}
		if e.Equal(s) {
			return i
		}
	}
}

// LREM key count element
func cmdLRem(c *Ctx) error {
	key, s := c.Args[1], c.Args[3]
	most, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	e, there, err := c.FindKind(key, keyspace.List)
	if err != nil {
		return err
	}
	if !there {
		c.Out.Int(0)
		return nil
	}
	l := c.openList(key, e)
	gone := removeFrom(&l, s, most)
	if gone > 0 {
		c.AddDirty(gone - 1)
		c.Changed(List, "lrem", key)
		if err := c.shortenList(&l); err != nil {
			return err
		}
	}
	c.Out.Int(int64(gone))
	return nil
}

// removeFrom removes elements equal to s: the first so many, the last with a negative
// number, all with zero.
func removeFrom(l *openList, s []byte, most int64) int {
	switch {
	case most == 0:
		return l.Remove(s, -1, false)
	case most < 0:
		if most = -most; most < 0 {
			return l.Remove(s, -1, true) // the smallest number has no opposite
		}
		return l.Remove(s, int(most), true)
	}
	return l.Remove(s, int(most), false)
}

// LTRIM key start stop
func cmdLTrim(c *Ctx) error {
	start, end, err := c.span(c.Args[2], c.Args[3])
	if err != nil {
		return err
	}
	key := c.Args[1]
	e, there, err := c.FindKind(key, keyspace.List)
	if err != nil {
		return err
	}
	if !there {
		c.Out.Status("OK")
		return nil
	}
	l := c.openList(key, e)
	had := l.Len()
	first, behind := within(start, end, had)
	l.Delete(behind, had-behind)
	l.Delete(0, first)
	c.AddDirty(had - l.Len()) // none if nothing went, but the event comes all the same
	c.Host.Touch(c.DBIndex, key)
	c.Host.Notify(List, "ltrim", key, c.DBIndex)
	if err := c.shortenList(&l); err != nil {
		return err
	}
	c.Out.Status("OK")
	return nil
}

func decimal(n int) []byte { return strconv.AppendInt(nil, int64(n), 10) }
