package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

// client is an unmodified client library that writes all the time.
type client struct {
	name  string
	acked atomic.Int64 // number of the last write that was acknowledged
}

// wrote notes that write n was acknowledged.
func (c *client) wrote(n int) { c.acked.Store(int64(n)) }

// key is where write n goes: each to a key of its own.
func (c *client) key(n int) string { return c.name + ":" + strconv.Itoa(n) }

// clientPause keeps the clients from crowding each other out on a small machine.
const clientPause = 5 * time.Millisecond

// Clients people use find the new master through our sentinels, all of them while one
// set fails over: when its master is killed, and again on request, when no write that
// was acknowledged may be lost.
func TestClients(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	s := newSet(t, vedette, vedette, vedette)
	s.addSentinels(vedette, 3)
	clients := startClients(t, s)
	awaitWrites(t, clients)

	old := s.data[0]
	old.kill()
	master := s.awaitMaster(old)
	awaitWrites(t, clients)

	old.restart()
	eventually(t, patience, func() error { return s.followed(master) })
	s.awaitSettled()
	from := numbers(clients)
	next := s.failOver(s.sentinels[0])
	awaitWrites(t, clients)
	to := numbers(clients)
	p := dial(t, next)
	for i, c := range clients {
		for n := from[i]; n <= to[i]; n++ {
			if r := p.do("GET", c.key(int(n))); r.text != strconv.FormatInt(n, 10) {
				t.Errorf("%s lost write %d of %d to %d: %q", c.name, n, from[i], to[i], r.raw)
			}
		}
	}
}

// numbers are the numbers of the last acknowledged writes.
func numbers(clients []*client) []int64 {
	ns := make([]int64, len(clients))
	for i, c := range clients {
		ns[i] = c.acked.Load()
	}
	return ns
}

// awaitWrites waits until every client has writes acknowledged that it began after now.
func awaitWrites(t *testing.T, clients []*client) {
	t.Helper()
	from := numbers(clients)
	eventually(t, patience, func() error {
		for i, c := range clients {
			if n := c.acked.Load(); n < from[i]+3 {
				return fmt.Errorf("%s does not write: %d, then %d", c.name, from[i], n)
			}
		}
		return nil
	})
}

// startClients starts the clients there are on this machine; they end with the test.
func startClients(t *testing.T, s *set) []*client {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var clients []*client
	var ended []chan struct{}
	start := func(name string, run func(ctx context.Context, c *client)) {
		c, done := &client{name: name}, make(chan struct{})
		clients, ended = append(clients, c), append(ended, done)
		go func() {
			defer close(done)
			run(ctx, c)
		}()
	}
	var addrs []string
	for _, p := range s.sentinels {
		addrs = append(addrs, p.addr())
	}
	start("go-redis", func(ctx context.Context, c *client) { runGoRedis(ctx, c, addrs) })
	start("rueidis", func(ctx context.Context, c *client) { runRueidis(ctx, c, addrs) })
	start("redigo", func(ctx context.Context, c *client) { runRedigo(ctx, c, addrs) })
	for _, script := range scriptedClients() {
		argv := script.argv(t)
		if argv == nil {
			continue
		}
		start(script.name, func(ctx context.Context, c *client) {
			cmd := exec.CommandContext(ctx, argv[0], append(append(argv[1:], c.name, setName), addrs...)...)
			cmd.Env = append(os.Environ(), script.env...)
			if err := followScript(cmd, c); err != nil && ctx.Err() == nil {
				t.Errorf("%s: %v", c.name, err)
			}
		})
	}
	t.Cleanup(func() {
		stop()
		for _, done := range ended {
			<-done
		}
	})
	return clients
}

// write writes number after number with set until ctx ends. A write that failed is
// tried again, as an application would.
func write(ctx context.Context, c *client, set func(ctx context.Context, key, value string) error) {
	for n := 1; ctx.Err() == nil; {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		if err := set(once, c.key(n), strconv.Itoa(n)); err == nil {
			c.wrote(n)
			n++
		}
		cancel()
		select {
		case <-time.After(clientPause):
		case <-ctx.Done():
		}
	}
}

func runGoRedis(ctx context.Context, c *client, sentinels []string) {
	rdb := goredis.NewFailoverClient(&goredis.FailoverOptions{MasterName: setName, SentinelAddrs: sentinels})
	defer rdb.Close()
	write(ctx, c, func(ctx context.Context, key, value string) error {
		return rdb.Set(ctx, key, value, 0).Err()
	})
}

func runRueidis(ctx context.Context, c *client, sentinels []string) {
	var rdb rueidis.Client
	defer func() {
		if rdb != nil {
			rdb.Close()
		}
	}()
	write(ctx, c, func(ctx context.Context, key, value string) (err error) {
		if rdb == nil {
			rdb, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: sentinels,
				Sentinel: rueidis.SentinelOption{MasterSet: setName}, DisableCache: true})
			if err != nil {
				rdb = nil
				return err
			}
		}
		return rdb.Do(ctx, rdb.B().Set().Key(key).Value(value).Build()).Error()
	})
}

// runRedigo has no Sentinel of its own: the dialler asks, as its documentation says.
func runRedigo(ctx context.Context, c *client, sentinels []string) {
	pool := &redis.Pool{
		MaxIdle: 1,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			addr, err := redigoMaster(ctx, sentinels)
			if err != nil {
				return nil, err
			}
			return redis.DialContext(ctx, "tcp", addr, redis.DialReadTimeout(2*time.Second))
		},
		TestOnBorrow: func(conn redis.Conn, _ time.Time) error {
			role, err := redis.Values(conn.Do("ROLE"))
			if err != nil {
				return err
			}
			if name, _ := redis.String(role[0], nil); name != "master" {
				return errors.New("not a master any more")
			}
			return nil
		},
	}
	defer pool.Close()
	write(ctx, c, func(ctx context.Context, key, value string) error {
		conn, err := pool.GetContext(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = redis.DoContext(conn, ctx, "SET", key, value)
		return err
	})
}

// redigoMaster is what the first sentinel says that answers.
func redigoMaster(ctx context.Context, sentinels []string) (string, error) {
	err := errors.New("no sentinel")
	for _, s := range sentinels {
		var conn redis.Conn
		if conn, err = redis.DialContext(ctx, "tcp", s, redis.DialReadTimeout(2*time.Second)); err != nil {
			continue
		}
		var addr []string
		addr, err = redis.Strings(conn.Do("SENTINEL", "get-master-addr-by-name", setName))
		conn.Close()
		if err == nil && len(addr) == 2 {
			return net.JoinHostPort(addr[0], addr[1]), nil
		}
	}
	return "", fmt.Errorf("no master of %s: %w", strings.Join(sentinels, ", "), err)
}
