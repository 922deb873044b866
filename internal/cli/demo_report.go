//go:build !nodemo

package cli

import (
	"fmt"
	"strings"
	"time"
)

// title says what is about to be seen.
func (s *demoScreen) title(o demoOptions) {
	data := ""
	if o.data != "" {
		data = fmt.Sprintf(" The data servers are %s.", o.data)
	}
	s.print([]string{"", s.paint.bold(fmt.Sprintf(
		"  Vedette %s: a master, two replicas, three sentinels, %d writers", buildVersion(), demoWriters)),
		fmt.Sprintf("  down-after %v ms, quorum %d, all on %s.%s", ms(o.downAfter), demoQuorum, demoHost, data), ""})
}

// setTable lists the processes.
func (s *demoScreen) setTable(set *demoSet) {
	var lines []string
	for i, n := range set.nodes() {
		role := "replica"
		switch {
		case i == 0:
			role = "master"
		case i >= len(set.data):
			role = ""
		}
		lines = append(lines, strings.TrimRight(fmt.Sprintf("  %-11s %s  pid %-8d %s", n.Name, n.addr(), n.pid(), role), " "))
	}
	s.print(append(lines, ""))
}

// ready says that the set is complete.
func (s *demoScreen) ready(took time.Duration) {
	s.print([]string{fmt.Sprintf("  Ready after %.1f s: the sentinels have found each other and the replicas.", took.Seconds())})
}

// heading begins a fault.
func (s *demoScreen) heading(number int, title, victim string) {
	s.print([]string{"", s.paint.bold(fmt.Sprintf("  %d  %s, %s", number, title, victim)), ""})
}

// checked says what the writers' check has shown.
func (s *demoScreen) checked(c demoCheck, master string) {
	text := fmt.Sprintf("%s acknowledged writes looked up on %s: ", thousands(c.Checked), master)
	switch {
	case c.Lost > 0:
		text = s.paint.red(fmt.Sprintf("%s%d are missing that must be there", text, c.Lost))
	case c.Late > 0:
		text = fmt.Sprintf("%s%d of the last instant are missing", text, c.Late)
	default:
		text += "all there"
	}
	s.print([]string{"", "  " + text})
}

// tableColumn is one column of the report.
type tableColumn struct {
	head  string
	width int // negative: to the left
	cell  func(*demoFaultResult) string
}

// wideReport is the number of columns from which the state has a column, too.
const wideReport = 112

func tableColumns(width int) []tableColumn {
	columns := []tableColumn{
		{"fault", -8, func(r *demoFaultResult) string { return r.row }},
		{"detect", 7, func(r *demoFaultResult) string { return r.Detection.String() }},
		{"agree", 7, func(r *demoFaultResult) string { return r.Agreement.String() }},
		{"switch", 7, func(r *demoFaultResult) string { return r.Switch.String() }},
		{"answer", 7, func(r *demoFaultResult) string { return r.Answers.String() }},
		{"outage", 7, func(r *demoFaultResult) string { return r.Outage.String() }},
		{"return", 7, func(r *demoFaultResult) string { return r.Replica.String() }},
		{"writes", 9, func(r *demoFaultResult) string { return thousands(r.Check.Checked) }},
		{"lost", 5, func(r *demoFaultResult) string { return fmt.Sprint(r.Check.Lost + r.Check.Late) }},
	}
	if width >= wideReport {
		columns[0] = tableColumn{"fault", -22, func(r *demoFaultResult) string { return r.Title }}
	}
	state := func(r *demoFaultResult) string { return "  " + r.NewMaster + " +2" }
	if width >= wideReport {
		state = func(r *demoFaultResult) string { return "  " + r.State }
	}
	return append(columns, tableColumn{"  after", 0, state})
}

// tableLines is the table: a row a fault.
func tableLines(faults []*demoFaultResult, width int, p painter) []string {
	columns := tableColumns(width)
	head := "  "
	for _, c := range columns {
		head += fmt.Sprintf("%*s", c.width, c.head)
	}
	lines := []string{p.bold(strings.TrimRight(head, " "))}
	for _, f := range faults {
		row := "  "
		for _, c := range columns {
			row += fmt.Sprintf("%*s", c.width, c.cell(f))
		}
		lines = append(lines, strings.TrimRight(row, " "))
	}
	return lines
}

// tableLegend says what the columns are.
func tableLegend() []string {
	return []string{
		"  In ms from the fault. detect: the first +sdown. agree: +elected-leader.",
		"  switch: the first +switch-master. answer: all sentinels name the new master.",
		"  outage: a writer's longest wait between two acknowledgements. return: until",
		"  the old master is a replica, from its restart or SIGCONT. writes: all that",
		"  were acknowledged so far, looked up on the new master key by key.",
	}
}

// reportLines is the end of the demo: the table, what is true of the end, and what is
// wrong.
func reportLines(r *demoResult, width int, p painter) []string {
	lines := []string{""}
	if len(r.Faults) > 0 {
		lines = append(lines, tableLines(r.Faults, width, p)...)
		lines = append(lines, "")
		for _, l := range tableLegend() {
			lines = append(lines, p.dim(l))
		}
		lines = append(lines, lateLines(r.Faults)...)
		lines = append(lines, "")
	}
	if f := r.Final; f.Master != "" {
		ok := p.green("  ok  ")
		lines = append(lines,
			fmt.Sprintf("%sone master, %s; %s follow it, all at offset %s", ok, f.Master, strings.Join(f.Replicas, " and "), f.Offset),
			fmt.Sprintf("%sall %d sentinels name %s", ok, demoSentinels, f.Master))
		if f.Lost == 0 {
			lines = append(lines, fmt.Sprintf("%s%s acknowledged writes looked up on all three data servers",
				ok, thousands(f.Acknowledged)))
		}
	}
	for _, problem := range r.Problems {
		lines = append(lines, p.red("  FAILED  ")+problem)
	}
	if r.Interrupted {
		lines = append(lines, "  Interrupted.")
	}
	lines = append(lines, fmt.Sprintf("  %.1f s, nothing left running.", r.Seconds))
	if r.Folder != "" {
		lines = append(lines, "  Logs and files: "+r.Folder)
	}
	return append(lines, "")
}

// lateLines explain losses that asynchronous replication allows.
func lateLines(faults []*demoFaultResult) (lines []string) {
	for _, f := range faults {
		if f.Check.Late > 0 {
			lines = append(lines, fmt.Sprintf("  %s: %d writes of the last instant, after the mark that the replicas confirmed, are lost.",
				f.Title, f.Check.Late))
		}
	}
	return lines
}
