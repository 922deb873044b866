// Package geohash is the geometry of geographic indexes: places on earth as 52-bit
// numbers, how far they are apart, and which ranges of numbers cover a search.
//
// A hash halves the ranges of latitude and longitude again and again; the bits of
// both alternate, so that places near to each other mostly have near numbers. As in
// Redis, latitudes end where the web's Mercator maps do. Everything here is pure, and
// computes in the order Redis does: results are the same to the last bit.
package geohash

// The ranges of coordinates, in degrees.
const (
	LonMin, LonMax = -180.0, 180.0
	LatMin, LatMax = -85.05112878, 85.05112878
)

// StepMax is the number of halvings of a whole hash: 52 bits.
const StepMax = 26

// Point is a place, in degrees.
type Point struct{ Lon, Lat float64 }

// Valid reports whether a place has a hash.
func (p Point) Valid() bool {
	return p.Lon >= LonMin && p.Lon <= LonMax && p.Lat >= LatMin && p.Lat <= LatMax
}

// Encode returns the hash of a valid place.
func Encode(p Point) uint64 { return encode(p, StepMax, LatMin, LatMax).bits }

// Decode returns the middle of the cell of a hash.
func Decode(hash uint64) Point {
	a := cell{hash, StepMax}.area()
	return Point{
		Lon: min(max((a.lonMin+a.lonMax)/2, LonMin), LonMax),
		Lat: min(max((a.latMin+a.latMax)/2, LatMin), LatMax),
	}
}

// textLen is the length of a geohash as text.
const textLen = 11

// AppendText appends the geohash of a place as it is customary elsewhere: eleven
// letters and digits, latitudes from pole to pole. The last digit is always 0, as
// 52 bits do not reach it.
func AppendText(dst []byte, p Point) []byte {
	const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"
	bits := encode(p, StepMax, -90, 90).bits
	for i := 1; i < textLen; i++ {
		dst = append(dst, alphabet[bits>>(2*StepMax-5*i)&31])
	}
	return append(dst, alphabet[0])
}

// cell is a hash of fewer halvings, which stands for an area. Its bits of longitude
// are the odd ones.
type cell struct {
	bits uint64
	step int
}

func encode(p Point, step int, latMin, latMax float64) cell {
	lat := (p.Lat - latMin) / (latMax - latMin)
	lon := (p.Lon - LonMin) / (LonMax - LonMin)
	size := float64(uint64(1) << step)
	return cell{spread(uint32(lat*size)) | spread(uint32(lon*size))<<1, step}
}

// spread puts a zero before each bit.
func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & evenBits
}

// gather takes every second bit: it undoes spread.
func gather(x uint64) uint32 {
	x &= evenBits
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0f0f0f0f0f0f0f0f
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return uint32(x | x>>16)
}

const (
	evenBits = 0x5555555555555555
	oddBits  = 0xaaaaaaaaaaaaaaaa
)

// area is what a cell covers, in degrees.
type area struct{ lonMin, lonMax, latMin, latMax float64 }

func (c cell) area() area {
	lat, lon := float64(gather(c.bits)), float64(gather(c.bits>>1))
	size := float64(uint64(1) << c.step)
	// The conversions keep compilers from fusing multiplication and addition.
	return area{
		lonMin: LonMin + float64(lon/size*(LonMax-LonMin)),
		lonMax: LonMin + float64((lon+1)/size*(LonMax-LonMin)),
		latMin: LatMin + float64(lat/size*(LatMax-LatMin)),
		latMax: LatMin + float64((lat+1)/size*(LatMax-LatMin)),
	}
}

// move returns the neighbour so many cells to the east and to the north, each -1, 0
// or 1. It goes round the world.
func (c cell) move(east, north int) cell {
	unused := 64 - 2*c.step
	lon := shift(c.bits&oddBits, evenBits>>unused, oddBits>>unused, east)
	lat := shift(c.bits&evenBits, oddBits>>unused, evenBits>>unused, north)
	return cell{lon | lat, c.step}
}

// shift adds by to the number whose bits are those of own; gaps are the bits between
// them, over which the carry must go. What is not moved stays as it is: on the edge
// of the world a number may have a bit more than others.
func shift(v, gaps, own uint64, by int) uint64 {
	switch by {
	case 0:
		return v
	case 1:
		v += gaps + 1
	case -1:
		v = (v | gaps) - (gaps + 1)
	}
	return v & own
}
