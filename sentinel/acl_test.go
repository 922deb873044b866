package sentinel

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// Users are kept from what they may not do, told so as in Redis, and ACL LOG remembers.
func TestUsersOfTheSentinelPort(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		admin := w.dial(x)
		admin.says("ACL SETUSER reader on >pw +@read +info +subscribe +psubscribe +sentinel|masters +ping &+switch-master\r\n", "+OK\r\n")
		admin.says("ACL SETUSER x +get\r\n", "-ERR Error in ACL SETUSER modifier '+get': Unknown command or category name in ACL\r\n")
		admin.says("ACL DRYRUN reader sentinel master m\r\n",
			bulk("User reader has no permissions to run the 'sentinel|master' command"))
		admin.says("ACL DRYRUN reader nosuch\r\n", "-ERR Command 'nosuch' not found\r\n")
		admin.says("ACL DRYRUN reader sentinel nosuch\r\n", "-ERR Command 'sentinel' not found\r\n")
		admin.says("ACL DRYRUN reader publish x\r\n", "-ERR wrong number of arguments for 'publish' command\r\n")
		c := w.dial(x)
		c.says("AUTH reader no\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n")
		c.says("AUTH reader pw\r\n", "+OK\r\n")
		c.says("ACL WHOAMI\r\n", "-NOPERM User reader has no permissions to run the 'acl|whoami' command\r\n")
		c.says("SENTINEL REMOVE m\r\n", "-NOPERM User reader has no permissions to run the 'sentinel|remove' command\r\n")
		c.says("SUBSCRIBE +sdown\r\n", "-NOPERM No permissions to access a channel\r\n")
		c.says("PSUBSCRIBE +switch-*\r\n", "-NOPERM No permissions to access a channel\r\n")
		c.says("PING\r\n", "+PONG\r\n")
		got, err := x.do("ACL LOG 1")
		if err != nil || !strings.Contains(got, `$"reason" $"channel" $"context" $"toplevel" $"object" $"+switch-*" $"username" $"reader"`) ||
			!strings.Contains(got, "user=reader") {
			t.Errorf("ACL LOG: %s, %v", got, err)
		}
		if got, _ := x.do("INFO stats"); !strings.Contains(got, `acl_access_denied_auth:1\r\nacl_access_denied_cmd:2\r\n`+
			`acl_access_denied_key:0\r\nacl_access_denied_channel:2\r\n`) {
			t.Errorf("INFO: %s", got)
		}
		c.says("SUBSCRIBE +switch-master\r\n", "*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n")
		admin.says("ACL SETUSER reader resetchannels\r\n", "+OK\r\n")
		c.closed()
		c = w.dial(x)
		c.says("HELLO 2 AUTH reader pw\r\n", "*12\r\n")
		admin.says("CLIENT KILL USER nosuch\r\n", "-ERR No such user 'nosuch'\r\n")
		admin.says("ACL DELUSER reader\r\n", ":1\r\n")
		rest := make([]byte, 200)
		_, _ = c.conn.Read(rest)
		c.closed()
		admin.says("ACL SETUSER default >secret\r\n", "+OK\r\n") // those who are logged in stay
		admin.says("PING\r\n", "+PONG\r\n")
		w.dial(x).says("PING\r\n", "-NOAUTH Authentication required.\r\n")
		admin.says("AUTH secret\r\nACL WHOAMI\r\nRESET\r\nPING\r\n", "+OK\r\n$7\r\ndefault\r\n+RESET\r\n-NOAUTH Authentication required.\r\n")
	})
}

// bulk is a bulk string.
func bulk(s string) string { return strings.TrimPrefix(bulks(s), "*1\r\n") }

// Users stand in sentinel.conf or in a file of their own, and are written back there.
func TestUsersAreKept(t *testing.T) {
	path := writeConf(t, "port 26379\nrequirepass secret\nuser a on nopass +ping\nuser gone on\n")
	c, err := ReadConf(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Config: c.Config, Disk: NewMemoryDisk()})
	if err != nil {
		t.Fatal(err)
	}
	for name, rules := range map[string][]string{"a": {"+@connection"}, "b": {"on", ">x"}} {
		if _, err := s.users.Set(name, rules); err != nil {
			t.Fatal(err)
		}
	}
	s.users.Delete("gone")
	state := State{MyID: idA, Config: s.settings(), Agreed: &failover.Agreed{}, Users: s.userLines()}
	if err := c.Rewrite(state); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	want := "port 26379\nrequirepass secret\nuser a on nopass sanitize-payload resetchannels -@all +ping +@connection\n"
	if !strings.HasPrefix(string(text), want) || !strings.Contains(string(text), "\nuser b on sanitize-payload #") ||
		strings.Contains(string(text), "gone") || strings.Contains(string(text), "user default") {
		t.Errorf("the file is now\n%s", text)
	}
	file := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(file, []byte("user a on nopass +ping\nuser default off\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = ReadConf(writeConf(t, "aclfile "+file+"\n")); err != nil {
		t.Fatal(err)
	}
	if s, err = New(Options{Config: c.Config, Disk: NewMemoryDisk()}); err != nil {
		t.Fatal(err)
	}
	if s.userLines() != nil || s.users.Default().OpenToAll() || s.users.Authenticate("a", nil) == nil {
		t.Error("the aclfile was not read")
	}
	for _, text := range []string{"aclfile " + file + "\nuser b on\n", "aclfile /nonexistent\n", "user a +nosuch\n"} {
		if c, err = ReadConf(writeConf(t, text)); err != nil {
			t.Fatal(err)
		}
		if _, err = New(Options{Config: c.Config, Disk: NewMemoryDisk()}); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// Sentinels with a user of their own for each other work together.
func TestSentinelUser(t *testing.T) {
	inWorld(t, func(w *world) {
		for _, x := range w.sens {
			c := w.dial(x)
			c.says("ACL SETUSER peer on >pw +client|setname +ping +publish +sentinel &__sentinel__:hello\r\n", "+OK\r\n")
			c.says("SENTINEL CONFIG SET sentinel-user peer sentinel-pass pw\r\n", "+OK\r\n")
			c.says("ACL SETUSER default resetpass >other\r\n", "+OK\r\n")
		}
		time.Sleep(10 * time.Second)
		for _, x := range w.sens {
			x.host.Reset()
		}
		time.Sleep(10 * time.Second)
		w.set.nodes[0].kill()
		w.await(10*time.Second, "failover", func() bool { return w.agree("10.0.1.1") })
	})
}
