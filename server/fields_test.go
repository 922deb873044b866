package server

import (
	"testing"
	"time"
)

// Fields that expire go without anybody asking for them, their hash with the last
// one, and replicas are told.
func TestFieldsExpireByThemselves(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		replica, client := v.wire(), v.wire()
		replica.follow()
		client.says("HSET h a 1 b 2\r\nHPEXPIRE h 300 FIELDS 1 a\r\nHPEXPIRE h 900 FIELDS 1 b\r\n")
		client.hears(":2\r\n*1\r\n:1\r\n*1\r\n:1\r\n")
		time.Sleep(2 * time.Second)
		client.says("DBSIZE\r\n")
		client.hears(":0\r\n")
		for _, want := range []string{"SELECT 0", "HSET h a 1 b 2", "HPEXPIREAT h 946684800300 FIELDS 1 a",
			"HPEXPIREAT h 946684800900 FIELDS 1 b", "HDEL h a", "HDEL h b"} {
			if got := replica.next(); got != want {
				t.Errorf("told %q, want %q", got, want)
			}
		}
	})
}

// A replica that does not say it knows such fields is dropped when there are some, and
// refused while there are.
func TestOldReplicaIsRefusedWhileFieldsExpire(t *testing.T) {
	hostile(t, unchanged, func(t *testing.T, v *virtual) {
		old, known, client := v.wire(), v.wire(), v.wire()
		old.follow("version", "7.2.4")
		known.follow("version", "7.4.1")
		client.says("HSET h a 1\r\n")
		client.hears(":1\r\n")
		for _, w := range []*wire{old, known} {
			for _, want := range []string{"SELECT 0", "HSET h a 1"} {
				if got := w.next(); got != want {
					t.Errorf("told %q, want %q", got, want)
				}
			}
		}
		client.says("HPEXPIRE h 300 FIELDS 1 a\r\n")
		client.hears("*1\r\n:1\r\n")
		old.ends()
		if got := known.next(); got != "HPEXPIREAT h 946684800300 FIELDS 1 a" {
			t.Errorf("told %q", got)
		}
		again := v.wire()
		again.says("REPLCONF capa eof capa psync2 version 7.2.4\r\nPSYNC ? -1\r\n")
		again.hears("+OK\r\n-ERR The data set holds hashes with fields that expire, which your version does not know\r\n")
		time.Sleep(time.Second)
		v.wire().follow("version", "7.2.4")
	})
}
