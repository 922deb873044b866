package command

import (
	"bytes"
	"math"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/keyspace/stream"
)

var (
	errStreamID  = resp.NewError("ERR Invalid stream ID specified as stream command argument")
	errTwoTrims  = resp.NewError("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
	errNoTrim    = resp.NewError("ERR syntax error, XTRIM must be called with a trimming strategy")
	errLimitOnly = resp.NewError("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
	errLimitless = resp.NewError("ERR syntax error, LIMIT cannot be used without the special ~ option")
	errMaxLen    = resp.NewError("ERR The MAXLEN argument must be >= 0.")
	errLimit     = resp.NewError("ERR The LIMIT argument must be >= 0.")
	errFromID    = resp.NewError("ERR invalid start ID for the interval")
	errToID      = resp.NewError("ERR invalid end ID for the interval")
)

// longestID is the length of an argument from which on it is no id.
const longestID = 128

// parseID reads the id of an entry: ms-seq, or ms alone, whose sequence number is
// then missing.
func parseID(arg []byte, missing uint64) (stream.ID, error) {
	id, auto, err := parseNewID(arg, missing)
	if auto {
		return id, errStreamID
	}
	return id, err
}

// parseNewID is parseID of XADD's argument, in which seq may be a star: auto.
func parseNewID(arg []byte, missing uint64) (id stream.ID, auto bool, err error) {
	if len(arg) >= longestID {
		return id, false, errStreamID
	}
	ms, seq, hasSeq := bytes.Cut(cString(arg), []byte("-"))
	var ok bool
	if id.MS, ok = parseUnsigned(ms); !ok {
		return id, false, errStreamID
	}
	switch {
	case !hasSeq:
		id.Seq = missing
		return id, false, nil
	case len(seq) == 1 && seq[0] == '*':
		return id, true, nil
	}
	if id.Seq, ok = parseUnsigned(seq); !ok {
		return id, false, errStreamID
	}
	return id, false, nil
}

// parseAnyID is parseID that also takes - and +, the first and the last id.
func parseAnyID(arg []byte, missing uint64) (stream.ID, error) {
	switch s := cString(arg); {
	case len(arg) < longestID && len(s) == 1 && s[0] == '-':
		return stream.ID{}, nil
	case len(arg) < longestID && len(s) == 1 && s[0] == '+':
		return stream.MaxID, nil
	}
	return parseID(arg, missing)
}

// parseFrom and parseTo read the ends of a range, which an open parenthesis
// excludes.
func parseFrom(arg []byte) (stream.ID, error) {
	if len(arg) < 2 || arg[0] != '(' {
		return parseAnyID(arg, 0)
	}
	id, err := parseID(arg[1:], 0)
	if err != nil {
		return id, err
	}
	id, ok := id.Next()
	if !ok {
		return id, errFromID
	}
	return id, nil
}

func parseTo(arg []byte) (stream.ID, error) {
	if len(arg) < 2 || arg[0] != '(' {
		return parseAnyID(arg, math.MaxUint64)
	}
	id, err := parseID(arg[1:], math.MaxUint64)
	if err != nil {
		return id, err
	}
	id, ok := id.Prev()
	if !ok {
		return id, errToID
	}
	return id, nil
}

// cString is b up to a NUL, where C sees its end.
func cString(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// parseUnsigned reads a number as Redis reads the parts of an id: a plain integer
// that is not negative, or else whatever strtoull takes.
func parseUnsigned(s []byte) (uint64, bool) {
	if n, ok := resp.ParseInt(s); ok {
		return uint64(n), n >= 0
	}
	s = bytes.TrimLeft(s, " \t\n\v\f\r")
	negative := len(s) > 0 && s[0] == '-'
	if negative || len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	n := uint64(0)
	for _, ch := range s {
		d := uint64(ch - '0')
		if ch < '0' || ch > '9' || n > math.MaxUint64/10 || n*10 > math.MaxUint64-d {
			return 0, false
		}
		n = n*10 + d
	}
	if negative {
		n = -n
	}
	return n, len(s) > 0
}

// addOptions are the words of XADD before the fields, and of XTRIM.
type addOptions struct {
	trims    bool
	trim     stream.Trim
	trimAt   int // where in Args the threshold is
	limited  bool
	noCreate bool
	id       stream.ID
	idGiven  bool
	autoSeq  bool
	idAt     int // where in Args the id is; len(Args) if there is none
}

// parseAddOptions reads the options of XADD, or of XTRIM.
func (c *Ctx) parseAddOptions(xadd bool) (o addOptions, err error) {
	i := 2
	for ; i < len(c.Args) && !(xadd && isWord(c.Args[i], '*')); i++ {
		more := len(c.Args) - 1 - i
		switch arg := c.Args[i]; {
		case more > 0 && (fold(arg, "MAXLEN") || fold(arg, "MINID")):
			if i, err = c.parseThreshold(&o, i, fold(arg, "MINID")); err != nil {
				return o, err
			}
		case more > 0 && fold(arg, "LIMIT"):
			i++
			n, ok := resp.ParseInt(c.Args[i])
			if !ok {
				return o, resp.ErrNotInteger
			}
			if n < 0 {
				return o, errLimit
			}
			o.trim.Limit, o.limited = int(n), true
		case xadd && fold(arg, "NOMKSTREAM"):
			o.noCreate = true
		case xadd:
			o.idGiven, o.idAt = true, i
			if o.id, o.autoSeq, err = parseNewID(arg, 0); err != nil {
				return o, err
			}
			return o, o.checkLimit(c)
		default:
			return o, resp.ErrSyntax
		}
	}
	o.idAt = i
	if o.trim.Limit == 0 && !xadd && !o.trims {
		return o, errNoTrim
	}
	return o, o.checkLimit(c)
}

func isWord(arg []byte, ch byte) bool { return len(cString(arg)) == 1 && arg[0] == ch }

// parseThreshold reads what follows MAXLEN or MINID at i and returns where it ends.
func (c *Ctx) parseThreshold(o *addOptions, i int, byID bool) (end int, err error) {
	if o.trims {
		return i, errTwoTrims
	}
	more := len(c.Args) - 1 - i
	i++
	if more >= 2 && (isWord(c.Args[i], '~') || isWord(c.Args[i], '=')) {
		o.trim.Approx = c.Args[i][0] == '~'
		i++
	}
	o.trims, o.trimAt, o.trim.ByID = true, i, byID
	if byID {
		o.trim.MinID, err = parseID(c.Args[i], 0)
		return i, err
	}
	n, ok := resp.ParseInt(c.Args[i])
	if !ok {
		return i, resp.ErrNotInteger
	}
	if n < 0 {
		return i, errMaxLen
	}
	o.trim.MaxLen = uint64(n)
	return i, nil
}

// The limits of an approximate trim that does not say its own.
const (
	trimNodes        = 100 // times the entries of a node
	trimLimitDefault = 10000
	trimLimitMax     = 1000000
)

// checkLimit says how much may be trimmed at once. What a master trims is its
// business.
func (o *addOptions) checkLimit(c *Ctx) error {
	switch {
	case o.trim.Limit != 0 && !o.trims:
		return errLimitOnly
	case c.Obey:
		o.trim.Limit = 0
	case o.limited && !o.trim.Approx:
		return errLimitless
	case !o.limited && o.trim.Approx:
		o.trim.Limit = min(trimNodes*c.Opt.StreamNodeEntries, trimLimitMax)
		if o.trim.Limit <= 0 {
			o.trim.Limit = trimLimitDefault
		}
	}
	return nil
}
