package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// What a command costs with the socket: fifty connections that send packets of commands
// and wait for the replies, client and kernel included. The programs that say more are
// in integration/bench; this one can be profiled with the server.
func BenchmarkServing(b *testing.B) {
	for _, bc := range []struct{ command, reply string }{
		{"GET key:%012d", "$3\r\nxxx\r\n"},
		{"SET key:%012d xxx", "+OK\r\n"},
	} {
		for _, pipeline := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", strings.Fields(bc.command)[0], pipeline), func(b *testing.B) {
				const keys, conns = 100_000, 50
				_, port := startOnPort(b, NewConfig())
				fill := make([][]byte, keys)
				for i := range fill {
					fill[i] = request("SET", fmt.Sprintf("key:%012d", i), "xxx")
				}
				exchange(b, port, slices.Concat(fill...), len("+OK\r\n")*keys, 1)
				rng := rand.New(rand.NewPCG(1, 2))
				packets := make([][]byte, conns)
				for i := range packets {
					for range pipeline {
						packets[i] = append(packets[i], request(strings.Fields(fmt.Sprintf(bc.command, rng.IntN(keys)))...)...)
					}
				}
				b.ResetTimer()
				var wg sync.WaitGroup
				for _, packet := range packets {
					wg.Go(func() { exchange(b, port, packet, pipeline*len(bc.reply), b.N/pipeline/conns+1) })
				}
				wg.Wait()
			})
		}
	}
}

// exchange sends a packet and reads its replies, so many bytes, again and again.
func exchange(b *testing.B, port int, packet []byte, replies, times int) {
	nc, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		b.Error(err)
		return
	}
	defer nc.Close()
	buf := make([]byte, replies)
	for range times {
		if _, err := nc.Write(packet); err != nil {
			b.Error(err)
			return
		}
		if _, err := io.ReadFull(nc, buf); err != nil {
			b.Error(err)
			return
		}
	}
}
