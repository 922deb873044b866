package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A case's name is its key in the journal.
func TestNamesOfCasesAreUnique(t *testing.T) {
	for _, p := range parts() {
		seen := map[string]bool{}
		for _, c := range p.cases(&options{}) {
			if seen[c.name] || c.name == "" || c.title == "" {
				t.Errorf("%s: the case %q", p.name, c.name)
			}
			seen[c.name] = true
		}
	}
}

// serveCommands answers commands on a port of its own until the test ends.
func serveCommands(t *testing.T, note func(words string)) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go answerCommands(c, note)
		}
	}()
	return ln.Addr().String()
}

// What is sent repeatedly is a pipeline, and another one each time where words are drawn.
func TestRepeatedRequests(t *testing.T) {
	addr := serveCommands(t, func(string) {})
	for _, c := range []struct {
		command  string
		requests int
	}{{"LPUSH key value", 1}, {"SADD key member:__rand_int__", drawnRequests}} {
		r, err := newRepeated(addr, typeLoad{command: c.command, pipeline: 16, spread: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, request := range r.requests {
			seen[string(request)] = true
			if n := strings.Count(string(request), "*"); n != 16 || strings.Contains(string(request), randomWord) {
				t.Fatalf("%s: %d commands in %.200q", c.command, n, request)
			}
		}
		if r.lines != 16 || len(seen) != c.requests {
			t.Errorf("%s: %d lines of replies to one of %d requests", c.command, r.lines, len(seen))
		}
	}
}

// Four connections send every command once, and read every reply.
func TestPipelinedSendsEachCommandOnce(t *testing.T) {
	var mu sync.Mutex
	var got []string
	addr := serveCommands(t, func(words string) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, words)
	})
	const n = 1234
	if err := fillKey(context.Background(), addr, "RPUSH key value:%04d", n); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	slices.Sort(got)
	if len(got) != n || got[0] != "RPUSH key value:0000" || got[n-1] != fmt.Sprintf("RPUSH key value:%04d", n-1) || len(slices.Compact(got)) != n {
		t.Errorf("%d commands, from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

// answerCommands reads commands in arrays and answers each with an integer.
func answerCommands(c net.Conn, note func(words string)) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		var words []string
		var n, size int
		if _, err := fmt.Fscanf(r, "*%d\r\n", &n); err != nil {
			return
		}
		for range n {
			var word string
			if _, err := fmt.Fscanf(r, "$%d\r\n", &size); err != nil {
				return
			}
			if _, err := fmt.Fscanf(r, "%s\r\n", &word); err != nil || len(word) != size {
				return
			}
			words = append(words, word)
		}
		note(strings.Join(words, " "))
		reply := ":1\r\n"
		if words[0] == "PING" {
			reply = "+PONG\r\n"
		}
		if _, err := c.Write([]byte(reply)); err != nil {
			return
		}
	}
}
