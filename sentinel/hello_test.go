package sentinel

import (
	"strings"
	"testing"
)

const runIDa = "0123456789abcdef0123456789abcdef01234567"

func TestParseHello(t *testing.T) {
	ok := "10.0.0.1,26379," + runIDa + ",3,mymaster,10.0.0.9,6379,2"
	tests := []struct {
		name string
		in   string
		want hello
		ok   bool
	}{
		{"as Redis sends it", ok, hello{"10.0.0.1", 26379, runIDa, 3, "mymaster", "10.0.0.9", 6379, 2}, true},
		{"host names and IPv6", strings.Replace(strings.Replace(ok, "10.0.0.1", "s1.example", 1), "10.0.0.9", "::1", 1),
			hello{"s1.example", 26379, runIDa, 3, "mymaster", "::1", 6379, 2}, true},
		{"seven fields", strings.TrimSuffix(ok, ",2"), hello{}, false},
		{"nine fields", ok + ",1", hello{}, false},
		{"port 0", strings.Replace(ok, "26379", "0", 1), hello{}, false},
		{"port too big", strings.Replace(ok, "26379", "65536", 1), hello{}, false},
		{"negative epoch", strings.Replace(ok, ",3,", ",-3,", 1), hello{}, false},
		{"short id", strings.Replace(ok, runIDa, "abc", 1), hello{}, false},
		{"line break in a name", strings.Replace(ok, "mymaster", "my\nmaster", 1), hello{}, false},
		{"no name", strings.Replace(ok, "mymaster", "", 1), hello{}, false},
		{"too long", strings.Replace(ok, "mymaster", strings.Repeat("m", longestHello), 1), hello{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseHello([]byte(tt.in))
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("parseHello = %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

// What was accepted is sent on in a form that reads as the same.
func FuzzHello(f *testing.F) {
	f.Add([]byte("10.0.0.1,26379," + runIDa + ",3,mymaster,10.0.0.9,6379,2"))
	f.Add([]byte("h,1," + runIDa + ",18446744073709551615,m,::1,65535,0"))
	f.Add([]byte(",,,,,,,"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHello(b)
		if err != nil {
			return
		}
		again, err := parseHello([]byte(h.String()))
		if err != nil || again != h {
			t.Errorf("%q reads as %+v, its form %q as %+v, %v", b, h, h, again, err)
		}
	})
}
