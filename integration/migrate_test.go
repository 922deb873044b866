package integration

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fillEveryKind gives a server values of every kind and encoding.
func fillEveryKind(p *peer) {
	long := strings.Repeat("a longer value ", 30)
	p.do("SET", "string:int", "12")
	p.do("SET", "string:raw", long)
	p.do("SET", "string:volatile", "x", "PXAT", "4102444800123")
	p.do("RPUSH", "list", "a", "1", "-5000", long)
	p.do("SADD", "set", "a", "b", "12")
	p.do("SADD", "set:ints", "1", "-2", "70000")
	p.do("HSET", "hash", "a", "1", "b", "", "", "x")
	p.do("ZADD", "zset", "1.5", "a", "-inf", "b", "inf", "c", "1e-7", "d", "3", "e")
	for i := range 700 {
		n := strconv.Itoa(i)
		p.do("RPUSH", "list:big", "element "+n+long[:i%200], n)
		p.do("SADD", "set:big", "member "+n)
		p.do("HSET", "hash:big", "field "+n, n)
		p.do("ZADD", "zset:big", strconv.FormatFloat(float64(i)/7, 'g', -1, 64), "member "+n)
		p.do("XADD", "stream", strconv.Itoa(1000+i/3)+"-"+strconv.Itoa(i%3+1), "temperature", n, "unit", "C")
	}
	p.do("XDEL", "stream", "1000-1", "1001-2")
	p.do("XGROUP", "CREATE", "stream", "readers", "0")
	p.do("XREADGROUP", "GROUP", "readers", "alice", "COUNT", "5", "STREAMS", "stream", ">")
	p.do("XACK", "stream", "readers", "1000-2")
}

// digests are the digests of all keys of the selected database.
func digests(p *peer) (all []string) {
	keys := p.do("KEYS", "*").strings()
	slices.Sort(keys)
	for _, key := range keys {
		all = append(all, key+" "+strings.Join(p.do("DEBUG", "DIGEST-VALUE", key).strings(), ""))
	}
	return all
}

// MIGRATE moves values of every kind between us and Redis, both ways.
func TestMigrateEveryKind(t *testing.T) {
	ours, theirs := startVedette(t), startRedis(t)
	a, b := dial(t, ours), dial(t, theirs)
	fillEveryKind(a)
	want := digests(a)
	move := func(from, to *peer, there *process) {
		args := []string{"MIGRATE", "127.0.0.1", strconv.Itoa(there.port), "", "0", "5000", "KEYS"}
		if r := from.do(append(args, from.do("KEYS", "*").strings()...)...); r.text != "OK" {
			t.Fatalf("MIGRATE: %q", r.raw)
		}
		if got := digests(to); !slices.Equal(got, want) {
			t.Errorf("after the move\n%q\nwant\n%q", got, want)
		}
		if r := from.do("DBSIZE"); r.text != "0" {
			t.Errorf("%s keys are left", r.text)
		}
	}
	move(a, b, theirs)
	move(b, a, ours)
}

// Both answer MIGRATE alike, and leave the same behind.
func TestMigrateAnswers(t *testing.T) {
	ours, theirs := startVedette(t), startRedis(t)
	w := newTwins(t, ours, theirs, "2")
	targets := [2]*process{startRedis(t, "--requirepass", "pw"), startRedis(t, "--requirepass", "pw")}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, silentPort, _ := net.SplitHostPort(silent.Addr().String())
	for _, line := range strings.Split(`SET a 1
SET b 2
SET c 3 PX 100000000
MIGRATE 127.0.0.1 1 a 0 1000
MIGRATE 127.0.0.1 TARGET nosuch 0 1000
MIGRATE 127.0.0.1 TARGET a 0 1000
MIGRATE 127.0.0.1 TARGET a 0 1000 AUTH bad
MIGRATE 127.0.0.1 TARGET a 0 1000 AUTH
MIGRATE 127.0.0.1 TARGET a 0 1000 AUTH2 x
MIGRATE 127.0.0.1 TARGET a 0 1000 AUTH pw
MIGRATE 127.0.0.1 TARGET b 99 1000 AUTH pw
MIGRATE 127.0.0.1 TARGET "" 0 1000 AUTH pw KEYS b c nosuch
SET b 4
MIGRATE 127.0.0.1 TARGET b 0 1000 AUTH pw
MIGRATE 127.0.0.1 TARGET b 0 1000 AUTH pw REPLACE COPY
MIGRATE 127.0.0.1 TARGET b 3 1000 AUTH pw COPY
MIGRATE 127.0.0.1 TARGET b 0 1000 AUTH pw COPY
EXISTS b
MIGRATE 127.0.0.1 TARGET b 0 1000 KEYS b
MIGRATE 127.0.0.1 x b 0 1000
MIGRATE 127.0.0.1 TARGET b x 1000
MIGRATE 127.0.0.1 TARGET b 0 x
MIGRATE 127.0.0.1 TARGET b 0 1000 bogus
MIGRATE 127.0.0.1 TARGET "" 0 1000 AUTH pw KEYS
MIGRATE 127.0.0.1 TARGET "" 0 1000 AUTH2 default pw
MIGRATE 127.0.0.1 TARGET b 0 1000 AUTH2 default bad REPLACE
MIGRATE 127.0.0.1 TARGET "" 0 1000 AUTH pw KEYS nosuch nosuch2
MIGRATE 127.0.0.1 TARGET b 0 -5 AUTH2 default pw REPLACE
SET b 5
SADD s 1 2 3
MIGRATE 127.0.0.1 TARGET "" 0 1000 AUTH pw KEYS b s
MIGRATE 127.0.0.1 SILENT b 0 200
MULTI
MIGRATE 127.0.0.1 TARGET b 5 1000 AUTH pw
EXISTS b
EXEC
DBSIZE
MIGRATE a b c`, "\n") {
		args := strings.Fields(strings.ReplaceAll(line, "SILENT", silentPort))
		p := w.conn("1")
		for i, peer := range p.peers {
			out := make([]string, len(args))
			for j, word := range args {
				switch word {
				case "TARGET":
					word = strconv.Itoa(targets[i].port)
				case `""`:
					word = ""
				}
				out[j] = word
			}
			peer.send(out...)
		}
		if a, b := w.read(p); a.raw != b.raw {
			t.Errorf("%s\n  vedette %q\n  redis   %q", line, a.raw, b.raw)
		}
	}
	x, y := dial(t, targets[0]), dial(t, targets[1])
	x.do("AUTH", "pw")
	y.do("AUTH", "pw")
	for db := range 6 {
		x.do("SELECT", strconv.Itoa(db))
		y.do("SELECT", strconv.Itoa(db))
		if a, b := digests(x), digests(y); !slices.Equal(a, b) {
			t.Errorf("database %d: we sent\n  %q\n  redis %q", db, a, b)
		}
	}
}

// While MIGRATE waits for a slow server, reads are answered and writes wait; what was
// sent is what is deleted.
func TestMigrateHoldsOnlyWrites(t *testing.T) {
	ours := startVedette(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	a, b, c := dial(t, ours), dial(t, ours), dial(t, ours)
	a.do("SET", "k", "v")
	a.send("MIGRATE", "127.0.0.1", port, "k", "0", "10000")
	slow, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if r := b.do("GET", "k"); r.text != "v" {
		t.Errorf("GET meanwhile: %q", r.raw)
	}
	if r := b.do("CLIENT", "UNBLOCK", "1"); r.kind != ':' {
		t.Errorf("CLIENT UNBLOCK: %q", r.raw)
	}
	c.send("SET", "k", "w")
	eventually(t, 10*time.Second, func() error {
		if list := b.do("CLIENT", "LIST").text; !strings.Contains(list, "flags=b") {
			return fmt.Errorf("nobody is blocked: %s", list)
		}
		return nil
	})
	if r := b.do("GET", "k"); r.text != "v" {
		t.Errorf("GET while a write waits: %q", r.raw)
	}
	_, _ = slow.Write([]byte("+OK\r\n+OK\r\n"))
	if r, _ := a.read(); r.text != "OK" {
		t.Errorf("MIGRATE: %q", r.raw)
	}
	if r, _ := c.read(); r.text != "OK" {
		t.Errorf("SET after it: %q", r.raw)
	}
	if r := b.do("GET", "k"); r.text != "w" {
		t.Errorf("GET after all: %q", r.raw)
	}
}
