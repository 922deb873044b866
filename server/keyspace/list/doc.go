// Package list holds the lists that are too long for a blob in the keyspace: the
// type of Redis's quicklist, a sequence of nodes each of which is a listpack.
//
// Which elements share a node is decided exactly as in Redis, so that DUMP gives the
// same bytes: see node.go for when a node takes an element, edit.go for where an
// element goes that its node does not take. A node with a single huge element is
// plain, the element's bytes and nothing else.
//
// The nodes hang in a tree whose branches count the elements below them, so that an
// element is found by its index in logarithmic time; the ends are as near (tree.go).
//
// [List.Freeze] shares the whole tree in constant time. Branches and nodes know
// which list owns them; a list copies those of others on its way to what it changes.
// A frozen list may be read by another goroutine while the original changes.
// Otherwise nothing is safe for concurrent use.
//
// With a Depth, nodes far from the ends are compressed (compress.go).
//
// A list may be Packed: that of the encoding listpack, whose only node takes
// elements without regard to limits until the commands turn it into a quicklist.
package list
