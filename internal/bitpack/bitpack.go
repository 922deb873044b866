// Package bitpack keeps runs of integers that are much alike in few bits: as what each
// exceeds the smallest of them by, or, where that takes less, as how much each exceeds
// the one before.
//
// What it reads is what it wrote itself: other bytes give a panic or other numbers.
package bitpack

import (
	"encoding/binary"
	"math/bits"
)

// A run begins with a byte: how many bits a number takes, and whether they are
// differences. Then come, as varints, the first number and the smallest difference, or
// the smallest number. The numbers follow, low bits first, one behind the other.
const differences = 0x80

// Append appends the run to dst. How many numbers there are is for the caller to
// remember.
func Append(dst []byte, run []int64) []byte {
	if len(run) == 0 {
		return dst
	}
	least, step := run[0], int64(0)
	if len(run) > 1 {
		step = run[1] - run[0] // differences may wrap around: so do the sums that undo them
	}
	last := run[0]
	for _, n := range run[1:] {
		least, step = min(least, n), min(step, n-last)
		last = n
	}
	over, stepOver := uint64(run[0]-least), uint64(0)
	last = run[0]
	for _, n := range run[1:] {
		over |= uint64(n - least)
		stepOver |= uint64(n - last - step)
		last = n
	}
	width, stepWidth := widthOf(over), widthOf(stepOver)
	const more = 9 // what a second number in front takes at the most
	if sizeOf(len(run)-1, stepWidth)+more >= sizeOf(len(run), width) {
		dst = binary.AppendVarint(append(dst, byte(width)), least)
		return pack(dst, run, width, least, nil)
	}
	dst = binary.AppendVarint(append(dst, differences|byte(stepWidth)), run[0])
	dst = binary.AppendVarint(dst, step)
	return pack(dst, run[1:], stepWidth, run[0]+step, &step)
}

// widthOf is how many bits numbers get whose bits are all in n. What begins anywhere in
// a byte and has up to 57 lies in eight bytes; more are rounded up to those.
func widthOf(n uint64) int {
	if width := bits.Len64(n); width <= 57 {
		return width
	}
	return 64
}

// sizeOf is how many bytes n numbers take.
func sizeOf(n, width int) int { return (n*width + 7) / 8 }

// pack appends what the numbers exceed base by, which is the number before and step
// after the first, if there is a step.
func pack(dst []byte, run []int64, width int, base int64, step *int64) []byte {
	if width == 0 {
		return dst
	}
	acc, held := uint64(0), 0 // bits that are not in dst yet
	for _, n := range run {
		over := uint64(n - base)
		acc |= over << held
		if held += width; held >= 64 {
			dst = binary.LittleEndian.AppendUint64(dst, acc)
			held -= 64
			acc = over >> (width - held)
		}
		if step != nil {
			base = n + *step
		}
	}
	for ; held > 0; held -= 8 {
		dst = append(dst, byte(acc))
		acc >>= 8
	}
	return dst
}

// Decode fills run with the numbers of a run of as many, and returns what is behind
// it in src.
func Decode(run []int64, src []byte) (rest []byte) {
	if len(run) == 0 {
		return src
	}
	form := src[0]
	base, src := varint(src[1:])
	if form&differences == 0 {
		src = unpack(run, src, int(form))
		for i := range run {
			run[i] += base
		}
		return src
	}
	step, src := varint(src)
	src = unpack(run[1:], src, int(form&^differences))
	run[0] = base
	for i := range run[1:] {
		base += run[i+1] + step
		run[i+1] = base
	}
	return src
}

func varint(src []byte) (int64, []byte) {
	n, size := binary.Varint(src)
	return n, src[size:]
}

// unpack undoes pack.
func unpack(run []int64, src []byte, width int) (rest []byte) {
	if width == 0 {
		clear(run)
		return src
	}
	size := sizeOf(len(run), width)
	rest = src[size:]
	mask := uint64(1)<<width - 1
	i, bit := 0, 0
	for ; i < len(run) && bit/8+8 <= len(src); i, bit = i+1, bit+width {
		run[i] = int64(binary.LittleEndian.Uint64(src[bit/8:]) >> (bit % 8) & mask)
	}
	if i == len(run) {
		return rest
	}
	var tail [16]byte // fewer than eight bytes are left
	copy(tail[:], src[bit/8:])
	for bit %= 8; i < len(run); i, bit = i+1, bit+width {
		run[i] = int64(binary.LittleEndian.Uint64(tail[bit/8:]) >> (bit % 8) & mask)
	}
	return rest
}
