package resp

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/internal/redistest"
)

// oracleDeadline ends the wait for a server that says nothing more.
const oracleDeadline = 5 * time.Second

// exchange sends raw bytes and returns what comes back until the server closes or
// has answered end.
func exchange(t *testing.T, addr, in, end string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(oracleDeadline))
	go io.WriteString(c, in)
	var got []byte
	buf := make([]byte, 64<<10)
	for end == "" || !bytes.HasSuffix(got, []byte(end)) {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				return string(got) + "(silence)"
			}
			return string(got)
		}
	}
	return string(got)
}

// answers is what a server says that knows ECHO and PING and uses our parser.
func answers(in string, lim Limits) string {
	var p Parser
	var w Writer
	buf := []byte(in)
	for {
		args, n, err := p.Next(buf, &lim)
		if err != nil {
			w.Error("ERR " + err.Error())
			return string(w.Buf)
		}
		if n == 0 {
			return string(w.Buf)
		}
		buf = buf[n:]
		switch {
		case len(args) == 2 && strings.EqualFold(string(args[0]), "echo"):
			w.Bulk(args[1])
		case len(args) == 1 && strings.EqualFold(string(args[0]), "ping"):
			w.Status("PONG")
		case len(args) > 0 && strings.EqualFold(string(args[0]), "echo"):
			w.Error("ERR wrong number of arguments for 'echo' command")
		case len(args) > 0:
			w.Error("unexpected command in the test: " + string(args[0]))
		}
	}
}

// Requests good and bad get the replies that redis-server gives, byte for byte.
func TestParserAgreesWithRedis(t *testing.T) {
	addr := redistest.Start(t)
	echo := func(s string) string { return string(AppendCommandString(nil, "ECHO", s)) }
	const end = "last"
	for _, in := range []string{
		"*1\r\n$4\r\nPING\r\n", "*1\r\n$4\r\nPINGxx", "*1\rx$4\rxPINGxx",
		echo(""), echo("\r\n\x00\xff"), echo(strings.Repeat("x", 100_000)),
		"*0\r\n*-1\r\n*-5\r\n\r\n\n  \r\nPING\r\n",
		"*\r\n", "*x\r\n", "*+1\r\n", "*01\r\n", "*1 \r\n", "*-0\r\n", "*9223372036854775808\r\n", "*99999999999\r\n",
		"*1\r\n$-1\r\n", "*1\r\n$-2\r\n", "*1\r\n$+4\r\nPING\r\n", "*1\r\n$04\r\nPING\r\n", "*1\r\n$\r\n", "*1\r\n$x\r\n",
		"*1\r\n$9223372036854775807\r\n", "*1\r\n$536870913\r\n",
		"*1\r\n:4\r\nPING\r\n", "*1\r\nPING\r\n", "*1\r\n\r\n", "*1\r\n\n\r\n", "*1\r\n\xff\r\n",
		"PING\r\n*1\r\n*\r\n",
		"echo  a\t \v\f\r\n", "echo a\vb\r\n", "\v\fecho x\n", "echo a\rPING\n",
		`echo "\x41\x4g\n\r\t\b\a\q\"\\"` + "\r\n", `echo 'a\'b\n"\\'` + "\r\n", `ec"ho" pre'fix'` + "\n",
		`echo pre"fix"` + "\n", `echo ""` + "\n", `echo ''` + "\n", `echo "a"` + "\v\n", `echo "\x4"` + "\n", `echo "\x"` + "\n",
		`echo "a"b` + "\n", `echo 'a'b` + "\n", `echo "a` + "\n", `echo 'a` + "\n", `echo "a\` + "\n", `echo 'a\` + "\n",
		`echo a\"b` + "\n", `echo a\b` + "\n", "\"\"\n",
	} {
		t.Run(fmt.Sprintf("%.40q", in), func(t *testing.T) {
			in := in + echo(end)
			got := answers(in, DefaultLimits())
			want := exchange(t, addr, in, end+"\r\n")
			// Redis names no command in the error for the empty one.
			if strings.Contains(want, "unknown command") && strings.Contains(got, "unexpected command") {
				return
			}
			if got != want {
				t.Errorf("\nours  %.300q\nRedis %.300q", got, want)
			}
		})
	}
}

// Lines without end are refused beyond the same length, with the same texts; a NUL
// byte hides the end.
func TestLongLinesAgreeWithRedis(t *testing.T) {
	addr := redistest.Start(t)
	long := strings.Repeat("1", DefaultInlineMax+1)
	for _, in := range []string{
		"*" + long[1:], "*1\r\n$" + long[1:], long,
		"*1\x00\r\n" + long[5:], "*1\r\n$4\x00\r\n" + long[5:], "PING\x00\r\n" + long[7:],
	} {
		if got := answers(in[:len(in)-1], DefaultLimits()); got != "" {
			t.Errorf("%.20q is refused early: %q", in, got)
		}
		got, want := answers(in, DefaultLimits()), exchange(t, addr, in, "")
		if got == "" || got != want {
			t.Errorf("%.20q\nours  %.300q\nRedis %.300q", in, got, want)
		}
	}
}

// The limits before AUTH are Redis's.
func TestParserAgreesWithRedisUnauthenticated(t *testing.T) {
	addr := redistest.Start(t, "--requirepass", "secret")
	lim := DefaultLimits()
	lim.Unauthenticated = true
	for _, in := range []string{
		"*11\r\n", "*1\r\n$16385\r\n", "*12\r\n*", "*99999999999\r\n", "*1\r\n$99999999999\r\n", "*1\r\n$-1\r\n",
	} {
		got, want := answers(in, lim), exchange(t, addr, in, "")
		if got != want {
			t.Errorf("%q\nours  %.300q\nRedis %.300q", in, got, want)
		}
	}
	// What is within the limits is read: the server misses the password only.
	in := "*10\r\n$3\r\nDEL\r\n" + strings.Repeat("$16384\r\n"+strings.Repeat("x", 16384)+"\r\n", 9)
	if got := exchange(t, addr, in, "\r\n"); !strings.HasPrefix(got, "-NOAUTH") {
		t.Errorf("10 arguments of 16384 bytes: %.100q", got)
	}
	if got := answers(in, lim); !strings.HasPrefix(got, "-unexpected command") {
		t.Errorf("10 arguments of 16384 bytes: %.100q", got)
	}
}

// What is a number for redis-server is one for us, and has the same value.
func TestNumbersAgreeWithRedis(t *testing.T) {
	addr := redistest.Start(t)
	const end = "last"
	ask := func(args ...string) string {
		in := AppendCommandString(nil, "DEL", "k")
		in = AppendCommandString(in, args...)
		in = AppendCommandString(in, "ECHO", end)
		out := exchange(t, addr, string(in), end+"\r\n")
		_, out, _ = strings.Cut(out, "\r\n") // of DEL
		return strings.TrimSuffix(out, "$4\r\nlast\r\n")
	}
	for _, s := range []string{"0", "-0", "+1", "01", "1", "-1", " 1", "1 ", "", "-", "9223372036854775807",
		"9223372036854775808", "-9223372036854775807", "-9223372036854775808", "-9223372036854775809",
		"99999999999999999999", "1e3", "0x10", "1\x00"} {
		var w Writer
		if v, ok := ParseInt([]byte(s)); ok {
			w.Int(v)
		} else {
			w.Error(ErrNotInteger.Error())
		}
		if want := ask("INCRBY", "k", s); string(w.Buf) != want {
			t.Errorf("integer %q: ours %q, Redis %q", s, w.Buf, want)
		}
	}
	for _, s := range floatTexts() {
		_, ours := ParseFloat([]byte(s))
		if reply := ask("ZADD", "k", s, "m"); ours != (reply == ":1\r\n") {
			t.Errorf("float %q: ours %v, Redis %q", s, ours, reply)
			continue
		} else if !ours {
			continue
		}
		f, _ := ParseFloat([]byte(s))
		in := AppendCommandString(nil, "DEL", "k")
		in = AppendCommandString(in, "ZADD", "k", s, "m")
		in = AppendCommandString(in, "ZSCORE", "k", "m")
		in = AppendCommandString(in, "ECHO", end)
		reply := exchange(t, addr, string(in), end+"\r\n")
		_, score, _ := strings.Cut(reply, ":1\r\n$")
		_, score, _ = strings.Cut(score, "\r\n")
		score, _, _ = strings.Cut(score, "\r\n")
		if g, ok := ParseFloat([]byte(score)); !ok || g != f {
			t.Errorf("float %q: ours %v, Redis %q", s, f, score)
		}
	}
}

func floatTexts() []string {
	return []string{"0", "-0", "+1", "01", "1.", ".5", ".", "", "-", "1e3", "1e", "1e+", "1e-3", "1E5", "1e400", "-1e400",
		"1e-400", "0e-400", "0.0e5", "4.9e-324", "1e-310", "inf", "+inf", "-INF", "Infinity", "infinit", "nan", "-nan",
		"nan(1)", " 1", "1 ", "1\x00", "\t1", "0x10", "0X1.8", "0x1p3", "0x1p-2", "0x", "0x1p", "0x.8", "0xg", "-0x10",
		"0x0", "0x0p5", "0x1p-2000", "0x1p5000", "1_000", "0x_1", "1p3", "3.0000000000000000000000001",
		"123456789012345678901234567890", "1.7976931348623157e308", "1.7976931348623159e308", "0b1", "1f", "1e5e5", "--1"}
}
