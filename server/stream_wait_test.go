package server

import (
	"testing"
	"testing/synctest"
	"time"
)

// XREADGROUP hears when what it waits for goes: it answers what it would answer now.
func TestGroupGoesWhileItsReaderWaits(t *testing.T) {
	const (
		noGroup   = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option\r\n"
		wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
	)
	tests := []struct{ do, want string }{
		{"DEL s", noGroup},
		{"UNLINK s", noGroup},
		{"FLUSHALL", noGroup},
		{"RENAME s t", noGroup},
		{"MOVE s 1", noGroup},
		{"XGROUP DESTROY s g", noGroup},
		{"SET s x", wrongType},
		{"SWAPDB 0 1", noGroup},
		{"PEXPIREAT s 1", noGroup},
	}
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		reader, other := v.wire(), v.wire()
		for _, test := range tests {
			other.says("FLUSHALL\r\nXGROUP CREATE s g $ MKSTREAM\r\n")
			other.hears("+OK\r\n+OK\r\n")
			reader.says("XREADGROUP GROUP g c BLOCK 0 STREAMS s >\r\n")
			synctest.Wait()
			other.says(test.do + "\r\n")
			other.line()
			reader.hears(test.want)
		}
	})
}

// An entry that is gone before the reader's turn comes lets it wait on, from the same
// id and for the time that is left.
func TestReaderWaitsOnWhenTheEntryIsGone(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		reader, other := v.wire(), v.wire()
		start := time.Now()
		reader.says("XREAD BLOCK 1000 STREAMS s $\r\n")
		synctest.Wait()
		time.Sleep(600 * time.Millisecond)
		other.says("XADD s MAXLEN 0 1-1 f v\r\nXADD t 1-1 f v\r\n")
		other.hears("$3\r\n1-1\r\n$3\r\n1-1\r\n")
		reader.hears("*-1\r\n")
		if d := time.Since(start); d < time.Second || d > 1002*time.Millisecond {
			t.Errorf("the time was up after %v", d)
		}
		reader.says("XREAD BLOCK 0 STREAMS s $\r\n")
		synctest.Wait()
		other.says("MULTI\r\nXADD s 2-1 f v\r\nXADD s 2-2 f v\r\nEXEC\r\n")
		other.hears("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$3\r\n2-1\r\n$3\r\n2-2\r\n")
		reader.hears("*1\r\n*2\r\n$1\r\ns\r\n*2\r\n*2\r\n$3\r\n2-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n*2\r\n$3\r\n2-2\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n")
	})
}

// Consumers of one group that wait share what comes, longest wait first.
func TestConsumersShareWhatComes(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		a, b, other := v.wire(), v.wire(), v.wire()
		other.says("XGROUP CREATE s g $ MKSTREAM\r\n")
		other.hears("+OK\r\n")
		a.says("XREADGROUP GROUP g a COUNT 1 BLOCK 0 STREAMS s >\r\n")
		synctest.Wait()
		b.says("XREADGROUP GROUP g b COUNT 1 BLOCK 0 STREAMS s >\r\n")
		synctest.Wait()
		other.says("XADD s 1-1 f v\r\n")
		a.hears("*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n")
		other.says("XADD s 1-2 f v\r\nXPENDING s g\r\n")
		b.hears("*1\r\n*2\r\n$1\r\ns\r\n*1\r\n*2\r\n$3\r\n1-2\r\n*2\r\n$1\r\nf\r\n$1\r\nv\r\n")
		other.hears("$3\r\n1-1\r\n$3\r\n1-2\r\n*4\r\n:2\r\n$3\r\n1-1\r\n$3\r\n1-2\r\n*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$1\r\nb\r\n$1\r\n1\r\n")
	})
}
