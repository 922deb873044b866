// Package stream is the value of a stream: entries in the order of their ids, and
// the consumer groups that read them.
//
//	s := stream.New()
//	id, err := s.Add(&packer, stream.Limits{}, id, fields)
//	for it := s.Range(&packer, from, to); it.Next(); {
//		reply(it.Entry())
//	}
//
// # Layout
//
// Entries lie in nodes of about a hundred, listpacks in the very format of Redis,
// so that RDB and DUMP are theirs byte for byte. Only the last node grows; one that
// is full is kept smaller, where that saves something: as columns if all its entries
// have the same fields (columns.go), else compressed as a snapshot would write it.
// Reading unpacks it, see [Packer]. Nodes, the entries pending in a group and those
// pending for a consumer are each kept in a tree by id (tree.go).
//
// # Freezing
//
// [Stream.Freeze] copies the head of the value and shares the rest. Everything
// below the head carries the token of the value that may change it; after a freeze
// both values have new tokens, and whoever comes to something with another token
// copies it first. So a frozen stream may be read by another goroutine, with a
// Packer of its own, while the original changes.
//
// Nothing here is otherwise safe for concurrent use.
//
// Source: https://redis.io/docs/latest/develop/data-types/streams/
package stream
