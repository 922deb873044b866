package integration

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// everyStart is how a server of each make is started.
func everyStart() map[string]func(*testing.T, ...string) *process {
	return map[string]func(*testing.T, ...string) *process{"vedette": startVedette, "redis": startRedis}
}

// Files with values of every kind go both ways between us and Redis, and survive
// DEBUG RELOAD.
func TestFilesHoldEveryKind(t *testing.T) {
	for _, way := range [][2]string{{"vedette", "redis"}, {"redis", "vedette"}} {
		for _, compress := range []string{"yes", "no"} {
			t.Run(way[0]+" to "+way[1]+", rdbcompression "+compress, func(t *testing.T) {
				from := everyStart()[way[0]](t, "--rdbcompression", compress)
				p := dial(t, from)
				fillEveryKind(p)
				want, whole := digests(p), p.do("DEBUG", "DIGEST").text
				if r := p.do("DEBUG", "RELOAD"); r.text != "OK" {
					t.Fatalf("DEBUG RELOAD: %q", r.raw)
				}
				if got := digests(p); !slices.Equal(got, want) {
					t.Errorf("after DEBUG RELOAD\n%q\nwant\n%q", got, want)
				}
				p.do("SAVE")
				file := filepath.Join(from.dir, "dump.rdb")
				checkRDB(t, file)
				q := dial(t, everyStart()[way[1]](t, "--dir", from.dir))
				if got := digests(q); !slices.Equal(got, want) {
					t.Errorf("after the move\n%q\nwant\n%q", got, want)
				}
				if got := q.do("DEBUG", "DIGEST").text; got != whole {
					t.Errorf("DEBUG DIGEST is %s, was %s", got, whole)
				}
			})
		}
	}
}

// caughtUp waits until a replica has all that its master has written.
func caughtUp(t *testing.T, replica, master *peer) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
		if up := replica.info("replication", "master_link_status"); up != "up" {
			return fmt.Errorf("master_link_status:%s", up)
		}
		a, b := replica.info("replication", "slave_repl_offset"), master.info("replication", "master_repl_offset")
		if a != b {
			return fmt.Errorf("at %s of %s", a, b)
		}
		return nil
	})
}

// Whatever random commands make of the data during and after a slow full
// synchronization, a replica ends with the same: a real Redis of ours, and ours of a
// real Redis.
func TestReplicasEndEqual(t *testing.T) {
	for _, way := range [][2]string{{"vedette", "redis"}, {"redis", "vedette"}} {
		for _, diskless := range []string{"yes", "no"} {
			t.Run(way[0]+" to "+way[1]+", diskless "+diskless, func(t *testing.T) {
				seed := drawSeed(t)
				master := everyStart()[way[0]](t, "--repl-diskless-sync-delay", "0", "--repl-diskless-sync", diskless,
					"--repl-timeout", "60")
				replica := everyStart()[way[1]](t)
				g := &generator{r: rand.New(rand.NewPCG(seed, 2))}
				m, r := dial(t, master), dial(t, replica)
				fillEveryKind(m)
				g.send(m, 2000)
				m.do("CONFIG", "SET", "rdb-key-save-delay", "20000") // slower than the commands are
				r.do("REPLICAOF", "127.0.0.1", strconv.Itoa(master.port))
				eventually(t, 20*time.Second, func() error {
					if m.info("persistence", "rdb_bgsave_in_progress") == "0" {
						return fmt.Errorf("no full synchronization")
					}
					return nil
				})
				changeEveryKind(m)
				g.send(m, 2000)
				m.do("CONFIG", "SET", "rdb-key-save-delay", "0")
				g.send(m, 2000)
				caughtUp(t, r, m)
				compareServers(t, r, m)
			})
		}
	}
}

// drawSeed is the seed of a test's random commands.
func drawSeed(t *testing.T) uint64 {
	t.Helper()
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64()%1_000_000 + 1
	}
	t.Logf("-random.seed %d", seed)
	return seed
}

// send sends random commands over one connection.
func (g *generator) send(p *peer, n int) {
	p.t.Helper()
	for range n {
		args := g.command()
		switch args[0] {
		case "FLUSHALL", "FLUSHDB", "MULTI", "multi":
			continue
		}
		p.do(args...)
	}
	p.do("SELECT", "0")
}

// changeEveryKind changes the values of fillEveryKind.
func changeEveryKind(p *peer) {
	p.do("APPEND", "string:raw", "more")
	p.do("DEL", "string:int")
	for i := range 300 {
		n := strconv.Itoa(2 * i)
		for _, args := range [][]string{
			{"LSET", "list:big", n, "changed"}, {"LPUSH", "list:big", "x" + n}, {"SREM", "set:big", "member " + n},
			{"HSET", "hash:big", "field " + n, "changed"}, {"ZINCRBY", "zset:big", "5", "member " + n},
			{"XADD", "stream", "*", "temperature", n}, {"XDEL", "stream", strconv.Itoa(1000+i/3) + "-" + strconv.Itoa(i%3+1)},
		} {
			p.do(args...)
		}
	}
	p.do("XREADGROUP", "GROUP", "readers", "bob", "COUNT", "50", "STREAMS", "stream", ">")
	p.do("SADD", "set:ints", "a string")
	p.do("HSET", "hash", "new", "one")
	p.do("ZADD", "zset", "7", "new")
	p.do("RPUSH", "list", "new")
	p.do("SADD", "set", "new")
	p.do("RENAME", "hash:big", "hash:renamed")
	p.do("COPY", "zset:big", "zset:copied")
	p.do("MOVE", "list:big", "1")
}

// compareServers compares all that two servers hold.
func compareServers(t *testing.T, got, want *peer) {
	t.Helper()
	defer got.do("SELECT", "0")
	defer want.do("SELECT", "0")
	for db := range randomDBs {
		got.do("SELECT", strconv.Itoa(db))
		want.do("SELECT", strconv.Itoa(db))
		if a, b := digests(got), digests(want); !slices.Equal(a, b) {
			for i := range min(len(a), len(b)) {
				if a[i] != b[i] {
					t.Fatalf("database %d: %q, want %q", db, a[i], b[i])
				}
			}
			t.Fatalf("database %d: %d keys, want %d", db, len(a), len(b))
		}
	}
	if a, b := got.do("DEBUG", "DIGEST").text, want.do("DEBUG", "DIGEST").text; a != b {
		t.Errorf("DEBUG DIGEST is %s, want %s", a, b)
	}
}

// A background save holds what there was when it began, whatever happens to the
// values meanwhile.
func TestSaveHoldsTheBegin(t *testing.T) {
	s := startVedette(t)
	p := dial(t, s)
	g := &generator{r: rand.New(rand.NewPCG(drawSeed(t), 3))}
	for range 2 {
		p.do("CONFIG", "SET", "rdb-key-save-delay", "0")
		p.do("FLUSHALL")
		fillEveryKind(p)
		g.send(p, 2000)
		want := p.do("DEBUG", "DIGEST").text
		p.do("CONFIG", "SET", "rdb-key-save-delay", "60000")
		p.do("BGSAVE")
		changeEveryKind(p)
		g.send(p, 500)
		p.do("SWAPDB", "0", "1")
		p.do("FLUSHDB", "ASYNC")
		if p.info("persistence", "rdb_bgsave_in_progress") != "1" {
			t.Log("the save was over before the changes were")
		}
		saved(t, p)
		q := dial(t, startRedis(t, "--dir", s.dir))
		if got := q.do("DEBUG", "DIGEST").text; got != want {
			t.Errorf("the file holds %s, want %s", got, want)
		}
	}
}
