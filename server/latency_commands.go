package server

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/vedette-ha/vedette/internal/resp"
	"github.com/vedette-ha/vedette/server/command"
)

// latencyCommands: https://redis.io/docs/latest/commands/latency/
func (s *Server) latencyCommands() []command.Row {
	return []command.Row{
		{Name: "LATENCY LATEST", Run: s.cmdLatencyLatest},
		{Name: "LATENCY HISTORY", Run: s.cmdLatencyHistory},
		{Name: "LATENCY RESET", Run: s.cmdLatencyReset},
		{Name: "LATENCY GRAPH", Run: s.cmdLatencyGraph},
		{Name: "LATENCY DOCTOR", Run: s.cmdLatencyDoctor},
		{Name: "LATENCY HISTOGRAM", Run: s.cmdLatencyHistogram},
		{Name: "LATENCY HELP", Run: cmdLatencyHelp},
	}
}

// names lists the events in order.
func (m *latencyMonitor) names() []string {
	var names []string
	for name := range m.events {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// LATENCY LATEST
func (s *Server) cmdLatencyLatest(c *command.Ctx) error {
	names := s.latency.names()
	c.Out.Array(len(names))
	for _, name := range names {
		e := s.latency.events[name]
		last := e.spikes[len(e.spikes)-1]
		c.Out.Array(4)
		c.Out.BulkString(name)
		c.Out.Int(last.at)
		c.Out.Int(last.ms)
		c.Out.Int(e.max)
	}
	return nil
}

// LATENCY HISTORY event
func (s *Server) cmdLatencyHistory(c *command.Ctx) error {
	e := s.latency.events[string(c.Args[2])]
	if e == nil {
		c.Out.Array(0)
		return nil
	}
	c.Out.Array(len(e.spikes))
	for _, p := range e.spikes {
		c.Out.Array(2)
		c.Out.Int(p.at)
		c.Out.Int(p.ms)
	}
	return nil
}

// LATENCY RESET [event [event ...]]
func (s *Server) cmdLatencyReset(c *command.Ctx) error {
	n := 0
	names := s.latency.names()
	if len(c.Args) > 2 {
		names = nil
		for _, a := range c.Args[2:] {
			names = append(names, string(a))
		}
	}
	for _, name := range names {
		if s.latency.events[name] != nil {
			delete(s.latency.events, name)
			n++
		}
	}
	c.Out.Int(int64(n))
	return nil
}

// LATENCY GRAPH event
func (s *Server) cmdLatencyGraph(c *command.Ctx) error {
	name := string(c.Args[2])
	e := s.latency.events[name]
	if e == nil {
		return resp.Errorf("ERR No samples available for event '%s'", name)
	}
	c.Out.Verbatim("txt", e.graph(name, s.turnWall/1000))
	return nil
}

// graphRows is the height of LATENCY GRAPH.
const graphRows = 4

// graph draws the spikes as columns, oldest left, each with its age below.
func (e *latencyEvent) graph(name string, now int64) string {
	low, high := int64(math.MaxInt64), int64(0)
	for _, p := range e.spikes {
		low, high = min(low, p.ms), max(high, p.ms)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n%s\n", name, high, low, e.max, strings.Repeat("-", 80))
	for row := graphRows; row > 0; row-- {
		for _, p := range e.spikes {
			b.WriteByte(graphCell(p.ms-low, high-low, row))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	ages := make([]string, len(e.spikes))
	longest := 0
	for i, p := range e.spikes {
		ages[i] = shortAge(now - p.at)
		longest = max(longest, len(ages[i]))
	}
	for row := range longest {
		for _, a := range ages {
			if row < len(a) {
				b.WriteByte(a[row])
			} else {
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// graphCell is one character of a column of height v of top, in row (1 lowest).
func graphCell(v, top int64, row int) byte {
	level := 1
	if top > 0 {
		level = 1 + int(v*(2*graphRows-1)/top)
	}
	switch {
	case level >= 2*row:
		return '#'
	case level == 2*row-1:
		return '_'
	}
	return ' '
}

func shortAge(secs int64) string {
	switch {
	case secs < 60:
		return fmt.Sprintf("%ds", secs)
	case secs < 3600:
		return fmt.Sprintf("%dm", secs/60)
	case secs < 86400:
		return fmt.Sprintf("%dh", secs/3600)
	}
	return fmt.Sprintf("%dd", secs/86400)
}

// LATENCY DOCTOR
func (s *Server) cmdLatencyDoctor(c *command.Ctx) error {
	var b strings.Builder
	names := s.latency.names()
	switch {
	case s.cfg.LatencyMonitorThreshold == 0:
		b.WriteString("Latency monitoring is off. \"CONFIG SET latency-monitor-threshold <milliseconds>\" turns it on; a value a little above what your application tolerates is a good start.\n")
	case len(names) == 0:
		b.WriteString("No latency spike was seen since the start or the last LATENCY RESET.\n")
	default:
		fmt.Fprintf(&b, "%d kinds of events were slower than %d ms:\n\n", len(names), s.cfg.LatencyMonitorThreshold)
		for _, name := range names {
			e := s.latency.events[name]
			var sum int64
			for _, p := range e.spikes {
				sum += p.ms
			}
			fmt.Fprintf(&b, "%s: %d spikes, %d ms on average, %d ms at worst. %s\n",
				name, len(e.spikes), sum/int64(len(e.spikes)), e.max, latencyAdvice(name))
		}
	}
	c.Out.Verbatim("txt", b.String())
	return nil
}

// latencyAdvice says where to look.
func latencyAdvice(event string) string {
	switch event {
	case "command":
		return "SLOWLOG GET shows which commands took long; commands over many elements hold everybody up."
	case "fast-command":
		return "Commands that should be quick were not: look for other load on this machine."
	case "expire-cycle":
		return "Many keys expire at once: spread their times."
	}
	return ""
}

// LATENCY HISTOGRAM [command [command ...]]
func (s *Server) cmdLatencyHistogram(c *command.Ctx) error {
	var cmds []*command.Command
	add := func(cmd *command.Command) {
		if cmd.Stats.Tracked() {
			cmds = append(cmds, cmd)
		}
	}
	if len(c.Args) == 2 {
		s.eachCommand(add)
	}
	for _, name := range c.Args[2:] {
		cmd := s.named(name)
		if cmd == nil {
			continue
		}
		add(cmd)
		for _, sub := range cmd.Subs {
			add(sub)
		}
	}
	c.Out.Map(len(cmds))
	for _, cmd := range cmds {
		writeHistogram(c.Out, cmd)
	}
	return nil
}

func writeHistogram(o *resp.Writer, cmd *command.Command) {
	var bounds, counts []int64
	cmd.Stats.Cumulative(func(usec, count uint64) {
		bounds, counts = append(bounds, int64(usec)), append(counts, int64(count))
	})
	o.BulkString(cmd.Full)
	o.Map(2)
	o.BulkString("calls")
	o.Int(int64(cmd.Stats.Calls))
	o.BulkString("histogram_usec")
	o.Map(len(bounds))
	for i := range bounds {
		o.Int(bounds[i])
		o.Int(counts[i])
	}
}

// LATENCY HELP
func cmdLatencyHelp(c *command.Ctx) error {
	c.Help(
		"DOCTOR",
		"    Return a human readable latency analysis report.",
		"GRAPH <event>",
		"    Return an ASCII latency graph for the <event> class.",
		"HISTORY <event>",
		"    Return time-latency samples for the <event> class.",
		"LATEST",
		"    Return the latest latency samples for all events.",
		"RESET [<event> ...]",
		"    Reset latency data of one or more <event> classes.",
		"    (default: reset all data for all event classes)",
		"HISTOGRAM [COMMAND ...]",
		"    Return a cumulative distribution of latencies in the format of a histogram for the specified command names.",
		"    If no commands are specified then all histograms are replied.",
	)
	return nil
}
