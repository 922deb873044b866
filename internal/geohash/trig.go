package geohash

import "math"

// The functions of package math are off by the last bit now and then. C's, which
// Redis uses, hardly ever are, and STOREDIST makes distances scores of 17 digits. So
// these compute with twice the digits where it matters, and round once.

// double is the sum of two floats, of which lo is less than half of hi's last bit.
type double struct{ hi, lo float64 }

func twoSum(a, b float64) double {
	s := a + b
	t := s - a
	return double{s, (a - (s - t)) + (b - t)}
}

func twoProduct(a, b float64) double {
	p := a * b
	return double{p, math.FMA(a, b, -p)}
}

func (a double) plus(b double) double {
	s := twoSum(a.hi, b.hi)
	return quickSum(s.hi, s.lo+a.lo+b.lo)
}

func (a double) times(b double) double {
	p := twoProduct(a.hi, b.hi)
	return quickSum(p.hi, p.lo+(a.hi*b.lo+a.lo*b.hi))
}

// quickSum is twoSum where a is the larger.
func quickSum(a, b float64) double {
	s := a + b
	return double{s, b - (s - a)}
}

// A quarter turn, in two floats.
const (
	quarterHi = math.Pi / 2
	quarterLo = 6.123233995736766e-17
)

// reduceMax is the angle up to which reduce works.
const reduceMax = 4

// reduce takes quarter turns away from x, and returns how many and what is left, at
// most half a quarter turn.
func reduce(x float64) (quarters int, rest double) {
	n := math.RoundToEven(x / quarterHi)
	s := twoSum(x, -n*quarterHi) // n is a small power of two: exact, but for 3
	if n == 3 || n == -3 {
		p := twoProduct(n, quarterHi)
		s = twoSum(x, -p.hi)
		s.lo -= p.lo
	}
	return int(n) & 3, quickSum(s.hi, s.lo-n*quarterLo)
}

// The first coefficients of the series of sine and cosine, in two floats; the others
// are too small to matter beyond one.
var (
	minusSixth = double{-1.0 / 6, -9.25185853854297066e-18}
	by120      = double{1.0 / 120, 1.15648231731787138e-19}
	minus5040  = double{-1.0 / 5040, -1.72095582934207053e-22}
	by24       = double{1.0 / 24, 2.31296463463574266e-18}
	minus720   = double{-1.0 / 720, 5.30054395437357706e-20}
)

// sinSmall and cosSmall take at most an eighth of a turn.
func sinSmall(t double) double {
	q := t.times(t)
	x := q.hi
	tail := x * x * (1.0/362880 - x*(1.0/39916800-x*(1.0/6227020800-x*(1.0/1307674368000-x*(1.0/355687428096000-x/121645100408832000)))))
	sum := minus5040.times(q).plus(double{hi: tail}).plus(by120)
	sum = sum.times(q).plus(minusSixth).times(q)
	return sum.times(t).plus(t)
}

func cosSmall(t double) double {
	q := t.times(t)
	x := q.hi
	tail := x * x * (1.0/40320 - x*(1.0/3628800-x*(1.0/479001600-x*(1.0/87178291200-x*(1.0/20922789888000-x*(1.0/6402373705728000-x/2432902008176640000))))))
	sum := minus720.times(q).plus(double{hi: tail}).plus(by24)
	sum = sum.times(q).plus(double{hi: -0.5}).times(q)
	return double{hi: 1}.plus(sum)
}

func sinDouble(x float64) double {
	quarters, t := reduce(x)
	var r double
	if quarters&1 == 0 {
		r = sinSmall(t)
	} else {
		r = cosSmall(t)
	}
	if quarters&2 != 0 {
		return double{-r.hi, -r.lo}
	}
	return r
}

func sin(x float64) float64 {
	if !(math.Abs(x) < reduceMax) || x == 0 {
		return math.Sin(x)
	}
	r := sinDouble(x)
	return r.hi + r.lo
}

func cos(x float64) float64 {
	if !(math.Abs(x) < reduceMax) {
		return math.Cos(x)
	}
	quarters, t := reduce(x)
	r := cosSmall(t)
	if quarters&1 != 0 {
		r = sinSmall(t)
	}
	if quarters == 1 || quarters == 2 {
		return -r.hi - r.lo
	}
	return r.hi + r.lo
}

// asin improves what math has by one step of Newton's method.
func asin(x float64) float64 {
	y := math.Asin(x)
	s := sinDouble(y)
	slope := math.Cos(y)
	if !(slope > 1e-8) || x == 0 {
		return y
	}
	return y + (x-s.hi-s.lo)/slope
}
