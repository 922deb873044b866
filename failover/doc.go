// Package failover decides; it does not act.
//
// Two things live here. [Agreed] is what all sentinels of a cluster agree on: the
// monitored masters and their settings, the current address and config-epoch of
// each, the known replicas, who may fail over what and how far that has come, and
// the history. It is a plain value whose Apply is deterministic; the caller puts it
// behind a Raft log. [Machine] is what one sentinel believes: which instances answer,
// which peers say a master is down, what its own failover is waiting for.
// [Machine.Step] takes one Event (a clock tick, a reply, a committed command) and
// returns the Actions it calls for. The caller does the I/O and feeds the outcome
// back in as further Events.
//
// The package starts no goroutine, reads no clock, draws no random number, opens no
// socket and takes no lock: equal Events give equal Actions, so a bug report is a
// list of Events.
//
// Reading order: addr.go, settings.go, command.go and agreed.go for what is agreed;
// event.go and action.go for the machine's two sides; machine.go routes; then one
// file a phase: detection.go, discovery.go, claim.go, select.go, promote.go,
// coordinate.go, reconfigure.go, repair.go; hold.go, learn.go, adrift.go and trouble.go
// beside them. agenda.go says who is due when. record.go is what a failover leaves
// behind, why.go says it in sentences. view.go is what SENTINEL MASTER prints.
//
// Source: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
package failover
