package sentinel

import (
	"fmt"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// BenchmarkRewrite is a rewrite of a sentinel.conf with a thousand masters.
func BenchmarkRewrite(b *testing.B) {
	st := State{MyID: "0123456789012345678901234567890123456789", Agreed: &failover.Agreed{}, Known: map[string][]KnownSentinel{}}
	for i := range 1000 {
		s := failover.DefaultSettings(2)
		s.DownAfter = 5 * time.Second
		m := failover.Master{Name: fmt.Sprintf("m%d", i), Addr: failover.Addr{Host: "127.0.0.1", Port: 1000 + i}, Settings: s}
		for r := range 2 {
			m.Replicas = append(m.Replicas, failover.Replica{Addr: failover.Addr{Host: fmt.Sprintf("127.%d.0.1", r+1), Port: 1000 + i}})
		}
		st.Agreed.Masters = append(st.Agreed.Masters, m)
		for k := range 2 {
			st.Known[m.Name] = append(st.Known[m.Name], KnownSentinel{
				ID: fmt.Sprintf("%040d", k), Addr: failover.Addr{Host: "127.0.0.1", Port: 26379 + k},
			})
		}
	}
	text := string(rewriteText("", st))
	b.ReportAllocs()
	for b.Loop() {
		rewriteText(text, st)
	}
}
