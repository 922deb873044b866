// Package lzf is the compression RDB files use for strings: LZF, a fast
// Lempel-Ziv variant with an 8 KiB window.
//
// The compressed form is a sequence of runs. A first byte below 32 is followed
// by that many literal bytes plus one. Any other first byte is a reference: its
// top three bits hold the length minus two (seven means: add the next byte), its
// low five bits and one more byte the distance minus one.
//
// What [Compressor] produces equals, byte for byte, what Redis's build of liblzf
// makes of the same input from a clean table, so that DUMP payloads can be
// compared. What [AppendDecompress] accepts is any valid sequence.
//
// Source: http://oldhome.schmorp.de/marc/liblzf.html
package lzf

import "errors"

// ErrCorrupt says that a compressed sequence is cut short, refers to bytes
// before its start, or does not produce exactly the announced length.
var ErrCorrupt = errors.New("lzf: corrupt compressed data")

const (
	maxLiteral  = 1 << 5      // bytes of one literal run
	maxDistance = 1 << 13     // how far back a reference may reach
	maxMatch    = 1<<8 + 1<<3 // bytes one reference copies, two less than the form allows
	hashBits    = 16          // slots of the table: the compressor's choice, not the format's
	hashMask    = 1<<hashBits - 1
)

// MaxRatio bounds how many bytes one compressed byte can turn into: three bytes
// copy at most 264.
const MaxRatio = 88
