package geohash

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

const testBits = 200

// seriesSin is the sine by its series, in many digits.
func seriesSin(x *big.Float) *big.Float {
	term, sum := new(big.Float).Copy(x), new(big.Float).Copy(x)
	square := new(big.Float).Mul(x, x)
	for n := int64(2); n < 80; n += 2 {
		term.Mul(term, square)
		term.Quo(term, new(big.Float).SetInt64(-n*(n+1)))
		sum.Add(sum, term)
	}
	return sum
}

func bigOf(x float64) *big.Float { return new(big.Float).SetPrec(testBits).SetFloat64(x) }

func seriesCos(x *big.Float) *big.Float {
	term := bigOf(1)
	sum := bigOf(1)
	square := new(big.Float).Mul(x, x)
	for n := int64(1); n < 80; n += 2 {
		term.Mul(term, square)
		term.Quo(term, new(big.Float).SetInt64(-n*(n+1)))
		sum.Add(sum, term)
	}
	return sum
}

// Sine, cosine and arc sine are the nearest floats.
func TestTrigonometryIsRoundedOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		x := (r.Float64()*2 - 1) * math.Pow(2, -r.Float64()*20) * math.Pi
		if want, _ := seriesSin(bigOf(x)).Float64(); sin(x) != want {
			t.Fatalf("sin(%v) = %v, want %v", x, sin(x), want)
		}
		if want, _ := seriesCos(bigOf(x)).Float64(); cos(x) != want {
			t.Fatalf("cos(%v) = %v, want %v", x, cos(x), want)
		}
		y := r.Float64()
		got := asin(y)
		up, down := bigOf(math.Nextafter(got, 2)), bigOf(math.Nextafter(got, -2))
		half := func(a *big.Float) *big.Float {
			m := new(big.Float).Add(a, bigOf(got))
			return m.Quo(m, bigOf(2))
		}
		if seriesSin(half(up)).Cmp(bigOf(y)) < 0 || seriesSin(half(down)).Cmp(bigOf(y)) > 0 {
			t.Fatalf("asin(%v) = %v is not the nearest", y, got)
		}
	}
}

func BenchmarkDistance(b *testing.B) {
	a, c := Point{13.361389, 38.115556}, Point{15.087269, 37.502669}
	for b.Loop() {
		Distance(a, c)
	}
}
