package keyspace_test

import (
	"fmt"

	"github.com/vedette-ha/vedette/server/keyspace"
)

func Example() {
	s := keyspace.New(keyspace.Options{Databases: 16})
	s.SetNow(1_000_000)
	db := s.DB(0)
	val := []byte("10")
	if err := db.SetString([]byte("n"), val, keyspace.EncodingOf(val), keyspace.SetOpt{ExpireAt: 1_000_500}); err != nil {
		fmt.Println(err) // ErrFull: clients read -OOM
	}
	e, ok := db.Get([]byte("n"))
	fmt.Println(ok, string(e.Bytes()), e.Encoding(), e.ExpireAt()-s.Now())

	s.SetNow(1_000_501)
	_, ok = db.Get([]byte("n"))
	fmt.Println(ok)
	// Output:
	// true 10 int 500
	// false
}

// A snapshot shows the state it began with, whatever is written meanwhile.
func ExampleSpace_BeginSnapshot() {
	s := keyspace.New(keyspace.Options{})
	db := s.DB(0)
	_ = db.SetString([]byte("k"), []byte("old"), keyspace.Embstr, keyspace.SetOpt{})

	sn, err := s.BeginSnapshot(func(r keyspace.Record) {
		fmt.Printf("%d %s=%s\n", r.DB, r.Key, r.Value)
	})
	if err != nil {
		fmt.Println(err) // one is open already
		return
	}
	_ = db.SetString([]byte("k"), []byte("new"), keyspace.Embstr, keyspace.SetOpt{})
	_ = db.SetString([]byte("k2"), []byte("also new"), keyspace.Embstr, keyspace.SetOpt{})
	for !sn.Step(func() bool { return false }) {
		// between two slices, serve clients
	}
	// Output:
	// 0 k=old
}
