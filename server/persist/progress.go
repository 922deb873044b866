package persist

import "sync/atomic"

// Progress counts what has been written or read so far. Any goroutine may read it
// at any time.
type Progress struct {
	Keys       atomic.Int64 // records done
	KeysTotal  atomic.Int64 // records expected; 0 while not known
	Bytes      atomic.Int64 // of the snapshot done
	BytesTotal atomic.Int64 // of the file being loaded
}
