package server

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-ha/vedette/internal/conf"
)

// value is what a directive holds: a field of Config and how it reads and writes.
type value interface {
	// set reads the arguments of a line into the field. On an error, whose text
	// is Redis's, the field is unchanged.
	set(args []string) error
	// String is the value as CONFIG GET shows it.
	String() string
	// keep returns a function that puts the present value back.
	keep() func()
	// lines are the arguments of the lines a rewritten file needs.
	lines() []string
}

// configError is a complaint about a value in the words of Redis, which clients
// and operators read as they are.
type configError string

func (e configError) Error() string { return string(e) }

const errArgCount = configError("wrong number of arguments")

type boolValue struct{ p *bool }

func boolean(p *bool, def bool) value {
	*p = def
	return boolValue{p}
}

func (v boolValue) set(args []string) error {
	b, err := conf.ParseBool(args[0])
	if err != nil {
		return err
	}
	*v.p = b
	return nil
}

func (v boolValue) String() string  { return conf.FormatBool(*v.p) }
func (v boolValue) keep() func()    { return keepPointer(v.p) }
func (v boolValue) lines() []string { return []string{v.String()} }

// fixedValue is a value that stays what it is, as its feature is not there and to go on
// without it would be worse than to refuse.
type fixedValue struct {
	value
	why configError
}

func fixed(v value, why configError) value { return fixedValue{v, why} }

const errNoTLS = configError("the server does not speak TLS: whoever asks for it would get plain text instead")

func (v fixedValue) set(args []string) error {
	was, restore := v.String(), v.keep()
	if err := v.value.set(args); err != nil {
		return err
	}
	if v.String() != was {
		restore()
		return v.why
	}
	return nil
}

// textValue is a string.
type textValue struct {
	p     *string
	valid func(string) error // an extra condition of a new value; nil is none
	opt   bool               // an empty one is no value at all and needs no line
}

func text(p *string, def string) value {
	*p = def
	return textValue{p: p}
}

func checkedText(p *string, def string, valid func(string) error) value {
	*p = def
	return textValue{p: p, valid: valid}
}

// optional is a text that is none when empty.
func optional(p *string) value { return textValue{p: p, opt: true} }

func (v textValue) set(args []string) error {
	if v.valid != nil {
		if err := v.valid(args[0]); err != nil {
			return err
		}
	}
	*v.p = args[0]
	return nil
}

func (v textValue) String() string { return *v.p }
func (v textValue) keep() func()   { return keepPointer(v.p) }

func (v textValue) lines() []string {
	if v.opt && *v.p == "" {
		return nil
	}
	return []string{conf.Quote(*v.p)}
}

type integer interface {
	~int | ~int64 | ~uint32 | ~uint64
}

// unit is how a number is written.
type unit int

const (
	plain   unit = iota
	memory       // 64mb
	percent      // 64mb or 5%, kept as -5
	octal        // 0700
)

// numberValue is a number with bounds, and possibly narrower ones to which a
// value within the bounds is moved without a word.
type numberValue[T integer] struct {
	p        *T
	min      int64
	max      uint64
	unit     unit
	clampMin T
	clampMax T // 0: no clamping
}

func number[T integer](p *T, def T, min int64, max uint64) *numberValue[T] {
	*p = def
	return &numberValue[T]{p: p, min: min, max: max}
}

func bytes[T integer](p *T, def T, min int64, max uint64) *numberValue[T] {
	v := number(p, def, min, max)
	v.unit = memory
	return v
}

func bytesOrPercent(p *int64, def, maxPercent int64) value {
	v := number(p, def, -maxPercent, maxLong)
	v.unit = percent
	return v
}

func fileMode(p *uint32) value {
	v := number(p, 0, 0, 0o777)
	v.unit = octal
	return v
}

func (v *numberValue[T]) clamped(lo, hi T) value {
	v.clampMin, v.clampMax = lo, hi
	return v
}

const (
	minInt   = math.MinInt32 // INT_MIN
	maxInt   = math.MaxInt32
	maxUint  = math.MaxUint32
	maxLong  = math.MaxInt64
	maxULong = math.MaxUint64
	maxPort  = 65535
)

func (v *numberValue[T]) set(args []string) error {
	n, err := v.parse(args[0])
	if err != nil {
		return err
	}
	if v.clampMax != 0 {
		n = min(max(n, v.clampMin), v.clampMax)
	}
	*v.p = n
	return nil
}

func (v *numberValue[T]) parse(s string) (T, error) {
	switch v.unit {
	case memory:
		n, err := conf.ParseMemory(s)
		if err != nil {
			return 0, err
		}
		return v.checkUnsigned(n)
	case percent:
		return v.parsePercent(s)
	case octal:
		n, err := strconv.ParseInt(s, 8, 64)
		if err != nil {
			return 0, configError("argument couldn't be parsed as an octal number")
		}
		if n < v.min || uint64(n) > v.max {
			return 0, fmt.Errorf("argument must be between %o and %o inclusive", v.min, v.max)
		}
		return T(n), nil
	}
	n, ok := parseInteger(s)
	switch {
	case !ok:
		return 0, configError("argument couldn't be parsed into an integer")
	case n >= 0:
		return v.checkUnsigned(uint64(n))
	case n < v.min:
		return 0, v.outOfBounds()
	}
	return T(n), nil
}

func (v *numberValue[T]) parsePercent(s string) (T, error) {
	n, err := conf.ParseMemoryPercent(s)
	if err != nil {
		return 0, configError("argument must be a memory or percent value")
	}
	if n < v.min {
		return 0, fmt.Errorf("percentage argument must be less or equal to %d", -v.min)
	}
	return T(n), nil
}

func (v *numberValue[T]) checkUnsigned(n uint64) (T, error) {
	if n > v.max || v.min > 0 && n < uint64(v.min) {
		return 0, v.outOfBounds()
	}
	return T(n), nil
}

func (v *numberValue[T]) outOfBounds() error {
	return fmt.Errorf("argument must be between %d and %d inclusive", v.min, v.max)
}

// parseInteger reads an integer in the one form Redis accepts: no blanks, no
// plus, no leading zeros.
func parseInteger(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s {
		return 0, false
	}
	return n, true
}

func (v *numberValue[T]) String() string {
	switch {
	case v.unit == percent && int64(*v.p) < 0:
		return strconv.FormatInt(-int64(*v.p), 10) + "%"
	case v.unit == octal:
		return strconv.FormatUint(uint64(*v.p), 8)
	case *v.p < 0:
		return strconv.FormatInt(int64(*v.p), 10)
	}
	return strconv.FormatUint(uint64(*v.p), 10)
}

func (v *numberValue[T]) keep() func() { return keepPointer(v.p) }

func (v *numberValue[T]) lines() []string {
	if v.unit == memory || v.unit == percent && *v.p >= 0 {
		return []string{conf.FormatMemory(uint64(*v.p))}
	}
	return []string{v.String()}
}

// enumValue is one of a few names.
type enumValue[T ~int | ~string] struct {
	p     *T
	names []enumName[T]
}

type enumName[T any] struct {
	name string
	v    T
}

func enum[T ~int | ~string](p *T, def T, names ...enumName[T]) value {
	*p = def
	return enumValue[T]{p, names}
}

func (v enumValue[T]) set(args []string) error {
	for _, n := range v.names {
		if strings.EqualFold(n.name, args[0]) {
			*v.p = n.v
			return nil
		}
	}
	return notOneOf(v.names)
}

func notOneOf[T any](names []enumName[T]) error {
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = n.name
	}
	return fmt.Errorf("argument(s) must be one of the following: %s", strings.Join(all, ", "))
}

func (v enumValue[T]) String() string {
	i := slices.IndexFunc(v.names, func(n enumName[T]) bool { return n.v == *v.p })
	return v.names[i].name
}

func (v enumValue[T]) keep() func()    { return keepPointer(v.p) }
func (v enumValue[T]) lines() []string { return []string{v.String()} }

// keepPointer returns a function that puts the present *p back.
func keepPointer[T any](p *T) func() {
	old := *p
	return func() { *p = old }
}
