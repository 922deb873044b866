package command

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"github.com/vedette-ha/vedette/internal/rdb"
	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// dumpVersion is the RDB version of DUMP payloads: the newest that Redis 7.0 takes
// too, as for files and full syncs.
const dumpVersion = 10

// dumpCommands: DUMP and RESTORE
func dumpCommands() []Row {
	return []Row{
		{Name: "DUMP", Run: cmdDump},
		{Name: "RESTORE", Run: cmdRestore},
		{Name: "RESTORE-ASKING", Run: cmdRestore},
	}
}

// DUMP key
func cmdDump(c *Ctx) error {
	e, ok := c.Read(c.Args[1])
	if !ok {
		c.Out.Null()
		return nil
	}
	if e.Kind() == keyspace.String {
		a := rdb.Appender{Compress: c.Opt.RDBCompression}
		c.Out.Bulk(a.AppendDumpString(nil, e.Bytes(), dumpVersion))
		return nil
	}
	c.Out.Bulk(DumpOf(e.Value(), c.Opt.RDBCompression))
	return nil
}

// DumpOf is the DUMP payload of a value.
func DumpOf(v keyspace.Value, compress bool) []byte {
	var body bytes.Buffer
	w := rdb.NewWriter(&body, rdb.Options{Version: dumpVersion, Compress: compress, NoChecksum: true})
	codec.Write(w, v)
	w.Flush() // a buffer takes everything
	return rdb.AppendDumpRaw(nil, codec.Type(v, dumpVersion), body.Bytes(), dumpVersion)
}

// restoreOptions are RESTORE's words after the payload.
type restoreOptions struct {
	replace, absTTL bool
	idle, freq      *int64 // nil: not given
}

// RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]
func cmdRestore(c *Ctx) error {
	key := c.Args[1]
	o, err := parseRestoreOptions(c)
	if err != nil {
		return err
	}
	if !o.replace {
		if _, taken := c.Find(key); taken {
			return resp.Errorf("BUSYKEY Target key name already exists.")
		}
	}
	ttl, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	if ttl < 0 {
		return resp.Errorf("ERR Invalid TTL value, must be >= 0")
	}
	parse := rdb.ParseDump
	if c.Opt.SkipChecksums {
		parse = rdb.ParseDumpUnsummed
	}
	read, err := parse(c.Args[3])
	if err != nil {
		return restoreError(err)
	}
	val, err := codec.Read(&read, &c.Opt.Limits)
	if err != nil {
		return restoreError(err)
	}
	if ttl > 0 && !o.absTTL {
		ttl += c.Now
	}
	return c.restore(key, val, ttl, &o)
}

// restore stores the value; one that has expired already only removes what it
// would have replaced.
func (c *Ctx) restore(key []byte, val keyspace.Value, when int64, o *restoreOptions) error {
	taken := o.replace && c.removeStored(key)
	if when != 0 && when <= c.Now && c.isMaster() {
		if taken {
			c.Effect(c.delWord(), key)
			c.Changed(Generic, "del", key)
		}
		c.Out.Status("OK")
		return nil
	}
	at := when
	if when < 0 {
		at = 1 // a replica may be told a time before 1970
	}
	isNew := c.isNew(c.DB, key)
	if err := c.DB.Set(key, val, keyspace.SetOpt{ExpireAt: at, Access: o.access(c.Opt.LFU)}); err != nil {
		return err
	}
	if isNew {
		c.Host.Notify(NewKey, "new", key, c.DBIndex)
	}
	if when != 0 && !o.absTTL {
		args := append([][]byte(nil), c.Args...)
		args[2] = strconv.AppendInt(nil, when, 10)
		c.Effect(append(args, []byte("ABSTTL"))...)
	}
	c.Changed(Generic, "restore", key)
	c.Out.Status("OK")
	return nil
}

// restoreError is what a client reads of a payload that is refused.
func restoreError(err error) error {
	if errors.Is(err, rdb.ErrDumpTrailer) {
		return resp.Errorf("ERR DUMP payload version or checksum are wrong")
	}
	return resp.Errorf("ERR Bad data format")
}

// access is the mark of the kind that the policy in force keeps; nil if none was
// given.
func (o *restoreOptions) access(lfu bool) *keyspace.AccessMark {
	switch {
	case lfu && o.freq != nil:
		return &keyspace.AccessMark{Freq: uint8(*o.freq)}
	case !lfu && o.idle != nil:
		return &keyspace.AccessMark{IdleSeconds: *o.idle}
	}
	return nil
}

func parseRestoreOptions(c *Ctx) (o restoreOptions, err error) {
	args := c.Args[4:]
	for i := 0; i < len(args); i++ {
		switch {
		case fold(args[i], "REPLACE"):
			o.replace = true
		case fold(args[i], "ABSTTL"):
			o.absTTL = true
		case fold(args[i], "IDLETIME") && i+1 < len(args) && o.freq == nil:
			i++
			v, ok := resp.ParseInt(args[i])
			if !ok {
				return o, resp.ErrNotInteger
			}
			if v < 0 {
				return o, resp.Errorf("ERR Invalid IDLETIME value, must be >= 0")
			}
			o.idle = &v
		case fold(args[i], "FREQ") && i+1 < len(args) && o.idle == nil:
			i++
			v, ok := resp.ParseInt(args[i])
			if !ok {
				return o, resp.ErrNotInteger
			}
			if v < 0 || v > 255 {
				return o, resp.Errorf("ERR Invalid FREQ value, must be >= 0 and <= 255")
			}
			o.freq = &v
		default:
			return o, resp.ErrSyntax
		}
	}
	return o, nil
}

// SerializedLength is what a value takes in a snapshot.
func SerializedLength(e keyspace.Entry, compress bool) int {
	w := rdb.NewWriter(io.Discard, rdb.Options{Version: dumpVersion, Compress: compress, NoChecksum: true})
	codec.Write(w, e.Value())
	return int(w.Written())
}
