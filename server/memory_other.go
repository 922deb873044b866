//go:build !linux

package server

import "syscall"

// rusageThread stands for the thread's usage where the system tells only the process's.
const rusageThread = syscall.RUSAGE_SELF

// residentBytes is the process's resident set; 0: the system does not say.
func residentBytes() int64 { return 0 }

// systemBytes is the machine's memory; 0: the system does not say.
func systemBytes() int64 { return 0 }
