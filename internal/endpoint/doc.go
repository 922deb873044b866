// Package endpoint opens listeners and turns accepted connections into ones an
// event loop can drive without ever blocking.
//
// [Serve] accepts (through redcon's server, whose readers stay out of the way:
// see docs/decisions) and hands each connection on. A [Poller] tells the loop
// which connections are ready: plain sockets through epoll on Linux, everything
// else (TLS, in-memory transports, other platforms) through one reading and one
// writing goroutine per connection. The loop sees one [Conn] either way.
//
// It knows nothing of RESP, sessions or commands.
package endpoint
