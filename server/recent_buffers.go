package server

// recentSeconds is for how long INFO clients remembers a large buffer.
const recentSeconds = 8

// recentBuffers are the largest buffers that sessions had lately, second by second.
type recentBuffers [recentSeconds]struct {
	second  int64 // Unix s
	in, out int
}

// note looks at what a session holds now (Unix ms).
func (r *recentBuffers) note(c *session, now int64) {
	slot := &r[now/1000%recentSeconds]
	if slot.second != now/1000 {
		slot.second, slot.in, slot.out = now/1000, 0, 0
	}
	slot.in = max(slot.in, cap(c.in)+c.lent+c.argumentMemory())
	slot.out = max(slot.out, c.pendingBytes())
}

// most is the largest of them.
func (r *recentBuffers) most(now int64) (in, out int) {
	for _, slot := range r {
		if now/1000-slot.second < recentSeconds {
			in, out = max(in, slot.in), max(out, slot.out)
		}
	}
	return in, out
}
