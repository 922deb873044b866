package sentinel

import "golang.org/x/sys/unix"

// inMemory reports whether a folder lies on a file system that a reboot empties.
func inMemory(folder string) bool {
	var st unix.Statfs_t
	return unix.Statfs(folder, &st) == nil && (st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC)
}
