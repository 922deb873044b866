//go:build linux || darwin || freebsd || netbsd || openbsd

package keyspace

import "syscall"

// newPage maps a page. The kernel zeroes it as it is touched, so a page costs
// nothing until it is used, and no pause when it is. Where mapping fails (there
// is a limit to the number of mappings), the Go heap is asked instead, which
// ends the process if there is no memory at all.
func newPage() *page {
	b, err := syscall.Mmap(-1, 0, pageBytes, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return new(page)
	}
	return (*page)(b)
}

// freePage gives p back. A page that came from the Go heap is not known to
// Munmap, and goes the way of all garbage.
func freePage(p *page) {
	_ = syscall.Munmap(p[:])
}
