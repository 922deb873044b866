package hll

import "math"

// histogram counts the registers of each value.
type histogram [registerMax + 1]int

// Count estimates how many different elements were added to a sketch.
func Count(b []byte) (uint64, error) {
	var h histogram
	if IsDense(b) {
		h.addDense(b)
		return h.estimate(), nil
	}
	if err := eachRun(b, func(_ int, r run) { h[r.value] += r.length }); err != nil {
		return 0, err
	}
	return h.estimate(), nil
}

// addDense counts the registers of a dense sketch, four in three bytes.
func (h *histogram) addDense(b []byte) {
	for p := b[headerBytes:]; len(p) >= 3; p = p[3:] {
		four := uint(p[0]) | uint(p[1])<<8 | uint(p[2])<<16
		h[four&registerMax]++
		h[four>>6&registerMax]++
		h[four>>12&registerMax]++
		h[four>>18]++
	}
}

// estimate is the improved raw estimator of Ertl's paper, section 4. The
// conversions keep compilers from fusing a multiplication with an addition: every
// machine is to get the same number.
func (h *histogram) estimate() uint64 {
	const (
		m     = float64(Registers)
		alpha = 0.721347520444481703680 // 1/(2 ln 2)
	)
	z := float64(m * tau((m-float64(h[rankBits+1]))/m))
	for i := rankBits; i >= 1; i-- {
		z = float64(z+float64(h[i])) * 0.5
	}
	z += float64(m * sigma(float64(h[0])/m))
	if z == 0 {
		return 1 << 63 // no sketch of ours; Redis's conversion of infinity
	}
	return uint64(math.Round(alpha * m * m / z))
}

func sigma(x float64) float64 {
	if x == 1 {
		return math.Inf(1)
	}
	y, z := 1.0, x
	for {
		x *= x
		before := z
		z += float64(x * y)
		y += y
		if z == before {
			return z
		}
	}
}

func tau(x float64) float64 {
	if x == 0 || x == 1 {
		return 0
	}
	y, z := 1.0, 1-x
	for {
		x = math.Sqrt(x)
		before := z
		y *= 0.5
		z -= float64(float64((1-x)*(1-x)) * y)
		if z == before {
			return z / 3
		}
	}
}

// Union holds the registers of several sketches together. The zero value is that of
// none.
type Union [Registers]uint8

// Add makes a sketch part of the union.
func (u *Union) Add(b []byte) error {
	if IsDense(b) {
		for i := range u {
			u[i] = max(u[i], denseRegister(b, i))
		}
		return nil
	}
	return eachRun(b, func(at int, r run) {
		for i := at; r.value > 0 && i < at+r.length; i++ {
			u[i] = max(u[i], r.value)
		}
	})
}

// Count estimates how many different elements the sketches have seen together.
func (u *Union) Count() uint64 {
	var h histogram
	for _, v := range u {
		h[v&registerMax]++
	}
	return h.estimate()
}

// MergeInto raises the registers of a sketch to those of the union, as [Set] does.
func (u *Union) MergeInto(b []byte, sparseMax int) ([]byte, error) {
	var c cursor
	for i, v := range u {
		if v == 0 {
			continue
		}
		p, err := Place{i, v}, error(nil)
		if IsDense(b) {
			setDense(b, p)
		} else if b, _, err = c.set(b, p, sparseMax); err != nil {
			return nil, err
		}
	}
	return b, nil
}
