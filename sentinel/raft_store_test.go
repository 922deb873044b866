package sentinel

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/raft"
	"github.com/rs/zerolog"
)

// The store is a private folder named after the port, and one process's at a time.
func TestStoreFolder(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	s, err := openStores(dir, 26379, zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(filepath.Join(dir, "vedette-sentinel-26379"))
	if err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", st, err)
	}
	if !strings.Contains(log.String(), "may not survive a reboot") {
		t.Errorf("no warning about %s: %q", dir, log.String())
	}
	if _, err := openStores(dir, 26379, zerolog.Nop()); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	s, err = openStores(dir, 26379, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// Both kinds of store keep and forget the same.
func TestStoreKeepsAndForgets(t *testing.T) {
	dir, disk := t.TempDir(), NewMemoryDisk()
	for name, open := range map[string]func() *stores{
		"folder": func() *stores {
			s, err := openStores(dir, 1, zerolog.Nop())
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		"memory": disk.open,
	} {
		t.Run(name, func(t *testing.T) {
			s := open()
			if m, err := s.readMeta(); m != nil || err != nil {
				t.Fatalf("new store: %+v, %v", m, err)
			}
			meta := &storeMeta{Version: storeVersion, MyID: idA, Incarnation: "x", Need: 2,
				Promise: promise{"c", 3}, LastRead: [][]string{{"monitor", "m"}}, Peers: map[string]string{idB: "h:1"}}
			check(t, s.saveMeta(meta))
			for i := uint64(1); i <= 5; i++ {
				kind := raft.LogCommand
				if i == 5 {
					kind = raft.LogNoop
				}
				check(t, s.logs.StoreLog(&raft.Log{Index: i, Term: 1, Type: kind, Data: []byte("d")}))
			}
			check(t, s.stable.SetUint64([]byte(keyCurrentTerm), 7))
			check(t, s.close())

			s = open()
			defer s.close() //nolint:errcheck // reading only from here on
			if m, err := s.readMeta(); err != nil || !reflect.DeepEqual(m, meta) {
				t.Errorf("read back %+v, %v", m, err)
			}
			if n, err := s.lastCommand(); n != 4 || err != nil {
				t.Errorf("last command at %d, %v", n, err)
			}
			check(t, s.forget())
			if n, _ := s.logs.LastIndex(); n != 0 {
				t.Errorf("entries left up to %d", n)
			}
			if term, _ := s.stable.GetUint64([]byte(keyCurrentTerm)); term != 0 {
				t.Errorf("term %d left", term)
			}
			if m, err := s.readMeta(); err != nil || m.MyID != idA {
				t.Errorf("meta after forgetting: %+v, %v", m, err)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A store of a newer version is refused rather than misread.
func TestNewerStoreIsRefused(t *testing.T) {
	s := NewMemoryDisk().open()
	check(t, s.saveMeta(&storeMeta{Version: storeVersion + 1}))
	if _, err := s.readMeta(); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("err = %v", err)
	}
}
