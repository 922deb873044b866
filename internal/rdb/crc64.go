package rdb

import "encoding/binary"

// crcTables holds, for each of the eight bytes of a word, what it does to the
// checksum. Jones's polynomial, reflected, no initial or final inversion:
// hash/crc64 inverts, so its tables would do but not its Update.
var crcTables = makeCRCTables()

func makeCRCTables() (t [8][256]uint64) {
	const reflectedJones = 0x95ac9329ac4bc9b5 // 0xad93d23594c935a9 read from the other end
	for i := range t[0] {
		crc := uint64(i)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low == 1 {
				crc ^= reflectedJones
			}
		}
		t[0][i] = crc
	}
	for i := range t[0] {
		crc := t[0][i]
		for k := 1; k < 8; k++ {
			crc = t[0][byte(crc)] ^ crc>>8
			t[k][i] = crc
		}
	}
	return t
}

// CRC64 continues the checksum crc (0 to begin) over p: the one at the end of RDB
// files and DUMP payloads. Of "123456789" it is e9c6d914c4b8d9ca.
func CRC64(crc uint64, p []byte) uint64 {
	t := &crcTables
	for len(p) >= 8 {
		crc ^= binary.LittleEndian.Uint64(p)
		crc = t[7][byte(crc)] ^ t[6][byte(crc>>8)] ^ t[5][byte(crc>>16)] ^ t[4][byte(crc>>24)] ^
			t[3][byte(crc>>32)] ^ t[2][byte(crc>>40)] ^ t[1][byte(crc>>48)] ^ t[0][crc>>56]
		p = p[8:]
	}
	for _, b := range p {
		crc = t[0][byte(crc)^b] ^ crc>>8
	}
	return crc
}
