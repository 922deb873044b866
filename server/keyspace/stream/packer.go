package stream

import (
	"bytes"

	"github.com/vedette-ha/vedette/internal/lzf"
)

// node is a node of a stream: a listpack (see node.go), plain or compressed.
type node struct {
	owner *token // whose lp is, if it is plain: it may be edited in place
	lp    []byte
	plain int // length of the listpack when lp is its compressed form; 0 when it is plain
}

// size is the length of the listpack.
func (n *node) size() int {
	if n.plain != 0 {
		return n.plain
	}
	return len(n.lp)
}

// Packer compresses the nodes of streams and unpacks them. It remembers the node it
// unpacked last, and keeps a table of 256 KiB once it has compressed. The zero value
// is ready; one goroutine may use it at a time.
type Packer struct {
	lzf  lzf.Compressor
	out  []byte // what was compressed last
	from []byte // the compressed form of what opened holds; never changed, so it says what that is
	open []byte
}

const (
	packMin = 128      // shorter listpacks are not compressed
	packMax = 64 << 10 // nor are longer ones: unpacking them for one entry would take too long
	keptMax = 1 << 20  // how much room a Packer keeps between nodes
)

// read returns the listpack of n, good until the next call, or the next change of
// the stream.
func (p *Packer) read(n *node) []byte {
	if n.plain == 0 {
		return n.lp
	}
	if len(p.from) == len(n.lp) && &p.from[0] == &n.lp[0] {
		return p.open
	}
	if cap(p.open) > keptMax {
		p.open = nil
	}
	lp, err := lzf.AppendDecompress(p.open[:0], n.lp, n.plain)
	if err != nil {
		panic("stream: a node we compressed does not unpack: " + err.Error())
	}
	p.open, p.from = lp, n.lp
	return lp
}

// pack makes n, to which nothing will be appended, as small as it gets. The listpack
// of n may be shared.
func (p *Packer) pack(n *node) {
	if n.plain != 0 {
		return
	}
	if size := len(n.lp); size >= packMin && size <= packMax {
		out, ok := p.lzf.Append(p.out[:0], n.lp, size-size/8)
		if ok {
			p.out = out
			*n = node{owner: n.owner, lp: bytes.Clone(out), plain: size}
			return
		}
	}
	if cap(n.lp)-len(n.lp) > len(n.lp)/8 {
		n.lp = append(make([]byte, 0, len(n.lp)), n.lp...)
	}
}
