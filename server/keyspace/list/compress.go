package list

import "github.com/vedette-ha/vedette/internal/lzf"

// Nodes far from the ends may be compressed. Whoever reads one decompresses it for
// itself; whoever changes one has it uncompressed, and compresses it again when done.

const (
	// compressMin is the size in bytes of the smallest node that is compressed.
	compressMin = 48
	// compressGain is how many bytes compression must save.
	compressGain = 8
)

// size is how many bytes the node has uncompressed.
func (n *node) size() int {
	if n.raw > 0 {
		return n.raw
	}
	return len(n.data)
}

// open returns the listpack, or the plain element, of a node. One that is compressed
// goes to buf.
func (n *node) open(buf *[]byte) []byte {
	if n.raw == 0 {
		return n.data
	}
	*buf = n.unpack((*buf)[:0])
	return *buf
}

// unpack appends what a compressed node is uncompressed.
func (n *node) unpack(dst []byte) []byte {
	dst, err := lzf.AppendDecompress(dst, n.data, n.raw)
	if err != nil {
		panic("list: a compressed node is corrupt")
	}
	return dst
}

// packs reports whether there are nodes to be compressed.
func (l *List) packs() bool {
	return l.Depth > 0 && l.nodes > 2*l.Depth && l.Compressor != nil
}

// pack compresses the node of element i, if there is one and it is far enough from the
// ends.
func (l *List) pack(i int) {
	if !l.packs() || i < 0 || i >= l.count {
		return
	}
	var p path
	offset := l.seek(i, &p)
	n := p.node()
	if n.raw > 0 || n.plain || len(n.data) < compressMin || l.nearEnd(i-offset, n.count) {
		return
	}
	small, ok := l.Compressor.Append(make([]byte, 0, len(n.data)/2), n.data, len(n.data)-compressGain-1)
	if !ok {
		return
	}
	n = l.ownNode(&p)
	n.raw, n.data = len(n.data), append([]byte(nil), small...)
	l.saved += n.raw - len(small)
}

// nearEnd reports whether there are fewer than Depth nodes before or behind the one
// that has count elements from first on.
func (l *List) nearEnd(first, count int) bool {
	behind := first + count
	for range l.Depth {
		before, at := l.nodeOf(first - 1)
		next, _ := l.nodeOf(behind)
		if before == nil || next == nil {
			return true
		}
		first, behind = at, behind+next.count
	}
	return false
}

// packAround is pack for the node of element i and those next to it.
func (l *List) packAround(i int) {
	if !l.packs() {
		return
	}
	n, first := l.nodeOf(min(i, l.count-1))
	behind := first + n.count
	l.pack(first)
	l.pack(first - 1)
	l.pack(behind)
}

// packBehindEnd compresses the node that is no longer near an end, to which a node was
// added.
func (l *List) packBehindEnd(front bool) {
	if !l.packs() {
		return
	}
	i := 0
	if !front {
		i = l.count - 1
	}
	for range l.Depth {
		n, first := l.nodeOf(i)
		if front {
			i = first + n.count
		} else {
			i = first - 1
		}
	}
	l.pack(i)
}
