package replication

import (
	"fmt"
	"strconv"
	"time"

	"github.com/vedette-ha/vedette/internal/resp"
)

// AppendInfo appends the lines of INFO replication, without the section's heading.
func (n *Node) AppendInfo(b []byte, now time.Time) []byte {
	if n.IsMaster() {
		b = append(b, "role:master\r\n"...)
	} else {
		b = append(b, "role:slave\r\n"...)
		b = n.appendLinkInfo(b, now)
	}
	b = fmt.Appendf(b, "connected_slaves:%d\r\n", len(n.replicas))
	if n.conf.MinReplicas > 0 && n.conf.MaxLag > 0 {
		b = fmt.Appendf(b, "min_slaves_good_slaves:%d\r\n", n.GoodReplicas(now))
	}
	for i, r := range n.replicas {
		b = r.appendInfo(b, i, now)
	}
	b = fmt.Appendf(b, "master_failover_state:%s\r\n", n.failover.state)
	return n.stream.appendInfo(b)
}

func (r *Replica) appendInfo(b []byte, i int, now time.Time) []byte {
	ip, port := r.Addr()
	lag := int64(0)
	if r.state == Online {
		lag = wholeSeconds(r.lag(now))
	}
	return fmt.Appendf(b, "slave%d:ip=%s,port=%d,state=%s,offset=%d,lag=%d\r\n",
		i, ip, port, r.state, r.ackOffset, lag)
}

func (n *Node) appendLinkInfo(b []byte, now time.Time) []byte {
	l := &n.link
	state := n.LinkState()
	up, lastIO := "down", int64(-1)
	if state == LinkConnected {
		up, lastIO = "up", wholeSeconds(now.Sub(l.lastIO))
	}
	read, applied := l.readOffset, n.stream.Offset()
	if !l.cached && state != LinkConnected {
		read, applied = 1, 1 // as Redis shows it: nothing of this master's history
	}
	transfer := 0
	if state == LinkTransfer {
		transfer = 1
	}
	b = fmt.Appendf(b, "master_host:%s\r\nmaster_port:%d\r\nmaster_link_status:%s\r\n"+
		"master_last_io_seconds_ago:%d\r\nmaster_sync_in_progress:%d\r\n"+
		"slave_read_repl_offset:%d\r\nslave_repl_offset:%d\r\n",
		l.host, l.port, up, lastIO, transfer, max(read, applied), applied)
	if state == LinkTransfer {
		b = n.appendTransferInfo(b, now)
	}
	if state != LinkConnected {
		down := int64(-1)
		if !l.downSince.IsZero() {
			down = wholeSeconds(now.Sub(l.downSince))
		}
		b = fmt.Appendf(b, "master_link_down_since_seconds:%d\r\n", down)
	}
	return fmt.Appendf(b, "slave_priority:%d\r\nslave_read_only:%d\r\nreplica_announced:%d\r\n",
		n.conf.Priority, digit(n.conf.ReadOnly), digit(n.conf.Announced))
}

func (n *Node) appendTransferInfo(b []byte, now time.Time) []byte {
	var read, total int64
	at := now
	switch {
	case n.link.attempt != nil:
		read, total, at = n.link.attempt.Progress()
	case n.link.loading != nil:
		read, total = n.link.loading.Size, n.link.loading.Size
	}
	part := 0.0
	if total != 0 {
		part = 100 * float64(read) / float64(total)
	}
	return fmt.Appendf(b, "master_sync_total_bytes:%d\r\nmaster_sync_read_bytes:%d\r\n"+
		"master_sync_left_bytes:%d\r\nmaster_sync_perc:%.2f\r\nmaster_sync_last_io_seconds_ago:%d\r\n",
		total, read, total-read, part, max(0, wholeSeconds(now.Sub(at))))
}

func (s *Stream) appendInfo(b []byte) []byte {
	firstByte, length := int64(0), int64(0)
	if s.active {
		firstByte, length = int64(s.ring.first)+1, int64(s.ring.end-s.ring.first)
	}
	return fmt.Appendf(b, "master_replid:%s\r\nmaster_replid2:%s\r\nmaster_repl_offset:%d\r\n"+
		"second_repl_offset:%d\r\nrepl_backlog_active:%d\r\nrepl_backlog_size:%d\r\n"+
		"repl_backlog_first_byte_offset:%d\r\nrepl_backlog_histlen:%d\r\n",
		s.id, s.id2.orZeros(), s.ring.end, s.secondOffset(), digit(s.active), s.size, firstByte, length)
}

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// WriteRole writes the reply to ROLE.
func (n *Node) WriteRole(w *resp.Writer) {
	if !n.IsMaster() {
		offset := int64(-1)
		if n.link.state == LinkConnected {
			offset = int64(n.stream.Offset())
		}
		w.Array(5)
		w.BulkString("slave")
		w.BulkString(n.link.host)
		w.Int(int64(n.link.port))
		w.BulkString(n.LinkState().String())
		w.Int(offset)
		return
	}
	w.Array(3)
	w.BulkString("master")
	w.Int(int64(n.stream.Offset()))
	w.Array(n.count(func(*Replica) bool { return true }))
	for _, r := range n.replicas {
		if r.state != Online {
			continue
		}
		ip, port := r.Addr()
		w.Array(3)
		w.BulkString(ip)
		w.BulkString(strconv.Itoa(port))
		w.BulkString(strconv.FormatInt(int64(r.ackOffset), 10))
	}
}
