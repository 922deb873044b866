package lzf

// AppendDecompress appends to dst what src decompresses to, which must be exactly
// n bytes. On ErrCorrupt it returns dst unchanged. The caller bounds n, by
// [MaxRatio] times the length of src at the most.
func AppendDecompress(dst, src []byte, n int) ([]byte, error) {
	start := len(dst)
	out := grow(dst, n)
	end := start + n
	for i := 0; i < len(src); {
		ctrl := int(src[i])
		i++
		if ctrl < maxLiteral {
			ctrl++
			if i+ctrl > len(src) || len(out)+ctrl > end {
				return dst, ErrCorrupt
			}
			out = append(out, src[i:i+ctrl]...)
			i += ctrl
			continue
		}
		length := ctrl >> 5
		if length == 7 {
			if i >= len(src) {
				return dst, ErrCorrupt
			}
			length += int(src[i])
			i++
		}
		length += 2
		if i >= len(src) {
			return dst, ErrCorrupt
		}
		ref := len(out) - (ctrl&0x1f)<<8 - int(src[i]) - 1
		i++
		if ref < start || len(out)+length > end {
			return dst, ErrCorrupt
		}
		out = appendCopy(out, ref, length)
	}
	if len(out) != end {
		return dst, ErrCorrupt
	}
	return out, nil
}

// grow returns dst with room for n more bytes.
func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) >= n {
		return dst
	}
	out := make([]byte, len(dst), len(dst)+n)
	copy(out, dst)
	return out
}

// appendCopy appends length bytes of out from ref on; the two may overlap, which
// repeats the bytes between. out has room for them.
func appendCopy(out []byte, ref, length int) []byte {
	if ref+length <= len(out) {
		return append(out, out[ref:ref+length]...)
	}
	for range length {
		out = append(out, out[ref])
		ref++
	}
	return out
}
