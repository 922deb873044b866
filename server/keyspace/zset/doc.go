// Package zset holds sorted sets: members with scores, in the order of score and
// then member.
//
// A small one is a listpack of members and scores in turn (packed.go). A big one
// is a [Set], which keeps each member once, in the leaf of a counted B+tree:
//
//   - leaves (leaf.go) are byte strings of about two KiB, without pointers: the
//     scores of their entries, then where the members end, then the members;
//   - inner nodes (tree.go) hold for each child its first score, the beginning of
//     its first member and the number of entries below it, so that ranks are found
//     and searched for in O(log n);
//   - the index (index.go) finds a member's leaf by the member's hash.
//
// All nodes are copied when written to if a frozen copy may share them: a node
// carries the generation of the Set that wrote it, and [Set.Freeze] begins a new
// generation on both sides.
//
// [View] reads both forms alike.
package zset
