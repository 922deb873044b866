package integration

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Debian's prometheus-redis-exporter scrapes a master, a replica and a sentinel of ours
// without errors, gets the metrics, with the labels, it gets from Redis's, and complains
// in its log of no more than it does there.
func TestPrometheusExporter(t *testing.T) {
	oneCluster.Lock()
	defer oneCluster.Unlock()
	redis := need(t, "redis-server")
	sides := [2]scraped{scrapedSet(t, vedette), scrapedSet(t, redis)}
	eventually(t, patience, func() error { // some metrics are of what a set comes to only in time
		ours, theirs := sides[0].metrics(), sides[1].metrics()
		for role := range ours {
			if n := len(theirs[role]); n < 40 {
				return fmt.Errorf("%s: Redis's has %d metrics only: %q", role, n, theirs[role])
			}
			lacks, has := without(theirs[role], ours[role]), without(ours[role], theirs[role])
			if len(lacks)+len(has) > 0 {
				return fmt.Errorf("%s: ours lacks %q, Redis's lacks %q", role, lacks, has)
			}
		}
		return nil
	})
	if ours, theirs := sides[0].complaints(), sides[1].complaints(); ours != theirs {
		t.Errorf("with ours the exporter logs %q, with Redis's %q", ours, theirs)
	}
}

// scraped is a set with a sentinel and keys, and its exporter.
type scraped struct {
	set *set
	e   exporter
}

func scrapedSet(t *testing.T, bin string) scraped {
	t.Helper()
	s := newSet(t, bin, bin)
	s.quorum = 1
	s.addSentinels(bin, 1)
	c := dial(t, s.data[0])
	c.do("CONFIG", "SET", "slowlog-log-slower-than", "0")
	c.do("SET", "word", "v")
	c.do("XADD", "stream", "*", "f", "v")
	c.do("XGROUP", "CREATE", "stream", "group", "0")
	c.do("nonsense")
	return scraped{s, startExporter(t)}
}

// metrics are the names and labels of what is found at each role.
func (s scraped) metrics() map[string][]string {
	return map[string][]string{
		"master":   s.e.scrape(s.set.data[0], "check-keys=*", "check-streams=stream", "count-keys=db0=*"),
		"replica":  s.e.scrape(s.set.data[1]),
		"sentinel": s.e.scrape(s.set.sentinels[0]),
	}
}

func (s scraped) complaints() string {
	return strings.Join(errorLine.FindAllString(s.e.out.String(), -1), "\n")
}

// without is what a has and b has not.
func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// exporter is a running prometheus-redis-exporter.
type exporter struct{ *process }

func startExporter(t *testing.T) exporter {
	t.Helper()
	port := clusterPort(t)
	p := launch(t, need(t, "prometheus-redis-exporter"), port, t.TempDir(), "-redis.addr", "",
		"-web.listen-address", "127.0.0.1:"+strconv.Itoa(port), "-redis-only-metrics", "-ping-on-connect",
		"-include-config-metrics", "-include-system-metrics", "-export-client-list")
	eventually(t, patience, func() error {
		r, err := http.Get("http://" + p.addr() + "/health")
		if err != nil {
			return err
		}
		return r.Body.Close()
	})
	return exporter{p}
}

var (
	errorLine   = regexp.MustCompile(`level=(?:error|fatal) .*`)
	metricLine  = regexp.MustCompile(`(?m)^(\w+)(\{.*\})? \S+$`)
	metricLabel = regexp.MustCompile(`="(?:[^"\\]|\\.)*"`)
)

// scrape is the names and labels of what the exporter finds at a server.
func (e exporter) scrape(of *process, options ...string) []string {
	e.t.Helper()
	client := http.Client{Timeout: 20 * time.Second}
	r, err := client.Get(fmt.Sprintf("http://%s/scrape?target=redis://%s&%s", e.addr(), of.addr(), strings.Join(options, "&")))
	if err != nil {
		e.t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	if !strings.Contains(string(text), `redis_exporter_last_scrape_error{err=""} 0`) {
		e.t.Errorf("%s: %s", of.name, text)
	}
	var names []string
	for _, m := range metricLine.FindAllStringSubmatch(string(text), -1) {
		names = append(names, m[1]+metricLabel.ReplaceAllString(m[2], ""))
	}
	slices.Sort(names)
	return slices.Compact(names)
}
