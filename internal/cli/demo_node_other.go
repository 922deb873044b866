//go:build !linux && !nodemo

package cli

import "syscall"

// diesWithUs keeps signals of the terminal from a process: Ctrl-C is for the demo
// alone, which ends what it started unless it is killed itself.
func diesWithUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
