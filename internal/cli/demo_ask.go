//go:build !nodemo

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/vedette-ha/vedette/internal/client"
	"github.com/vedette-ha/vedette/internal/resp"
)

// askTimeout bounds one question. Nodes answer at once, but for a sentinel that has
// lost its leader: it may take two seconds to say so.
const askTimeout = 5 * time.Second

// demoAsker asks one node; it connects when it has to. Not safe for concurrent use.
// Close it at the end.
type demoAsker struct {
	addr string
	conn *client.Conn
}

func (a *demoAsker) ask(ctx context.Context, args ...any) (resp.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	if a.conn == nil {
		conn, err := client.Dial(ctx, "tcp", a.addr, client.Options{Name: "vedette-demo"})
		if err != nil {
			return resp.Value{}, err
		}
		a.conn = conn
	}
	v, err := a.conn.Do(ctx, args...)
	if err != nil && v.Err() == nil {
		a.close()
	}
	return v, err
}

func (a *demoAsker) close() {
	if a.conn != nil {
		a.conn.Close()
		a.conn = nil
	}
}

// masterAddr asks a sentinel where the master is.
func (a *demoAsker) masterAddr(ctx context.Context) (string, error) {
	v, err := a.ask(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", demoMaster)
	if err != nil {
		return "", err
	}
	if len(v.Array) != 2 {
		return "", errors.New("knows no master")
	}
	return net.JoinHostPort(v.Array[0].Text(), v.Array[1].Text()), nil
}

// dataState is what a data server says of itself in INFO replication.
type dataState struct {
	master   bool
	follows  string // address of its master
	linkUp   bool
	offset   string // in the stream it writes, or has received
	replicas string // how many are connected
}

func (a *demoAsker) dataState(ctx context.Context) (dataState, error) {
	v, err := a.ask(ctx, "INFO", "replication")
	if err != nil {
		return dataState{}, err
	}
	return parseDataState(v.Text()), nil
}

// infoFields are the lines of INFO.
func infoFields(info string) map[string]string {
	f := map[string]string{}
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			f[k] = v
		}
	}
	return f
}

func parseDataState(info string) dataState {
	f := infoFields(info)
	s := dataState{master: f["role"] == "master", offset: f["master_repl_offset"],
		replicas: f["connected_slaves"], linkUp: f["master_link_status"] == "up"}
	if !s.master {
		s.follows = net.JoinHostPort(f["master_host"], f["master_port"])
		s.offset = f["slave_repl_offset"]
	}
	return s
}

// demoAskers keep one connection to each node. Not safe for concurrent use.
type demoAskers map[string]*demoAsker

func (as demoAskers) of(n *demoNode) *demoAsker {
	a := as[n.Name]
	if a == nil {
		a = &demoAsker{addr: n.addr()}
		as[n.Name] = a
	}
	return a
}

func (as demoAskers) close() {
	for _, a := range as {
		a.close()
	}
}

// following is nil if n replicates from master.
func (as demoAskers) following(ctx context.Context, n, master *demoNode) error {
	s, err := as.of(n).dataState(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", n.Name, err)
	case s.master:
		return fmt.Errorf("%s is a master", n.Name)
	case s.follows != master.addr():
		return fmt.Errorf("%s is a replica of %s, not of %s", n.Name, s.follows, master.Name)
	case !s.linkUp:
		return fmt.Errorf("%s is not connected to %s", n.Name, master.Name)
	}
	return nil
}

// whole is nil if master is the only master and all others replicate from it.
func (as demoAskers) whole(ctx context.Context, set *demoSet, master *demoNode) error {
	s, err := as.of(master).dataState(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", master.Name, err)
	}
	if !s.master {
		return fmt.Errorf("%s is a replica", master.Name)
	}
	for _, n := range set.others(master) {
		if err := as.following(ctx, n, master); err != nil {
			return err
		}
	}
	return nil
}

// formed is nil if a sentinel belongs to a cluster of all sentinels that has a leader.
func (as demoAskers) formed(ctx context.Context, sentinel *demoNode) error {
	v, err := as.of(sentinel).ask(ctx, "INFO", "raft")
	if err != nil {
		return fmt.Errorf("%s: %w", sentinel.Name, err)
	}
	f := infoFields(v.Text())
	switch {
	case f["raft_formed"] != "1" || f["raft_voters"] != strconv.Itoa(demoSentinels):
		return fmt.Errorf("%s knows %s voters", sentinel.Name, f["raft_voters"])
	case f["raft_leader"] == "":
		return fmt.Errorf("%s knows no leader", sentinel.Name)
	}
	return nil
}

// agreed is nil if a sentinel names the master and finds nothing wrong with the set.
func (as demoAskers) agreed(ctx context.Context, sentinel, master *demoNode) error {
	if err := as.formed(ctx, sentinel); err != nil {
		return err
	}
	a := as.of(sentinel)
	addr, err := a.masterAddr(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", sentinel.Name, err)
	}
	if addr != master.addr() {
		return fmt.Errorf("%s names %s, not %s", sentinel.Name, addr, master.Name)
	}
	v, err := a.ask(ctx, "SENTINEL", "MASTER", demoMaster)
	if err != nil {
		return fmt.Errorf("%s: %w", sentinel.Name, err)
	}
	if err := sound(v); err != nil {
		return fmt.Errorf("%s: %w", sentinel.Name, err)
	}
	if v, err = a.ask(ctx, "SENTINEL", "REPLICAS", demoMaster); err != nil {
		return fmt.Errorf("%s: %w", sentinel.Name, err)
	}
	for _, r := range v.Array {
		if flags := field(r, "flags"); flags != "slave" || field(r, "master-link-status") != "ok" {
			return fmt.Errorf("%s sees the replica %s as %s, link %s", sentinel.Name,
				field(r, "name"), flags, field(r, "master-link-status"))
		}
	}
	return nil
}

// sound judges an answer to SENTINEL MASTER.
func sound(v resp.Value) error {
	want := []struct{ field, value string }{
		{"flags", "master"},
		{"num-slaves", fmt.Sprint(demoData - 1)},
		{"num-other-sentinels", fmt.Sprint(demoSentinels - 1)},
	}
	for _, w := range want {
		if got := field(v, w.field); got != w.value {
			return fmt.Errorf("%s is %s, not yet %s", w.field, got, w.value)
		}
	}
	return nil
}

// field is one field of a map, "" if it is missing.
func field(v resp.Value, name string) string {
	f, _ := v.Lookup(name)
	return f.Text()
}
