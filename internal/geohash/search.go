package geohash

import "math"

// earthRadius is in meters.
const earthRadius = 6372797.560856

const degree = math.Pi / 180 // in radians

func radians(degrees float64) float64 { return degrees * degree }
func degrees(radians float64) float64 { return radians / degree }

// Distance returns how far two places are apart, in meters, on a sphere.
func Distance(a, b Point) float64 {
	v := sin((radians(b.Lon) - radians(a.Lon)) / 2)
	if v == 0 {
		return latDistance(a.Lat, b.Lat)
	}
	lat1, lat2 := radians(a.Lat), radians(b.Lat)
	u := sin((lat2 - lat1) / 2)
	h := float64(u*u) + float64(float64(float64(cos(lat1)*cos(lat2))*v)*v)
	return 2.0 * earthRadius * asin(math.Sqrt(h))
}

// within reports whether two places are at most so many meters apart, and only where
// that is a close thing computes as Distance does. What is no number counts as near,
// as in Redis.
func within(a, b Point, limit float64) bool {
	v, u := math.Sin(radians(b.Lon-a.Lon)/2), math.Sin(radians(b.Lat-a.Lat)/2)
	rough := 2 * earthRadius * math.Asin(math.Sqrt(u*u+math.Cos(radians(a.Lat))*math.Cos(radians(b.Lat))*v*v))
	const doubt = 1e-6 // meters, and as a part of the whole
	if margin := doubt + doubt*rough; math.Abs(rough-limit) > margin {
		return rough < limit
	}
	return !(Distance(a, b) > limit)
}

func latDistance(a, b float64) float64 {
	return earthRadius * math.Abs(radians(b)-radians(a))
}

// Shape is what is searched: the places within a radius of the center, or in a box
// around it. Lengths are in meters.
type Shape struct {
	Center        Point
	Box           bool
	Radius        float64 // unless Box
	Width, Height float64 // if Box
}

// Contains reports whether a place is within the shape, and how far it is from its
// center.
func (s *Shape) Contains(p Point) (distance float64, ok bool) {
	if s.Box {
		if latDistance(p.Lat, s.Center.Lat) > s.Height/2 {
			return 0, false
		}
		if !within(p, Point{s.Center.Lon, p.Lat}, s.Width/2) {
			return 0, false
		}
	} else if !within(s.Center, p, s.Radius) {
		return 0, false
	}
	return Distance(s.Center, p), true
}

// bounds returns a box of degrees around the shape.
func (s *Shape) bounds() area {
	height, width := s.Radius, s.Radius
	if s.Box {
		height, width = s.Height/2, s.Width/2
	}
	c := s.Center
	lat := degrees(height / earthRadius)
	wide := c.Lat + lat // the parallel where the width spans most degrees
	if c.Lat < 0 {
		wide = c.Lat - lat
	}
	lon := degrees(width / earthRadius / cos(radians(wide)))
	return area{lonMin: c.Lon - lon, lonMax: c.Lon + lon, latMin: c.Lat - lat, latMax: c.Lat + lat}
}

// Range is a range of hashes: from Min to Max (exclusive).
type Range struct{ Min, Max uint64 }

// Cover appends the ranges that hold all hashes of places in the shape, and others:
// at most the cell of the center and the eight around it, in the order in which
// Redis searches them.
func (s *Shape) Cover(dst []Range) []Range {
	b := s.bounds()
	center := encode(s.Center, s.steps(), LatMin, LatMax)
	if center.step > 1 && center.tooSmall(b) {
		center = encode(s.Center, center.step-1, LatMin, LatMax)
	}
	a := center.area()
	last := cell{}
	for i, m := range moves {
		if center.step >= 2 && i > 0 && m.useless(a, b) {
			continue
		}
		c := center.move(m.east, m.north)
		if i > 1 && c == last {
			continue // round the world: a cell may be its own neighbour's neighbour
		}
		last = c
		unused := 2 * (StepMax - c.step)
		dst = append(dst, Range{c.bits << unused, (c.bits + 1) << unused})
	}
	return dst
}

type direction struct{ east, north int }

var moves = [...]direction{{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}}

// useless reports whether nothing of b lies in that direction of a.
func (m direction) useless(a, b area) bool {
	return m.north < 0 && a.latMin < b.latMin || m.north > 0 && a.latMax > b.latMax ||
		m.east < 0 && a.lonMin < b.lonMin || m.east > 0 && a.lonMax > b.lonMax
}

// tooSmall reports whether the cell and its neighbours do not reach the ends of b.
func (c cell) tooSmall(b area) bool {
	return c.move(0, 1).area().latMax < b.latMax || c.move(0, -1).area().latMin > b.latMin ||
		c.move(1, 0).area().lonMax < b.lonMax || c.move(-1, 0).area().lonMin > b.lonMin
}

// mercatorMax is half the earth's girth as Mercator's maps have it, in meters.
const mercatorMax = 20037726.37

// steps guesses how many halvings make cells as large as the shape.
func (s *Shape) steps() int {
	r := s.Radius
	if s.Box {
		r = math.Sqrt(float64((s.Width/2)*(s.Width/2)) + float64((s.Height/2)*(s.Height/2)))
	}
	if r == 0 {
		return StepMax
	}
	step := -1 // two less, so that the range is included mostly
	for ; r < mercatorMax; r *= 2 {
		step++
	}
	lat := math.Abs(s.Center.Lat)
	if lat > 66 { // meridians come together
		step--
	}
	if lat > 80 {
		step--
	}
	return min(max(step, 1), StepMax)
}
