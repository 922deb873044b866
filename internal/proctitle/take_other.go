//go:build !linux

package proctitle

// Take returns nil: there is no way to change the title here.
func Take() *Area { return nil }
