package geohash

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func drawPoint(t *rapid.T, name string) Point {
	return Point{
		Lon: rapid.Float64Range(LonMin, LonMax).Draw(t, name+" longitude"),
		Lat: rapid.Float64Range(LatMin, LatMax).Draw(t, name+" latitude"),
	}
}

// A place is less than half a cell from what its hash stands for, and that has the
// same hash.
func TestHashIsTheNearestCell(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawPoint(t, "place")
		h := Encode(p)
		q := Decode(h)
		const half = 1.0 / (1 << (StepMax + 1)) * 1.0001
		if math.Abs(p.Lon-q.Lon) > half*(LonMax-LonMin) || math.Abs(p.Lat-q.Lat) > half*(LatMax-LatMin) {
			t.Fatalf("%v became %v", p, q)
		}
		if h < 1<<52 && Encode(q) != h {
			t.Fatalf("%x became %x", h, Encode(q))
		}
	})
}

// The examples of https://redis.io/docs/latest/commands/geohash/ and geodist/
func TestWellKnownPlaces(t *testing.T) {
	palermo, catania := Decode(3479099956230698), Decode(3479447370796909)
	if got := string(AppendText(nil, palermo)); got != "sqc8b49rny0" {
		t.Errorf("Palermo is at %s", got)
	}
	if got := string(AppendText(nil, catania)); got != "sqdtr74hyu0" {
		t.Errorf("Catania is at %s", got)
	}
	if d := Distance(palermo, catania); math.Abs(d-166274.1516) > 0.0001 {
		t.Errorf("they are %v m apart", d)
	}
	if Encode(Point{13.361389, 38.115556}) != 3479099956230698 {
		t.Error("Palermo has another hash")
	}
}

// Away from the poles and the date line, every place within a shape has its hash in
// one of the ranges, and no two ranges overlap.
func TestCoverHasAllPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Shape{
			Center: Point{rapid.Float64Range(-120, 120).Draw(t, "longitude"), rapid.Float64Range(-50, 50).Draw(t, "latitude")},
			Box:    rapid.Bool().Draw(t, "box"),
		}
		size := rapid.Float64Range(1, 1.2e6)
		s.Radius, s.Width, s.Height = size.Draw(t, "radius"), size.Draw(t, "width"), size.Draw(t, "height")
		ranges := s.Cover(nil)
		for i, a := range ranges {
			for _, b := range ranges[:i] {
				if a.Min < b.Max && b.Min < a.Max {
					t.Fatalf("%v overlaps %v", a, b)
				}
			}
		}
		b := s.bounds()
		for range 50 {
			p := Point{
				rapid.Float64Range(b.lonMin, b.lonMax).Draw(t, "longitude"),
				rapid.Float64Range(b.latMin, b.latMax).Draw(t, "latitude"),
			}
			h := Encode(p)
			if _, in := s.Contains(Decode(h)); in && !covered(ranges, h) {
				t.Fatalf("%v, %v m from the center, is in no range", p, Distance(p, s.Center))
			}
		}
	})
}

func covered(ranges []Range, hash uint64) bool {
	for _, r := range ranges {
		if r.Min <= hash && hash < r.Max {
			return true
		}
	}
	return false
}

// Comparing roughly decides as comparing exactly does.
func TestWithinAgreesWithDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawPoint(t, "a"), drawPoint(t, "b")
		d := Distance(a, b)
		limit := d
		switch rapid.IntRange(0, 3).Draw(t, "limit") {
		case 0:
			limit = math.Nextafter(d, 0)
		case 1:
			limit = math.Nextafter(d, math.Inf(1))
		case 2:
			limit = d * rapid.Float64Range(0, 2).Draw(t, "factor")
		}
		if within(a, b, limit) != (d <= limit) {
			t.Fatalf("%v, %v: %v m, limit %v: within is %v", a, b, d, limit, within(a, b, limit))
		}
	})
}
