// Package listpack reads and edits listpacks: sequences of strings and integers in
// one block of memory, the form Redis gives small collections, the nodes of lists
// and streams, and their RDB encodings.
//
//	lp := listpack.New()
//	lp = listpack.Append(lp, []byte("hello"))
//	lp = listpack.Append(lp, []byte("17")) // kept as an integer
//	for at := listpack.First(lp); at >= 0; at = listpack.Next(lp, at) {
//		e := listpack.Get(lp, at)
//	}
//
// A listpack is a plain []byte. Places in it are offsets, -1 where there is none;
// they are good until the next edit. Edits work in place where the capacity allows
// and return the slice, as append does. Functions do not check what they are given:
// bytes from outside go through [Validate] first.
//
// Layout: the size of it all (4 bytes, little endian), the number of elements (2
// bytes, 65535: not known), the elements, and 0xff. Behind each element stands its
// size, in 1 to 5 bytes of seven bits, most significant first, all but the first
// with the top bit set, so that it can be read backwards.
package listpack
