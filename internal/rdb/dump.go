package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// ErrDumpTrailer says that a DUMP payload is of a version not known here, or that
// its checksum does not match: what RESTORE answers with "DUMP payload version or
// checksum are wrong".
var ErrDumpTrailer = errors.New("rdb: dump payload version or checksum are wrong")

// dumpTrailer is the length of what stands behind the value: the version in two
// bytes and the checksum in eight, both little endian.
const dumpTrailer = 10

// AppendDump appends the DUMP payload of v in the given version of the format.
func (a *Appender) AppendDump(dst []byte, v Value, version int) []byte {
	if v.Kind == KindString {
		return a.AppendDumpString(dst, v.String, version)
	}
	var body bytes.Buffer
	w := NewWriter(&body, Options{Version: version, Compress: a.Compress, NoChecksum: true})
	w.PutValue(v)
	if err := w.Flush(); err != nil {
		panic("rdb: a buffer refused bytes: " + err.Error())
	}
	return AppendDumpRaw(dst, v.Type.In(version), body.Bytes(), version)
}

// AppendDumpString appends the DUMP payload of a string in the given version of
// the format.
func (a *Appender) AppendDumpString(dst, s []byte, version int) []byte {
	start := len(dst)
	dst = append(dst, byte(TypeString))
	dst = a.AppendString(dst, s)
	return appendDumpTrailer(dst, start, version)
}

// AppendDumpRaw appends the DUMP payload of a value whose layout, as t has it, is
// body.
func AppendDumpRaw(dst []byte, t Type, body []byte, version int) []byte {
	start := len(dst)
	dst = append(dst, byte(t))
	dst = append(dst, body...)
	return appendDumpTrailer(dst, start, version)
}

func appendDumpTrailer(dst []byte, start, version int) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, uint16(version))
	return binary.LittleEndian.AppendUint64(dst, CRC64(0, dst[start:]))
}

// ParseDump returns the value of a DUMP payload, in memory of its own. The error
// is ErrDumpTrailer, or an *Error when the trailer is right but the value is not:
// "Bad data format" to a client. Unlike in a file, a checksum of zero is a
// checksum; bytes between the value and the trailer are ignored. Redis does both.
func ParseDump(payload []byte) (Value, error) { return parseDump(payload, true) }

// ParseDumpUnsummed is ParseDump for a payload whose checksum does not matter.
func ParseDumpUnsummed(payload []byte) (Value, error) { return parseDump(payload, false) }

func parseDump(payload []byte, summed bool) (Value, error) {
	n := len(payload) - dumpTrailer
	if n < 0 {
		return Value{}, ErrDumpTrailer
	}
	version := binary.LittleEndian.Uint16(payload[n:])
	stored := binary.LittleEndian.Uint64(payload[n+2:])
	if version > VersionNewest || summed && stored != CRC64(0, payload[:n+2]) {
		return Value{}, ErrDumpTrailer
	}
	in := input{buf: payload, end: n, size: int64(n), maxString: DefaultMaxString}
	var v Value
	in.value(0, Type(in.byte()), &v, nil)
	if in.err != nil {
		return Value{}, in.err
	}
	return v, nil
}
