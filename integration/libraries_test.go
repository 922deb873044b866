package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

// Unmodified client libraries connect, read and write, pipeline, run transactions,
// scan and listen. Each starts on an empty database.

func TestGoRedis(t *testing.T) {
	p := startVedette(t, "--requirepass", "secret")
	for _, proto := range []int{2, 3} {
		t.Run("resp"+strconv.Itoa(proto), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			c := goredis.NewClient(&goredis.Options{Addr: p.addr(), Password: "secret", Protocol: proto, ClientName: "test", DB: 1})
			defer c.Close()
			must(t, c.FlushDB(ctx).Err())
			must(t, c.Set(ctx, "k", "v", time.Minute).Err())
			equal(t, c.Get(ctx, "k").Val(), "v")
			if err := c.Get(ctx, "nokey").Err(); !errors.Is(err, goredis.Nil) {
				t.Errorf("missing key: %v", err)
			}
			if ttl := c.TTL(ctx, "k").Val(); ttl != time.Minute {
				t.Errorf("TTL %v", ttl)
			}
			cmds, err := c.Pipelined(ctx, func(pipe goredis.Pipeliner) error {
				for i := range 100 {
					pipe.Set(ctx, fmt.Sprint("p", i), i, 0)
				}
				return nil
			})
			must(t, err)
			equal(t, len(cmds), 100)
			var n *goredis.IntCmd
			_, err = c.TxPipelined(ctx, func(pipe goredis.Pipeliner) error {
				n = pipe.IncrBy(ctx, "n", 5)
				pipe.Expire(ctx, "n", time.Hour)
				return nil
			})
			must(t, err)
			equal(t, n.Val(), 5)
			must(t, c.Watch(ctx, func(tx *goredis.Tx) error {
				_, err := tx.TxPipelined(ctx, func(pipe goredis.Pipeliner) error { return pipe.Set(ctx, "k", "w", 0).Err() })
				return err
			}, "k"))
			equal(t, len(scanAll(ctx, t, c)), 102)
			sub := c.Subscribe(ctx, "news")
			defer sub.Close()
			_, err = sub.Receive(ctx)
			must(t, err)
			equal(t, c.Publish(ctx, "news", "hello").Val(), 1)
			m, err := sub.ReceiveMessage(ctx)
			must(t, err)
			equal(t, m.Payload, "hello")
			info, err := c.ClientInfo(ctx).Result()
			must(t, err)
			if info.Name != "test" || !strings.HasPrefix(info.LibName, "go-redis(") {
				t.Errorf("CLIENT INFO: name %q, library %q", info.Name, info.LibName)
			}
		})
	}
}

func scanAll(ctx context.Context, t *testing.T, c *goredis.Client) []string {
	t.Helper()
	var keys []string
	it := c.Scan(ctx, 0, "*", 10).Iterator()
	for it.Next(ctx) {
		keys = append(keys, it.Val())
	}
	must(t, it.Err())
	sort.Strings(keys)
	return keys
}

func TestRueidis(t *testing.T) {
	p := startVedette(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{p.addr()}, DisableCache: true})
	must(t, err)
	defer c.Close()
	must(t, c.Do(ctx, c.B().Set().Key("k").Value("v").Ex(time.Minute).Build()).Error())
	v, err := c.Do(ctx, c.B().Get().Key("k").Build()).ToString()
	must(t, err)
	equal(t, v, "v")
	for _, r := range c.DoMulti(ctx, c.B().Incr().Key("n").Build(), c.B().Incr().Key("n").Build()) {
		must(t, r.Error())
	}
	must(t, c.Dedicated(func(d rueidis.DedicatedClient) error {
		res := d.DoMulti(ctx, d.B().Multi().Build(), d.B().Incr().Key("n").Build(), d.B().Exec().Build())
		got, err := res[2].AsIntSlice()
		equal(t, fmt.Sprint(got), "[3]")
		return err
	}))
	scan, err := c.Do(ctx, c.B().Scan().Cursor(0).Count(100).Build()).AsScanEntry()
	must(t, err)
	equal(t, len(scan.Elements), 2)
	heard := make(chan string, 1)
	listening, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_ = c.Receive(listening, c.B().Subscribe().Channel("news").Build(), func(m rueidis.PubSubMessage) { heard <- m.Message })
	}()
	eventually(t, 10*time.Second, func() error {
		if n, err := c.Do(ctx, c.B().Publish().Channel("news").Message("hello").Build()).AsInt64(); err != nil || n != 1 {
			return fmt.Errorf("%d receivers, %v", n, err)
		}
		return nil
	})
	equal(t, <-heard, "hello")
}

func TestRedigo(t *testing.T) {
	p := startVedette(t)
	c, err := redis.Dial("tcp", p.addr(), redis.DialReadTimeout(20*time.Second))
	must(t, err)
	defer c.Close()
	_, err = c.Do("SET", "k", "v")
	must(t, err)
	v, err := redis.String(c.Do("GET", "k"))
	must(t, err)
	equal(t, v, "v")
	for _, args := range [][]any{{"k"}, {"nokey"}} {
		must(t, c.Send("GET", args...))
	}
	must(t, c.Flush())
	v, err = redis.String(c.Receive())
	must(t, err)
	equal(t, v, "v")
	if _, err := redis.String(c.Receive()); !errors.Is(err, redis.ErrNil) {
		t.Errorf("missing key: %v", err)
	}
	must(t, c.Send("MULTI"))
	must(t, c.Send("INCR", "n"))
	got, err := redis.Ints(c.Do("EXEC"))
	must(t, err)
	equal(t, fmt.Sprint(got), "[1]")
	sub := redis.PubSubConn{Conn: c}
	must(t, sub.PSubscribe("n*"))
	if _, ok := sub.Receive().(redis.Subscription); !ok {
		t.Error("no confirmation")
	}
	dial(t, p).do("PUBLISH", "news", "hello")
	if m, ok := sub.Receive().(redis.Message); !ok || string(m.Data) != "hello" || m.Pattern != "n*" {
		t.Errorf("heard %v", m)
	}
}

const pythonClient = `
import redis, sys
c = redis.Redis(port=int(sys.argv[1]), decode_responses=True)
c.flushall()
assert c.set('k', 'v', ex=60) and c.get('k') == 'v' and c.get('nokey') is None and 0 < c.ttl('k') <= 60
p = c.pipeline(transaction=False)
for i in range(100): p.set('p%d' % i, i)
assert all(p.execute())
def change(t):
    n = int(t.get('n') or 0)
    t.multi()
    t.set('n', n + 1)
assert c.transaction(change, 'n') == [True] and c.get('n') == '1'
assert len(list(c.scan_iter(count=7))) == 102
s = c.pubsub()
s.subscribe('news'); s.psubscribe('n*')
assert s.get_message(timeout=5)['type'] == 'subscribe' and s.get_message(timeout=5)['type'] == 'psubscribe'
assert c.publish('news', 'hello') == 2
assert s.get_message(timeout=5)['data'] == 'hello' and s.get_message(timeout=5)['pattern'] == 'n*'
i = c.info('everything')
assert i['role'] == 'master' and i['db0']['keys'] == 102
assert c.config_get('maxmemory') == {'maxmemory': '0'}
assert c.client_list()[0]['resp'] == '2' and c.client_id() > 0
c.slowlog_get(); c.memory_usage('k'); c.object('encoding', 'n'); c.time(); c.lastsave(); c.command_count(); c.role()
d = redis.Redis(port=int(sys.argv[1])).dump('n')
assert c.restore('m', 0, d) and c.get('m') == '1'
try:
    c.execute_command('INCR', 'k'); raise SystemExit('INCR of a word works')
except redis.ResponseError as e:
    assert str(e) == 'value is not an integer or out of range'
print('all well')
`

func TestPythonRedis(t *testing.T) {
	runClient(t, startVedette(t), "/usr/bin/python3", []string{"-c", "import redis"}, []string{"-c", pythonClient})
}

const nodeClient = `
const { createClient } = require('redis');
(async () => {
  const url = 'redis://127.0.0.1:' + process.argv[1];
  const c = createClient({ url });
  await c.connect();
  await c.flushAll();
  await c.set('k', 'v', { EX: 60 });
  const check = (ok, what) => { if (!ok) { console.log(what); process.exit(1); } };
  check(await c.get('k') === 'v' && await c.get('nokey') === null, 'get');
  await Promise.all([...Array(100).keys()].map(i => c.set('p' + i, String(i))));
  const r = await c.multi().incr('n').get('n').exec();
  check(r[0] === 1 && r[1] === '1', 'transaction');
  let n = 0;
  for await (const _ of c.scanIterator()) n++;
  check(n === 102, 'scan');
  const s = c.duplicate();
  await s.connect();
  const heard = new Promise(ok => s.subscribe('news', ok));
  while (await c.publish('news', 'hello') === 0);
  check(await heard === 'hello', 'pubsub');
  await s.quit();
  await c.quit();
  console.log('all well');
})().catch(e => { console.log(e); process.exit(1); });
`

func TestNodeRedis(t *testing.T) {
	runClient(t, startVedette(t), "node", []string{"-e", "require('redis')"}, []string{"-e", nodeClient})
}

// runClient runs a script that gets the port and prints "all well"; without the
// program, or the library that probe loads, the test is skipped.
func runClient(t *testing.T, p *process, program string, probe, script []string) {
	t.Helper()
	path := need(t, program)
	env := append(os.Environ(), "NODE_PATH=/usr/share/nodejs")
	test := exec.Command(path, probe...)
	test.Env = env
	if err := test.Run(); err != nil {
		t.Skipf("%s has no redis library", program)
	}
	_, port, _ := net.SplitHostPort(p.addr())
	cmd := exec.Command(path, append(script, port)...)
	cmd.Env = env
	if out, err := output(t, cmd, 30*time.Second); err != nil || !strings.Contains(out, "all well") {
		t.Errorf("%v: %s", err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
