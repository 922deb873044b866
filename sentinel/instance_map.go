package sentinel

import (
	"strconv"
	"time"

	"github.com/vedette-ha/vedette/failover"
	"github.com/vedette-ha/vedette/internal/resp"
)

// fields collects the pairs of an instance map. Clients read some of them by their
// position, so the order is Redis's; all values are strings.
type fields []string

func (f *fields) text(name, value string)  { *f = append(*f, name, value) }
func (f *fields) num(name string, v int64) { f.text(name, strconv.FormatInt(v, 10)) }

// ms is an age or duration in milliseconds.
func (f *fields) ms(name string, d time.Duration) { f.num(name, d.Milliseconds()) }

func (f fields) write(w *resp.Writer) {
	w.Map(len(f) / 2)
	for _, s := range f {
		w.BulkString(s)
	}
}

// instance appends what the maps of all kinds begin with.
func (f *fields) instance(v failover.InstanceView) {
	f.text("name", v.Name)
	f.text("ip", v.Addr.Host)
	f.num("port", int64(v.Addr.Port))
	f.text("runid", v.RunID)
	f.text("flags", v.Flags)
	f.num("link-pending-commands", int64(v.Pending))
	f.num("link-refcount", int64(v.LinkRefcount))
	if v.FailoverState != "" {
		f.text("failover-state", v.FailoverState)
	}
	f.ms("last-ping-sent", v.LastPingSent)
	f.ms("last-ok-ping-reply", v.LastOKPing)
	f.ms("last-ping-reply", v.LastPingReply)
	if v.SDown {
		f.ms("s-down-time", v.SDownTime)
	}
	if v.ODown {
		f.ms("o-down-time", v.ODownTime)
	}
	f.ms("down-after-milliseconds", v.DownAfter)
}

// info appends what masters and replicas say of their INFO.
func (f *fields) info(v failover.InstanceView) {
	f.ms("info-refresh", v.InfoRefresh)
	f.text("role-reported", v.RoleReported.String())
	f.ms("role-reported-time", v.RoleTime)
}

func masterFields(v failover.MasterView) (f fields) {
	f.instance(v.InstanceView)
	f.info(v.InstanceView)
	f.text("config-epoch", strconv.FormatUint(v.ConfigEpoch, 10))
	f.num("num-slaves", int64(v.NumSlaves))
	f.num("num-other-sentinels", int64(v.NumOthers))
	f.num("quorum", int64(v.Settings.Quorum))
	f.ms("failover-timeout", v.Settings.FailoverTimeout)
	f.num("parallel-syncs", int64(v.Settings.ParallelSyncs))
	if p := v.Settings.NotificationScript; p != "" {
		f.text("notification-script", p)
	}
	if p := v.Settings.ClientReconfigScript; p != "" {
		f.text("client-reconfig-script", p)
	}
	if v.Paused {
		f.ms("failover-paused-for", v.PausedFor)
	}
	f.trouble(v.InstanceView)
	return f
}

// trouble appends what is wrong, if something is: Redis has no such field.
func (f *fields) trouble(v failover.InstanceView) {
	if v.Trouble != failover.TroubleNone {
		f.text("trouble", string(v.Trouble))
	}
}

func replicaFields(v failover.ReplicaView) (f fields) {
	f.instance(v.InstanceView)
	f.info(v.InstanceView)
	f.ms("master-link-down-time", v.MasterLinkDown)
	status := "err"
	if v.MasterLinkUp {
		status = "ok"
	}
	f.text("master-link-status", status)
	f.text("master-host", v.MasterHost)
	f.num("master-port", int64(v.MasterPort))
	f.num("slave-priority", int64(v.Priority))
	f.num("slave-repl-offset", v.Offset)
	f.num("replica-announced", int64(b2i(v.ReplicaAnnounced)))
	f.trouble(v.InstanceView)
	return f
}

func sentinelFields(v failover.SentinelView) (f fields) {
	f.instance(v.InstanceView)
	f.ms("last-hello-message", v.LastHello)
	f.text("voted-leader", v.VotedLeader)
	f.text("voted-leader-epoch", strconv.FormatUint(v.VotedLeaderEpoch, 10))
	return f
}
