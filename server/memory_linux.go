package server

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// rusageThread asks getrusage for the calling thread.
const rusageThread = syscall.RUSAGE_THREAD

// residentBytes is the process's resident set, 0 where the system does not say.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	if f := strings.Fields(string(b)); len(f) > 1 {
		pages, _ := strconv.ParseInt(f[1], 10, 64)
		return pages * int64(os.Getpagesize())
	}
	return 0
}

// systemBytes is the machine's memory, 0 where the system does not say.
func systemBytes() int64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}
