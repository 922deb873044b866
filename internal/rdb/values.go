package rdb

import (
	"math"
	"strconv"

	"github.com/vedette-ha/vedette/internal/intset"
	"github.com/vedette-ha/vedette/internal/listpack"
)

// value reads the value of a key of type t, announced at offset at, into v. What
// fits is kept in buf and in the memory of the last value.
func (in *input) value(at int64, t Type, v *Value, buf []byte) {
	v.Type = t
	switch t {
	case TypeString:
		v.String = in.string(buf)
	case TypeList:
		v.Kind = KindList
		v.Elements = in.elements(1)
	case TypeSet:
		v.Kind = KindSet
		v.Elements = in.elements(1)
	case TypeHash:
		v.Kind = KindHash
		v.Elements = in.elements(2)
	case TypeZSet, TypeZSet2:
		v.Kind, v.Type = KindZSet, TypeZSet2
		in.sortedSet(t, v)
	case TypeListQuicklist, TypeListQuicklist2:
		v.Kind, v.Type = KindList, TypeListQuicklist2
		v.Nodes = in.quicklist(t)
	case TypeListZiplist:
		v.Kind, v.Type = KindList, TypeListQuicklist2
		v.Nodes = []ListNode{{Bytes: in.repacked(appendZiplist)}}
	case TypeStreamListpacks, TypeStreamListpacks2, TypeStreamListpacks3:
		v.Kind = KindStream
		v.Stream = in.stream(t)
	case TypeModulePreGA, TypeModule2:
		if id := in.count(); in.err == nil {
			in.failf(at, "a value of the module type %s; modules are not supported", moduleName(id))
		}
	case TypeHashMetadata, TypeHashListpackEx:
		in.timedHash(at, t, v)
	case TypeHashMetadataPre, TypeHashListpackPre:
		in.fail(at, "a hash whose fields expire, of a Redis 7.4 release candidate; only those of a release can be read")
	default:
		in.packed(at, t, v, buf)
	}
}

// known reports whether t is the type of a value, readable or not.
func (t Type) known() bool { return t <= TypeHashListpackEx && t != 8 }

// packed reads a value that is one string with all elements.
func (in *input) packed(at int64, t Type, v *Value, buf []byte) {
	v.Kind = KindHash
	switch t {
	case TypeSetIntset:
		v.Kind = KindSet
		v.Blob = in.string(buf)
		if in.err == nil && intset.Validate(v.Blob) != nil {
			in.fail(at, "an intset is corrupt")
		}
		return
	case TypeHashZipmap:
		v.Type, v.Blob = TypeHashListpack, in.repacked(appendZipmap)
	case TypeHashZiplist:
		v.Type, v.Blob = TypeHashListpack, in.repacked(appendZiplist)
	case TypeZSetZiplist:
		v.Kind, v.Type, v.Blob = KindZSet, TypeZSetListpack, in.repacked(appendZiplist)
	case TypeHashListpack:
		v.Blob = in.listpack(buf)
	case TypeZSetListpack:
		v.Kind, v.Blob = KindZSet, in.listpack(buf)
	case TypeSetListpack:
		v.Kind, v.Blob = KindSet, in.listpack(buf)
	default:
		in.failf(at, "unknown type %d", t)
	}
	if in.err == nil {
		in.checkPacked(at, v.Kind, v.Blob)
	}
}

// listpack reads one string that is a sound listpack.
func (in *input) listpack(buf []byte) []byte {
	at := in.offset()
	lp := in.string(buf)
	if in.err == nil && listpack.Validate(lp) != nil {
		in.fail(at, "a listpack is corrupt")
	}
	return lp
}

// repacked reads one string in an old packing and returns its elements as a
// listpack.
func (in *input) repacked(convert func(lp, old []byte) ([]byte, error)) []byte {
	at := in.offset()
	old := in.string(nil)
	if in.err != nil {
		return nil
	}
	lp, err := convert(listpack.New(), old)
	if err != nil {
		in.fail(at, err.Error())
	}
	return lp
}

// quicklist reads a list in nodes. Empty ones, which Redis skips, are left out.
func (in *input) quicklist(t Type) (nodes []ListNode) {
	for n := in.count(); n > 0 && in.err == nil; n-- {
		node := ListNode{}
		at, container := in.offset(), uint64(nodePacked)
		if t == TypeListQuicklist2 {
			container = in.count()
		}
		switch {
		case t == TypeListQuicklist:
			node.Bytes = in.repacked(appendZiplist)
		case container == nodePacked:
			node.Bytes = in.listpack(nil)
		case container == nodePlain:
			node = ListNode{Plain: true, Bytes: in.string(nil)}
		default:
			in.failf(at, "a list with a node of unknown kind %d", container)
		}
		if in.err == nil && (node.Plain || listpack.Len(node.Bytes) > 0) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// The containers of a quicklist's nodes.
const (
	nodePlain  = 1 // one element
	nodePacked = 2 // a listpack
)

// sortedSet reads a sorted set that is not packed.
func (in *input) sortedSet(t Type, v *Value) {
	n := in.count()
	v.Elements = in.room(n)
	v.Scores = make([]float64, 0, atFirst(n))
	for ; n > 0 && in.err == nil; n-- {
		v.Elements = append(v.Elements, in.element())
		at := in.offset()
		var score float64
		if t == TypeZSet2 {
			score = math.Float64frombits(in.uint64())
		} else {
			score = in.textScore(at)
		}
		if math.IsNaN(score) {
			in.fail(at, "a sorted set with a score that is not a number")
		}
		v.Scores = append(v.Scores, score)
	}
	in.elems.all = v.Elements
}

// textScore reads a score as decimal text behind its length in one byte, of which
// the last three values stand for what is not finite.
func (in *input) textScore(at int64) float64 {
	switch n := in.byte(); n {
	case 253:
		return math.NaN()
	case 254:
		return math.Inf(1)
	case 255:
		return math.Inf(-1)
	default:
		text := in.take(int(n))
		score, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			in.failf(at, "a sorted set with the score %.40q", text)
		}
		return score
	}
}
