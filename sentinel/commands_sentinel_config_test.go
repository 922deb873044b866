package sentinel

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// bulks is an array of bulk strings, or a map in RESP2.
func bulks(words ...string) string {
	var b strings.Builder
	b.WriteString("*" + strconv.Itoa(len(words)) + "\r\n")
	for _, w := range words {
		b.WriteString("$" + strconv.Itoa(len(w)) + "\r\n" + w + "\r\n")
	}
	return b.String()
}

// SENTINEL CONFIG changes all parameters of a call or none, and what it changes counts
// at once.
func TestSentinelConfig(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		level := ""
		x.s.opts.SetLogLevel = func(l string) { level = l }
		c := w.dial(x)
		c.says("SENTINEL CONFIG GET *-hostnames loglevel announce-* announce-ip\r\n",
			bulks("resolve-hostnames", "no", "announce-hostnames", "no", "loglevel", "notice",
				"announce-ip", "", "announce-port", "0"))
		c.says("SENTINEL CONFIG GET nosuch\r\n", "*0\r\n")
		for words, want := range map[string]string{
			"announce-ip 1.2.3.4 nosuch 1":      "Invalid argument 'nosuch' to SENTINEL CONFIG SET",
			"announce-ip 1 announce-ip 2":       "Duplicate argument 'announce-ip' to SENTINEL CONFIG SET",
			"announce-ip 1.2.3.4 loglevel":      "Missing argument 'loglevel' value",
			"loglevel loud":                     "Invalid value 'loud' to SENTINEL CONFIG SET 'loglevel'",
			"announce-ip 1 announce-port 7000x": "Invalid value '7000x' to SENTINEL CONFIG SET 'announce-port'",
			"announce-port 65536":               "Invalid value '65536' to SENTINEL CONFIG SET 'announce-port'",
			"resolve-hostnames on":              "Invalid value 'on' to SENTINEL CONFIG SET 'resolve-hostnames'",
		} {
			c.says("SENTINEL CONFIG SET "+words+"\r\n", "-ERR "+want+"\r\n")
		}
		c.says("SENTINEL CONFIG NONSENSE x\r\n", "-ERR Only SENTINEL CONFIG GET <param> [<param> <param> ...] / "+
			"SET <param> <value> [<param> <value> ...] are supported.\r\n")
		c.says("SENTINEL CONFIG SET announce-ip 10.9.9.9 announce-port 1234 LOGLEVEL Warning sentinel-pass x\r\n", "+OK\r\n")
		c.says("SENTINEL CONFIG GET announce-ip announce-port loglevel sentinel-*\r\n",
			bulks("announce-ip", "10.9.9.9", "announce-port", "1234", "loglevel", "warning", "sentinel-user", "", "sentinel-pass", "x"))
		if level != "warning" {
			t.Errorf("log level %q", level)
		}
		w.await(10*time.Second, "the new address to get around", func() bool {
			var seen failover.Addr
			_ = w.sens[1].s.do(w.t.Context(), func(lp *loop) {
				for _, v := range lp.m.Sentinels(time.Now(), "m") {
					if v.RunID == x.s.id {
						seen = v.Addr
					}
				}
			})
			return seen.String() == "10.9.9.9:1234"
		})
	})
}

// SENTINEL DEBUG shows and changes periods, one after the other up to a bad one.
func TestSentinelDebug(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		c := w.dial(x)
		c.says("SENTINEL DEBUG info-period 5000 nosuch 1\r\n",
			"-ERR Unknown option or number of arguments for SENTINEL DEBUG 'nosuch'\r\n")
		c.says("SENTINEL DEBUG info-period\r\n",
			"-ERR Unknown option or number of arguments for SENTINEL DEBUG 'info-period'\r\n")
		c.says("SENTINEL DEBUG info-period 0\r\n", "-ERR Invalid argument '0' for SENTINEL DEBUG 'info-period'\r\n")
		c.says("SENTINEL DEBUG info-period 99999999999999\r\n",
			"-ERR Invalid argument '99999999999999' for SENTINEL DEBUG 'info-period'\r\n")
		c.says("SENTINEL DEBUG DEFAULT-DOWN-AFTER 1234 default-failover-timeout 5678 script-max-runtime 1\r\n", "+OK\r\n")
		c.says("SENTINEL DEBUG\r\n", bulks("INFO-PERIOD", "5000", "PING-PERIOD", "1000", "ASK-PERIOD", "1000",
			"PUBLISH-PERIOD", "2000", "DEFAULT-DOWN-AFTER", "1234", "DEFAULT-FAILOVER-TIMEOUT", "5678",
			"TILT-TRIGGER", "2000", "TILT-PERIOD", "30000", "SLAVE-RECONF-TIMEOUT", "10000",
			"MIN-LINK-RECONNECT-PERIOD", "15000", "ELECTION-TIMEOUT", "10000", "SCRIPT-MAX-RUNTIME", "1",
			"SCRIPT-RETRY-DELAY", "30000"))
		c.says("SENTINEL MONITOR other 10.0.1.9 6379 2\r\n", "+OK\r\n")
		var s failover.Settings
		if err := x.s.do(w.t.Context(), func(lp *loop) { s = lp.m.Agreed().Master("other").Settings }); err != nil {
			t.Fatal(err)
		}
		if s.DownAfter != 1234*time.Millisecond || s.FailoverTimeout != 5678*time.Millisecond {
			t.Errorf("settings of a new master: %+v", s)
		}
	})
}

// A sentinel that was told to crash does so right after it was elected, or after the
// promotion; the others finish what it began.
func TestSimulateFailure(t *testing.T) {
	for _, at := range []string{"crash-after-election", "crash-after-promotion"} {
		t.Run(at, func(t *testing.T) {
			inWorld(t, func(w *world) {
				crashed := make(chan *worldSentinel, len(w.sens))
				for _, x := range w.sens {
					x.s.opts.Exit = func(status int) {
						if status != 99 {
							t.Errorf("exit status %d", status)
						}
						x.host.Kill()
						crashed <- x
						runtime.Goexit() // of the loop
					}
					c := w.dial(x)
					c.says("SENTINEL SIMULATE-FAILURE help\r\n", bulks("crash-after-election", "crash-after-promotion"))
					c.says("SENTINEL SIMULATE-FAILURE nonsense\r\n", "-ERR Unknown failure simulation specified\r\n")
					c.says("SENTINEL SIMULATE-FAILURE "+at+"\r\n", "+OK\r\n")
				}
				w.set.nodes[0].kill()
				first := <-crashed
				first.kill()
				for _, x := range w.sens {
					if x.s != nil {
						x.s.failures.Store(0)
					}
				}
				w.await(30*time.Second, "the failover", func() bool { return w.agree("10.0.1.1") })
			})
		})
	}
}

// Scripts are set from afar only where that is allowed, and only if they can be run.
func TestSetScripts(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		c := w.dial(x)
		denied := "-ERR Reconfiguration of scripts path is denied for security reasons. " +
			"Check the deny-scripts-reconfig configuration directive in your Sentinel configuration\r\n"
		c.says("SENTINEL SET m notification-script /bin/true\r\n", denied)
		x.s.mu.Lock()
		x.s.config.AllowScriptsReconfig = true
		x.s.mu.Unlock()
		c.says("SENTINEL SET m notification-script /nosuch\r\n", "-ERR Notification script seems non existing or non executable\r\n")
		c.says("SENTINEL SET m client-reconfig-script /etc/passwd\r\n",
			"-ERR Client reconfiguration script seems non existing or non executable\r\n")
		c.says("SENTINEL SET m notification-script /bin/true\r\n", "+OK\r\n")
		if got := x.master()["notification-script"]; got != "/bin/true" {
			t.Errorf("notification-script %q", got)
		}
		c.says("SENTINEL SET m notification-script \"\"\r\n", "+OK\r\n")
	})
}

// INFO-CACHE has each master once, and a null for a node that gave no INFO yet.
func TestInfoCache(t *testing.T) {
	inWorld(t, func(w *world) {
		x := w.sens[0]
		err := x.s.do(context.Background(), func(lp *loop) {
			for node, n := range lp.links {
				n.info, n.infoAt = "", time.Now()
				if node.Addr == lp.m.Agreed().Master("m").Addr {
					n.info = "text"
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		w.dial(x).says("SENTINEL INFO-CACHE m nosuch m\r\n",
			"*2\r\n$1\r\nm\r\n*3\r\n*2\r\n:0\r\n$4\r\ntext\r\n*2\r\n:0\r\n$-1\r\n*2\r\n:0\r\n$-1\r\n")
	})
}
