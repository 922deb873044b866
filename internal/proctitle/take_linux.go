package proctitle

import (
	"os"
	"strings"
	"unsafe"
)

// Take makes the arguments independent of the memory they came in, and returns that,
// with the environment's behind it, of which the runtime has made a copy. It is nil if
// the arguments do not lie there one after the other.
func Take() *Area {
	if len(os.Args) == 0 || os.Args[0] == "" {
		return nil
	}
	start, size := unsafe.StringData(os.Args[0]), 0
	for _, a := range os.Args {
		if a != "" && unsafe.StringData(a) != (*byte)(unsafe.Add(unsafe.Pointer(start), size)) {
			return nil
		}
		size += len(a) + 1
	}
	for _, kv := range os.Environ() {
		size += len(kv) + 1
	}
	for i, a := range os.Args {
		os.Args[i] = strings.Clone(a)
	}
	return &Area{unsafe.Slice(start, size)}
}
