package stream

// RadixNodes returns how many nodes Redis's radix tree has for the keys of our
// nodes: what XINFO STREAM tells. It takes time in proportion to their number.
func (s *Stream) RadixNodes() int {
	c := s.nodes.first()
	if !c.valid() {
		return 1 // the root
	}
	r := radixCount{path: []int{IDLen}, nodes: 1}
	prev := c.id()
	for c.next(); c.valid(); c.next() {
		r.add(prev.sharedBytes(c.id()))
		prev = c.id()
	}
	r.close(-1)
	return r.nodes
}

// radixCount counts the nodes of a radix tree whose keys come in order. Each key is
// an empty node, each place where keys part a node, and the bytes between two of
// these, if there are any, one too.
type radixCount struct {
	path  []int // lengths of the prefixes where keys part, up to the last key
	nodes int
}

// add counts a key that has so many bytes in common with the one before.
func (r *radixCount) add(shared int) {
	r.close(shared)
	if len(r.path) == 0 || r.path[len(r.path)-1] < shared {
		r.path = append(r.path, shared)
		r.nodes++
	}
	r.path = append(r.path, IDLen)
	r.nodes++
}

// close counts what leads to the places on the path that are longer than shared,
// and takes them off.
func (r *radixCount) close(shared int) {
	for n := len(r.path); n > 0 && r.path[n-1] > shared; n = len(r.path) {
		at := r.path[n-1]
		r.path = r.path[:n-1]
		above := shared
		if n > 1 {
			above = max(above, r.path[n-2])
		}
		if at > above+1 {
			r.nodes++
		}
	}
}
