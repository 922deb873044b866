// Package client is a small RESP client for connections that our own processes
// keep: Sentinel's links, a replica's link to its master, tools.
//
// [Conn] is synchronous: commands and replies in step, or pipelined, each call
// bounded by a context. [Link] is asynchronous, for links that live long: commands
// never wait, replies come to callbacks in order with their time of arrival, push
// and Pub/Sub messages to a callback of their own. There is no pool, no retry and
// no reconnect; whoever owns a connection decides when to make another.
package client
