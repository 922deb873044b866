// Package proctitle changes what ps shows of a process.
//
// The kernel shows the memory in which it handed over the command line, so that is
// written over; where that is too short for a title, the environment behind it, too,
// which the kernel then reads on into. [Take] therefore has to run before anything
// keeps an argument.
package proctitle

// titleMax bounds a title, in bytes.
const titleMax = 255

// Area is the memory of the command line. A nil Area has none.
type Area struct{ mem []byte }

// Set changes the title. What does not fit is cut off.
func (a *Area) Set(title string) {
	if a == nil {
		return
	}
	n := copy(a.mem[:len(a.mem)-1], title[:min(len(title), titleMax)])
	clear(a.mem[n:])
}
