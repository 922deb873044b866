package command

import (
	"github.com/vedette-ha/vedette/internal/hll"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// HyperLogLogCommands: https://redis.io/docs/latest/commands/?group=hyperloglog
func HyperLogLogCommands() []Row {
	return []Row{
		{Name: "PFADD", Run: cmdPFAdd},
		{Name: "PFCOUNT", Run: cmdPFCount},
		{Name: "PFMERGE", Run: cmdPFMerge},
		{Name: "PFDEBUG", Run: cmdPFDebug},
		{Name: "PFSELFTEST", Run: cmdPFSelfTest},
	}
}

var (
	errNoSketch      = resp.NewError("WRONGTYPE Key is not a valid HyperLogLog string value.")
	errCorruptSketch = resp.NewError("INVALIDOBJ Corrupted HLL object detected")
	errPFNoKey       = resp.NewError("ERR The specified key does not exist")
	errPFNotSparse   = resp.NewError("ERR HLL encoding is not sparse")
)

// sketch is the HyperLogLog that an entry, if there is one, holds.
func sketch(e keyspace.Entry, there bool) ([]byte, bool, error) {
	if !there {
		return nil, false, nil
	}
	if e.Kind() != keyspace.String {
		return nil, false, resp.ErrWrongType
	}
	if e.Encoding() == keyspace.Int || !hll.Valid(e.Bytes()) {
		return nil, false, errNoSketch
	}
	return e.Bytes(), true, nil
}

func (c *Ctx) readSketch(key []byte) ([]byte, bool, error) { return sketch(c.Read(key)) }

// findSketch finds a sketch that may be changed; a short string becomes Raw, as
// Redis makes it, even if nothing changes then.
func (c *Ctx) findSketch(key []byte) ([]byte, bool, error) {
	e, there := c.Find(key)
	return c.unshared(key, e, there)
}

func (c *Ctx) unshared(key []byte, e keyspace.Entry, there bool) ([]byte, bool, error) {
	b, there, err := sketch(e, there)
	if there && e.Encoding() != keyspace.Raw {
		b, err = c.unshare(key, len(b))
	}
	return b, there, err
}

// storeSketch makes b, which does not alias the data set, the sketch at key.
func (c *Ctx) storeSketch(key, b []byte, there bool) error {
	if !there {
		return c.StoreAs(key, b, keyspace.Raw, keyspace.SetOpt{})
	}
	val, _, err := c.DB.Update(key, len(b), keyspace.Raw)
	if err != nil {
		return err
	}
	copy(val, b)
	return nil
}

// unshare makes the string at key Raw, as Redis does with one it means to change.
func (c *Ctx) unshare(key []byte, size int) ([]byte, error) {
	val, _, err := c.DB.Update(key, size, keyspace.Raw)
	return val, err
}

// PFADD key [element [element ...]]
func cmdPFAdd(c *Ctx) error {
	key := c.Args[1]
	b, there, err := c.findSketch(key)
	if err != nil {
		return err
	}
	var changes int
	switch {
	case there && hll.IsDense(b):
		changes, err = c.addToDense(key, b)
	case there:
		changes, err = c.addToCopy(key, b, true)
	default:
		changes, err = c.addToCopy(key, hll.New(), false)
		changes++
	}
	if err != nil {
		return err
	}
	if changes > 0 {
		c.Changed(String, "pfadd", key)
		c.AddDirty(changes - 1)
	}
	c.Out.Int(min(int64(changes), 1))
	return nil
}

// addToDense adds the elements in place. The sketch is first only read: mostly
// nothing changes.
func (c *Ctx) addToDense(key, b []byte) (changes int, err error) {
	mine := false
	for _, element := range c.Args[2:] {
		p := hll.PlaceOf(element)
		if !hll.Raises(b, p) {
			continue
		}
		if !mine {
			if b, err = c.unshare(key, len(b)); err != nil {
				return 0, err
			}
			mine = true
		}
		hll.Set(b, p, 0)
		changes++
	}
	if mine {
		hll.Invalidate(b)
	}
	return changes, nil
}

// addToCopy adds the elements to a copy of b, and stores it if anything changed.
func (c *Ctx) addToCopy(key, b []byte, there bool) (changes int, err error) {
	c.Scratch = append(c.Scratch[:0], b...)
	b = c.Scratch
	for _, element := range c.Args[2:] {
		var changed bool
		if b, changed, err = hll.Set(b, hll.PlaceOf(element), c.Opt.HLLSparseMaxBytes); err != nil {
			return 0, errCorruptSketch
		}
		if changed {
			changes++
		}
	}
	c.Scratch = b
	if changes > 0 || !there {
		hll.Invalidate(b)
	}
	return changes, c.storeSketch(key, b, there)
}

// PFCOUNT key [key ...]
func cmdPFCount(c *Ctx) error {
	if len(c.Args) == 2 {
		return c.countSketch(c.Args[1])
	}
	var u hll.Union
	for _, key := range c.Args[1:] {
		if err := c.addToUnion(&u, key); err != nil {
			return err
		}
	}
	c.Out.Int(int64(u.Count()))
	return nil
}

// addToUnion makes the sketch at key, if there is one, part of a union.
func (c *Ctx) addToUnion(u *hll.Union, key []byte) error {
	b, there, err := c.readSketch(key)
	if err != nil || !there {
		return err
	}
	if u.Add(b) != nil {
		return errCorruptSketch
	}
	return nil
}

// countSketch answers what is noted in the sketch, or counts and notes it: a change
// that replicas are told of, though the command only reads.
func (c *Ctx) countSketch(key []byte) error {
	e, there := c.Read(key)
	b, there, err := c.unshared(key, e, there)
	if err != nil {
		return err
	}
	if !there {
		c.Out.Int(0)
		return nil
	}
	n, cached := hll.Cached(b)
	if cached {
		c.Out.Int(int64(n))
		return nil
	}
	if n, err = hll.Count(b); err != nil {
		return errCorruptSketch
	}
	if b, err = c.unshare(key, len(b)); err != nil {
		return err
	}
	hll.Cache(b, n)
	c.Host.Touch(c.DBIndex, key)
	c.AddDirty(1)
	c.Out.Int(int64(n))
	return nil
}

// PFMERGE destkey [sourcekey [sourcekey ...]]
func cmdPFMerge(c *Ctx) error {
	var u hll.Union
	toDense := false
	for _, key := range c.Args[1:] {
		if err := c.addToUnion(&u, key); err != nil {
			return err
		}
		if e, ok := c.DB.Peek(key); ok {
			toDense = toDense || hll.IsDense(e.Bytes())
		}
	}
	dst := c.Args[1]
	b, there, err := c.findSketch(dst)
	if err != nil {
		return err
	}
	if !there {
		b = hll.New()
	}
	c.Scratch = append(c.Scratch[:0], b...)
	b = c.Scratch
	if toDense {
		if b, err = hll.ToDense(b); err != nil {
			return errCorruptSketch
		}
	}
	if b, err = u.MergeInto(b, c.Opt.HLLSparseMaxBytes); err != nil {
		return errCorruptSketch
	}
	hll.Invalidate(b)
	if err := c.storeSketch(dst, b, there); err != nil {
		return err
	}
	c.Changed(String, "pfadd", dst)
	c.Out.Status("OK")
	return nil
}

// PFDEBUG <GETREG | DECODE | ENCODING | TODENSE> key
func cmdPFDebug(c *Ctx) error {
	key := c.Args[2]
	b, there, err := c.findSketch(key)
	if err != nil {
		return err
	}
	if !there {
		return errPFNoKey
	}
	switch word := c.Args[1]; {
	case fold(word, "GETREG"):
		return c.showRegisters(key, b)
	case fold(word, "DECODE"):
		if hll.IsDense(b) {
			return errPFNotSparse
		}
		c.Scratch = hll.Decode(c.Scratch[:0], b)
		c.Out.Bulk(c.Scratch)
	case fold(word, "ENCODING"):
		if hll.IsDense(b) {
			c.Out.Status("dense")
		} else {
			c.Out.Status("sparse")
		}
	case fold(word, "TODENSE"):
		_, converted, err := c.makeDense(key, b)
		if err != nil {
			return err
		}
		c.Out.Int(int64(converted))
	default:
		return resp.Errorf("ERR Unknown PFDEBUG subcommand '%s'", word)
	}
	return nil
}

// makeDense makes the sketch b at key dense, and returns it and how many that were.
func (c *Ctx) makeDense(key, b []byte) (_ []byte, converted int, err error) {
	if hll.IsDense(b) {
		return b, 0, nil
	}
	if b, err = hll.ToDense(b); err != nil {
		return nil, 0, errCorruptSketch
	}
	if err := c.storeSketch(key, b, true); err != nil {
		return nil, 0, err
	}
	c.AddDirty(1)
	return b, 1, nil
}

func (c *Ctx) showRegisters(key, b []byte) error {
	b, _, err := c.makeDense(key, b)
	if err != nil {
		return err
	}
	c.Out.Array(hll.Registers)
	for i := range hll.Registers {
		c.Out.Int(int64(hll.Register(b, i)))
	}
	return nil
}

// PFSELFTEST
func cmdPFSelfTest(c *Ctx) error {
	if err := hll.SelfTest(); err != nil {
		return resp.Errorf("TESTFAILED %s", err)
	}
	c.Out.Status("OK")
	return nil
}
