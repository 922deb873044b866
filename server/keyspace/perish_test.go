package keyspace

import (
	"fmt"
	"testing"
)

// perishing is an Object of which a part expires.
type perishing struct {
	text
	next int64
}

func (p *perishing) NextExpire() int64 { return p.next }
func (p *perishing) Freeze() Object    { c := *p; return &c }

// The keys to look at are known wherever their Objects go, and those without parts
// that expire are forgotten.
func TestPerishableKeysAreKnown(t *testing.T) {
	begun := 0
	s := New(Options{Databases: 2, OnPerishable: func() { begun++ }})
	defer s.Close()
	s.SetNow(1000)
	db := s.DB(0)
	set := func(key string, next int64) {
		if err := db.SetObject([]byte(key), &perishing{next: next}, SetOpt{}); err != nil {
			t.Fatal(err)
		}
	}
	set("never", NoExpire)
	if s.Perishing() || begun > 0 {
		t.Fatal("nothing expires, and yet there is something to look at")
	}
	set("past", 999)
	set("future", 5000)
	due, looked := db.Perished(nil, 10)
	if fmt.Sprintf("%s", due) != "[past]" || looked != 2 || begun != 1 {
		t.Fatalf("Perished = %s, %d; begun %d times", due, looked, begun)
	}
	db.Rename([]byte("past"), []byte("renamed"))
	db.Copy([]byte("future"), s.DB(1), []byte("copied"))
	s.SetNow(6000)
	if due, _ := db.Perished(nil, 10); len(due) != 2 {
		t.Errorf("after RENAME %s are due", due)
	}
	if due, _ := s.DB(1).Perished(nil, 10); fmt.Sprintf("%s", due) != "[copied]" {
		t.Errorf("after COPY %s are due", due)
	}
	s.SwapDB(0, 1)
	if s.DB(0).Perishing() != 1 || begun != 2 {
		t.Errorf("after SWAPDB %d keys, begun %d times", s.DB(0).Perishing(), begun)
	}
	s.FlushAll(false)
	if s.Perishing() {
		t.Error("nothing is there, and yet there is something to look at")
	}
	set("in place", NoExpire)
	o, _ := db.MutableObject([]byte("in place"))
	o.(*perishing).next = 1
	db.NotePerishable([]byte("in place"))
	if !s.Perishing() {
		t.Error("what was changed in place is not known")
	}
	o.(*perishing).next = NoExpire
	if s.Perishing() || db.Perishing() > 0 {
		t.Error("what expires no more is not forgotten")
	}
}
