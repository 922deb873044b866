// Package sentinel is the supervisor: it does what package failover decides, and keeps the
// sentinels of a set in agreement.
//
// Three things meet here. The loop (loop.go) is one goroutine that owns a
// [failover.Machine]: it feeds it what happened, one event after the other, and does the
// actions that come back. Links (link.go), a goroutine each, talk to data nodes and to
// other sentinels; sessions (session.go), likewise, serve the clients of the sentinel port.
// Both report to the loop's queue or ask it, and never touch the machine. The quorum
// (quorum.go) makes commands part of what all sentinels agree on, through a Raft log that
// travels over the sentinel port itself; what is committed comes back to the loop as an event.
//
// Nothing the loop calls blocks: files, names, scripts and proposals have goroutines of
// their own. [Sentinel.Run] owns them all and returns when they have ended.
//
// Reading order: sentinel.go (what there is), run.go (how it starts and ends), loop.go,
// act.go (from an action to the network) and reports.go (from the network to an event);
// node_links.go and link.go; session.go, dispatch.go and outbox.go, then one file of
// commands a family. Of the quorum: quorum.go, quorum_propose.go, forming.go (how sentinels
// that find each other become one cluster), quorum_conn.go (who may speak Raft), raft.go
// and raft_store.go. conf.go reads sentinel.conf, conf_rewrite.go writes it, and
// conf_edits.go says what a change in it means.
//
// It knows nothing of the data server. Raft's library is known to three files (raft.go,
// raft_store.go, raft_memory.go).
//
// Source: https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/ and
// https://raft.github.io/raft.pdf
package sentinel
