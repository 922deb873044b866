package command

import (
	"bytes"
	"math/big"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace"
)

var errNotFloat = resp.Errorf("ERR value is not a valid float")

// Redis computes with x86's long double: 64 bits of mantissa, exponents to ±16384.
const (
	longDoubleBits   = 64
	longDoubleMaxExp = 16384
	longDoubleMinExp = -16445 // the smallest denormal is 2^-16445
	maxFloatText     = 5 * 1024
)

// parseLongDouble reads a decimal as strtold would, in its precision. Infinities
// are recognised by inf; what over- or underflows is no float.
func parseLongDouble(b []byte) (f *big.Float, inf int, ok bool) {
	if len(b) == 0 || len(b) > maxFloatText || isSpaceByte(b[0]) {
		return nil, 0, false
	}
	s := strings.ToLower(string(b))
	switch strings.TrimLeft(s, "+-") {
	case "inf", "infinity":
		if strings.HasPrefix(s, "-") {
			return nil, -1, len(s)-len(strings.TrimLeft(s, "+-")) == 1
		}
		return nil, 1, len(s)-len(strings.TrimLeft(s, "+-")) <= 1
	}
	if !plausibleFloat(s) {
		return nil, 0, false
	}
	f, _, err := big.ParseFloat(s, 0, longDoubleBits, big.ToNearestEven)
	if err != nil || f.IsInf() {
		return nil, 0, false
	}
	if f.Sign() != 0 && (f.MantExp(nil) > longDoubleMaxExp || f.MantExp(nil) < longDoubleMinExp) {
		return nil, 0, false
	}
	if f.Sign() == 0 && strings.ContainsAny(strings.SplitN(strings.TrimPrefix(strings.TrimLeft(s, "+-"), "0x"), "e", 2)[0], "123456789") {
		return nil, 0, false // underflow
	}
	return f, 0, true
}

// plausibleFloat keeps what big.ParseFloat would accept and strtold would not
// (underscores, 0b and 0o), and exponents whose parsing would take for ever, out.
func plausibleFloat(s string) bool {
	s = strings.TrimLeft(s, "+-")
	hex := strings.HasPrefix(s, "0x")
	if hex {
		s = s[2:]
	}
	mark := "e"
	if hex {
		mark = "p"
	}
	mantissa, exp, has := strings.Cut(s, mark)
	digits := "0123456789."
	if hex {
		digits += "abcdef"
	}
	if mantissa == "" || strings.Trim(mantissa, digits) != "" || strings.Count(mantissa, ".") > 1 || mantissa == "." {
		return false
	}
	if !has {
		return true
	}
	exp = strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(exp, "+"), "-"), "0")
	return strings.Trim(exp, "0123456789") == "" && len(exp) <= 5
}

func isSpaceByte(ch byte) bool { return ch == ' ' || ch >= '\t' && ch <= '\r' }

// appendLongDouble prints as Redis's human form does: 17 places, trailing zeros
// cut off.
func appendLongDouble(dst []byte, f *big.Float) []byte {
	b := f.Append(dst, 'f', 17)
	if bytes.IndexByte(b[len(dst):], '.') >= 0 {
		b = bytes.TrimRight(b, "0")
		b = bytes.TrimSuffix(b, []byte("."))
	}
	if string(b[len(dst):]) == "-0" {
		b = append(b[:len(dst)], '0')
	}
	return b
}

// INCRBYFLOAT key increment
func cmdIncrByFloat(c *Ctx) error {
	key := c.Args[1]
	e, there, err := c.FindString(key)
	if err != nil {
		return err
	}
	sum, inf := new(big.Float).SetPrec(longDoubleBits), 0
	if there {
		var ok bool
		if sum, inf, ok = parseLongDouble(e.Bytes()); !ok {
			return errNotFloat
		}
	}
	by, byInf, ok := parseLongDouble(c.Args[2])
	if !ok {
		return errNotFloat
	}
	if inf != 0 || byInf != 0 {
		return resp.Errorf("ERR increment would produce NaN or Infinity")
	}
	sum = new(big.Float).SetPrec(longDoubleBits).Add(sum, by)
	if sum.Sign() != 0 && sum.MantExp(nil) > longDoubleMaxExp {
		return resp.Errorf("ERR increment would produce NaN or Infinity")
	}
	text := appendLongDouble(nil, sum)
	enc := keyspace.Raw
	if len(text) <= keyspace.EmbstrMax {
		enc = keyspace.Embstr
	}
	if err := c.StoreAs(key, text, enc, keyspace.SetOpt{KeepTTL: true}); err != nil {
		return err
	}
	c.Effect(wordSET, key, text, wordKEEPTTL)
	c.Changed(String, "incrbyfloat", key)
	c.Out.Bulk(text)
	return nil
}
