// Package hll is the HyperLogLog of Redis: an estimate of how many different
// elements were added, in at most 12 KiB, with a standard error of 0.81 %.
//
// A sketch is a plain []byte in the representation that GET, DUMP and replication
// show, so every byte is Redis's:
//
//	"HYLL"  encoding  3 unused bytes  cached count (8, little endian)  registers
//
// A register keeps the longest run of zeros seen among the hashes that fall to it.
// Dense, 16384 registers lie packed, six bits each. Sparse, they are run lengths:
//
//	00nnnnnn           n+1 registers are zero
//	01nnnnnn nnnnnnnn  n+1 registers are zero
//	1vvvvvnn           n+1 registers are v+1
//
// A sketch is made sparse and becomes dense when it grows too long or a value too
// high; never the other way round. Clients may store what they like under a key, so
// nothing here trusts its input: after [Valid], each function returns [ErrCorrupt]
// or an estimate, whatever the bytes are.
//
// Sources: https://redis.io/docs/latest/develop/data-types/probabilistic/hyperloglogs/
// and O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches".
package hll
