//go:build !nodemo

package cli

import "syscall"

// diesWithUs has a process killed when the thread that started it ends, whatever ends
// it, and keeps signals of the terminal from it: Ctrl-C is for the demo alone.
func diesWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
