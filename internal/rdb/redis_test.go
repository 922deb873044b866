package rdb_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
)

// redisServer is a redis-server of the test's own.
type redisServer struct {
	t    *testing.T
	conn redis.Conn
	dir  string
	cmd  *exec.Cmd
}

// startRedis starts a redis-server whose directory is dir, and stops it with the
// test. It skips the test where there is none.
func startRedis(t *testing.T, dir string, args ...string) *redisServer {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("no redis-server to compare with")
	}
	for range 5 { // another process may take the port first
		if s := tryRedis(t, path, dir, args); s != nil {
			return s
		}
	}
	t.Fatal("redis-server does not come up")
	return nil
}

func tryRedis(t *testing.T, path, dir string, args []string) *redisServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	l.Close()
	args = append([]string{
		"--port", fmt.Sprint(addr.Port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir,
	}, args...)
	cmd := exec.Command(path, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	stop := func() { cmd.Process.Kill(); <-ended }
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		select {
		case <-ended:
			return nil
		case <-time.After(5 * time.Millisecond): // until it listens
		}
		conn, err := redis.Dial("tcp", addr.String())
		if err != nil {
			continue
		}
		if _, err := conn.Do("PING"); err != nil {
			conn.Close()
			continue
		}
		t.Cleanup(func() { conn.Close(); stop() })
		return &redisServer{t: t, conn: conn, dir: dir, cmd: cmd}
	}
	stop()
	return nil
}

// do runs a command that must succeed.
func (s *redisServer) do(args ...any) any {
	s.t.Helper()
	reply, err := s.conn.Do(args[0].(string), args[1:]...)
	if err != nil {
		s.t.Fatalf("%v: %v", args, err)
	}
	return reply
}

// save makes the server write its snapshot and returns where.
func (s *redisServer) save() string {
	s.t.Helper()
	s.do("SAVE")
	return filepath.Join(s.dir, "dump.rdb")
}
