package stream

import (
	"bytes"

	"github.com/vedette-ha/vedette/internal/listpack"
	"github.com/vedette-ha/vedette/internal/lzf"
)

// node is a node of a stream: a listpack (see node.go), as it is or made smaller.
type node struct {
	owner *token // whose lp is, if it is plain: it may be edited in place
	lp    []byte // in that form
	plain uint32 // length of the listpack, if it is in another form
	form  form
}

// form is how a node is kept.
type form uint8

const (
	asListpack form = iota
	asColumns       // see columns.go
	asLZF           // the listpack, compressed
)

// size is the length of the listpack.
func (n *node) size() int {
	if n.form == asListpack {
		return len(n.lp)
	}
	return int(n.plain)
}

// Packer makes the nodes of streams small and unpacks them. It remembers the node it
// unpacked last, and keeps tables, 256 KiB and more, once it has packed. The zero value
// is ready; one goroutine may use it at a time.
type Packer struct {
	lzf     lzf.Compressor
	columns columns
	out     []byte // what was packed last
	proof   []byte // and unpacked again
	from    []byte // the packed form of what opened holds; never changed, so it says what that is
	open    []byte
}

const (
	packMin = 128      // shorter listpacks are not packed
	packMax = 64 << 10 // nor are longer ones: unpacking them for one entry would take too long
	keptMax = 1 << 20  // how much room a Packer keeps between nodes
)

// read returns the listpack of n, good until the next call, or the next change of
// the stream.
func (p *Packer) read(n *node) []byte {
	if n.form == asListpack {
		return n.lp
	}
	if len(p.from) == len(n.lp) && &p.from[0] == &n.lp[0] {
		return p.open
	}
	if cap(p.open) > keptMax {
		p.open = nil
	}
	p.open, p.from = p.unpack(p.open[:0], n), n.lp
	return p.open
}

func (p *Packer) unpack(dst []byte, n *node) []byte {
	if n.form == asColumns {
		return p.columns.unpack(dst, n.lp)
	}
	lp, err := lzf.AppendDecompress(dst, n.lp, int(n.plain))
	if err != nil {
		panic("stream: a node we compressed does not unpack: " + err.Error())
	}
	return lp
}

// entries returns how many entries of n are valid, which for columns takes no
// unpacking.
func (p *Packer) entries(n *node) int64 {
	if n.form == asColumns {
		return rowsOf(n.lp)
	}
	lp := p.read(n)
	valid, _ := intAt(lp, listpack.First(lp))
	return valid
}

// pack makes n, to which nothing will be appended, as small as it gets. The listpack
// of n may be shared.
func (p *Packer) pack(n *node) {
	if n.form != asListpack {
		return
	}
	if size := len(n.lp); size >= packMin && size <= packMax {
		if form, out := p.smaller(n.lp, size-size/8); form != asListpack {
			*n = node{owner: n.owner, lp: bytes.Clone(out), plain: uint32(size), form: form}
			return
		}
	}
	if cap(n.lp)-len(n.lp) > len(n.lp)/8 {
		n.lp = append(make([]byte, 0, len(n.lp)), n.lp...)
	}
}

// smaller returns a form in which lp is at most limit bytes long, good until the next
// call. What columns were made of is compared with what they become again: a listpack
// from outside may be written in other ways than ours.
func (p *Packer) smaller(lp []byte, limit int) (form, []byte) {
	out, ok := p.columns.pack(&p.lzf, p.out[:0], lp)
	p.out = out
	if ok && len(out) <= limit {
		p.proof = p.columns.unpack(p.proof[:0], out)
		if bytes.Equal(p.proof, lp) {
			return asColumns, out
		}
	}
	if out, ok = p.lzf.Append(p.out[:0], lp, limit); ok {
		p.out = out
		return asLZF, out
	}
	return asListpack, nil
}
