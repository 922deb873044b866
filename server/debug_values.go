package server

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/codec"
	"github.com/vedette-ha/vedette/server/command"
	"github.com/vedette-ha/vedette/server/keyspace"
)

// DEBUG DIGEST
func (s *Server) cmdDebugDigest(c *command.Ctx) error {
	if len(c.Args) != 2 {
		return debugUnknown(c)
	}
	defer s.keepExpired()()
	var all codec.Digest
	for i := range s.space.Databases() {
		db := s.space.DB(i)
		if db.Len() == 0 {
			continue
		}
		all.MixUint32(uint32(i))
		db.Each(func(e keyspace.Entry) bool {
			var d codec.Digest
			d.Mix(e.Key())
			d.MixValue(e.Value(), e.ExpireAt() != keyspace.NoExpire)
			all.Xor(d[:])
			return true
		})
	}
	c.Out.Status(fmt.Sprintf("%x", all[:]))
	return nil
}

// DEBUG DIGEST-VALUE key [key ...]
func (s *Server) cmdDebugDigestValue(c *command.Ctx) error {
	c.Out.Array(len(c.Args) - 2)
	for _, key := range c.Args[2:] {
		var d codec.Digest
		if e, ok := s.stored(c.DBIndex, key); ok {
			d.MixValue(e.Value(), e.ExpireAt() != keyspace.NoExpire)
		}
		c.Out.Status(fmt.Sprintf("%x", d[:]))
	}
	return nil
}

// DEBUG OBJECT key
func (s *Server) cmdDebugObject(c *command.Ctx) error {
	if len(c.Args) != 3 {
		return debugUnknown(c)
	}
	e, ok := s.stored(c.DBIndex, c.Args[2])
	if !ok {
		return resp.ErrNoSuchKey
	}
	text := fmt.Sprintf("Value at:0x%x refcount:%d encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d",
		0, c.RefCount(e), e.Encoding(), command.SerializedLength(e, c.Opt.RDBCompression), (c.Now/1000-e.IdleSeconds())&(1<<24-1), e.IdleSeconds())
	if nodes, size, ok := codec.ListNodes(e.Value()); ok {
		text += fmt.Sprintf(" ql_nodes:%d ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:%d ql_uncompressed_size:%d",
			nodes, float64(e.Object().Len())/float64(nodes), c.Opt.ListMaxSize, b2i(c.Opt.ListCompressDepth != 0), size)
	}
	c.Out.Status(text)
	return nil
}

// DEBUG POPULATE count [prefix] [size]
func (s *Server) cmdDebugPopulate(c *command.Ctx) error {
	if len(c.Args) < 3 || len(c.Args) > 5 {
		return debugUnknown(c)
	}
	count, ok := resp.ParseInt(c.Args[2])
	if !ok || count < 0 {
		return errNotPositive
	}
	prefix, size := []byte("key"), int64(0)
	if len(c.Args) > 3 {
		prefix = c.Args[3]
	}
	if len(c.Args) > 4 {
		if size, ok = resp.ParseInt(c.Args[4]); !ok || size < 0 || size > s.cfg.ProtoMaxBulkLen {
			return errNotPositive
		}
	}
	c.DB.Reserve(int(min(count, 1<<31)), 0)
	for i := range count {
		key := strconv.AppendInt(append(slices.Clip(prefix), ':'), i, 10)
		value := strconv.AppendInt([]byte("value:"), i, 10)
		if size > 0 {
			value = append(value, make([]byte, size)...)[:size]
		}
		v := keyspace.Value{Kind: keyspace.String, Encoding: keyspace.EncodingOf(value), Bytes: value}
		added, err := c.DB.Insert(key, v, keyspace.SetOpt{})
		if err != nil {
			return err
		}
		if added {
			c.Host.Touch(c.DBIndex, key)
		}
	}
	c.Out.Status("OK")
	return nil
}

var errNotPositive = resp.Errorf("ERR value is out of range, must be positive")

// DEBUG HTSTATS dbid [FULL]
func (s *Server) cmdDebugHTStats(c *command.Ctx) error {
	if len(c.Args) != 3 && len(c.Args) != 4 {
		return debugUnknown(c)
	}
	n, ok := resp.ParseInt(c.Args[2])
	if !ok {
		return resp.ErrNotInteger
	}
	if n < 0 || n >= int64(s.space.Databases()) {
		return resp.Errorf("ERR Out of range database")
	}
	keys, volatile := s.space.DB(int(n)).TableStats()
	c.Out.Verbatim("txt", "[Dictionary HT]\n"+tableText(keys)+"[Expires HT]\n"+tableText(volatile))
	return nil
}

// DEBUG HTSTATS-KEY key [FULL]
func cmdDebugHTStatsKey(c *command.Ctx) error {
	if len(c.Args) != 3 && len(c.Args) != 4 {
		return debugUnknown(c)
	}
	e, ok := c.DB.Peek(c.Args[2])
	if !ok {
		return resp.ErrNoSuchKey
	}
	o, ok := e.Object().(interface {
		Shape() (pages, places, depth int)
		Len() int
	})
	if !ok || e.Encoding() != keyspace.Hashtable {
		return resp.Errorf("ERR The value stored at the specified key is not represented using an hash table")
	}
	t := keyspace.TableStats{Elements: o.Len()}
	t.Buckets, t.Places, t.Depth = o.Shape()
	c.Out.Verbatim("txt", tableText(t))
	return nil
}

// tableText tells how full a table is.
func tableText(t keyspace.TableStats) string {
	text := "Hash table 0 stats (main hash table):\n"
	if t.Elements == 0 {
		return text + "No stats available for empty dictionaries\n"
	}
	return text + fmt.Sprintf(" table size: %d\n number of elements: %d\n buckets: %d\n max chain length: %d\n",
		t.Places, t.Elements, t.Buckets, t.Depth)
}

// DEBUG LOADAOF
func (s *Server) cmdDebugLoadAOF(c *command.Ctx) error {
	if len(c.Args) != 2 {
		return debugUnknown(c)
	}
	return resp.Errorf("ERR Error trying to load the AOF files, check server logs.")
}
