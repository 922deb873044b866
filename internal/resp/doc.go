// Package resp reads and writes RESP, the protocol between Redis clients and
// servers: https://redis.io/docs/latest/develop/reference/protocol-spec/
//
// A server uses [Parser] to cut commands out of bytes as they arrive and
// [Writer] to append replies. A client uses [AppendCommand] and [Reader], which
// yields [Value]s. An error that a client is to read is an [*Error].
//
// The package owns no connection and starts no goroutine. Whatever the wire
// announces is limited before memory is spent on it.
package resp
