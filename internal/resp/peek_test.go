package resp

import (
	"bytes"
	"strings"
	"testing"
)

// What Peek sees is what the Parser reads next.
func FuzzPeek(f *testing.F) {
	for _, s := range []string{
		"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n$4\r\nPING\r\n",
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n",
		"*1\r\n$4\r\nPING\r\n", "*2\r\n$3\r\nGET\r\n$1\r\nk", "*2\r\n$3\r\nGET\r\n$-1\r\n",
		"GET k\r\n", "*-1\r\n", "*0\r\n", "*2\r\n$3\r\nGET\r\n:1\r\n", "",
		"*100\r\n" + strings.Repeat("$1\r\nx\r\n", 100),
		"*2\r\n$3\r\nGET\r\n$999999999\r\nk\r\n",
	} {
		f.Add([]byte(s))
	}
	lim := DefaultLimits()
	f.Fuzz(func(t *testing.T, buf []byte) {
		peeked, n := Peek(buf)
		if n == 0 {
			return
		}
		var p Parser
		args, used, err := p.Next(buf, &lim)
		if err != nil || used != n || len(args) < 2 {
			t.Fatalf("Peek(%q) = %q, %d; Next = %q, %d, %v", buf, peeked, n, args, used, err)
		}
		for i, got := range peeked {
			if there := i+1 < len(args); there && !bytes.Equal(args[i+1], got) || !there && got != nil {
				t.Errorf("Peek(%q) = %q; Next = %q", buf, peeked, args)
			}
		}
	})
}

func TestPeekSeesTheFirstArguments(t *testing.T) {
	args, n := Peek([]byte("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$1\r\nv\r\nrest"))
	if string(args[0]) != "key" || string(args[1]) != "v" || args[2] != nil || n != 29 {
		t.Errorf("Peek = %q, %d, want key, v, 29", args, n)
	}
}
