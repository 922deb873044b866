package server

import (
	"syscall"
	"time"
)

// cpuTime is what this process has used, which virtual time does not show.
func cpuTime() time.Duration {
	var ru syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}
