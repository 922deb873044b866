// Package dict is a hash table from bytes to bytes for collections that may have
// tens of millions of entries: the fields of a hash, the members of a set.
//
// The entries of a bucket lie one after the other in a page of bytes, so that an
// entry costs a few bytes more than its key and its value, and the collector sees
// one object without pointers for a dozen of them. Entries that are long lie
// outside of their page.
//
// The table grows and shrinks by linear hashing: an insertion splits at most one
// page, a deletion merges at most two, so no operation takes long. Buckets are
// walked in the order of their reversed bits, which lets [Dict.Scan] pass every
// entry that is there all the time, whatever happens to the table meanwhile.
//
// [Dict.Freeze] shares everything between two tables in constant time. Each knows
// which pages are its own, and copies others before it changes them; so a frozen
// table may be read by another goroutine while the original changes. Otherwise
// nothing is safe for concurrent use.
//
// The package knows no types of Redis; it reads no clock and starts no goroutine.
package dict
