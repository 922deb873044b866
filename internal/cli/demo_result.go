//go:build !nodemo

package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// millis is a duration that is shown in milliseconds; negative means there is none.
type millis time.Duration

const noMillis millis = -1

func ms(d time.Duration) millis { return millis(d) }

// String has whole milliseconds from 10 on, tenths below, and a dash for none.
func (m millis) String() string {
	f := float64(m) / float64(time.Millisecond)
	switch {
	case m < 0:
		return "-"
	case f < 9.95:
		return strconv.FormatFloat(f, 'f', 1, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

// MarshalJSON is a number with a tenth, or null.
func (m millis) MarshalJSON() ([]byte, error) {
	if m < 0 {
		return []byte("null"), nil
	}
	f := float64(m) / float64(time.Millisecond)
	return strconv.AppendFloat(nil, f, 'f', 1, 64), nil
}

// demoFigures are times from a fault, and from the old master's return.
type demoFigures struct {
	Detection millis   `json:"detection_ms"` // first +sdown of the master
	Agreement millis   `json:"agreement_ms"` // first +elected-leader
	Promotion millis   `json:"promotion_ms"` // +promoted-slave
	Switch    millis   `json:"switch_ms"`    // first +switch-master
	Answers   millis   `json:"answers_ms"`   // the last sentinel names the new master
	Outage    millis   `json:"outage_ms"`    // the worst of the writers
	Outages   []millis `json:"outages_ms"`   // longest gap between two acks, per writer
	Replica   millis   `json:"replica_ms"`   // the old master is a replica, from its return
	InSync    millis   `json:"in_sync_ms"`   // and has the data

	published int // sentinels that published the switch
	switches  int // +switch-master in all
}

// figuresOf finds the times in the events since a fault at the time zero.
func figuresOf(events []demoEvent, zero time.Time, newMaster string) demoFigures {
	f := demoFigures{Detection: noMillis, Agreement: noMillis, Promotion: noMillis, Switch: noMillis,
		Answers: noMillis, Outage: noMillis, Replica: noMillis, InSync: noMillis}
	first := func(m *millis, e demoEvent) {
		if *m < 0 {
			*m = ms(e.At.Sub(zero))
		}
	}
	published, answered := map[string]bool{}, map[string]bool{}
	for _, e := range events {
		switch e.What {
		case "+sdown":
			first(&f.Detection, e)
		case "+elected-leader":
			first(&f.Agreement, e)
		case "+promoted-slave":
			first(&f.Promotion, e)
		case "+switch-master":
			first(&f.Switch, e)
			f.switches++
			published[e.Who] = true
		case whatAnswers:
			if e.Text == newMaster && !answered[e.Who] {
				answered[e.Who] = true
				f.Answers = ms(e.At.Sub(zero))
			}
		}
	}
	f.published = len(published)
	if len(answered) < demoSentinels {
		f.Answers = noMillis
	}
	return f
}

// demoFaultResult is what came of one fault.
type demoFaultResult struct {
	Fault     string `json:"fault"`
	Title     string `json:"title"`
	Node      string `json:"node"` // the old master
	NewMaster string `json:"new_master"`
	demoFigures
	Mark     int         `json:"acknowledged_before"` // what must be there
	Check    demoCheck   `json:"writes"`
	State    string      `json:"state"`
	Timeline []timedLine `json:"timeline"`

	row string
}

// timedLine is one event in JSON.
type timedLine struct {
	MS   millis `json:"ms"`
	Who  string `json:"who"`
	What string `json:"what"`
	Text string `json:"text,omitempty"`
}

// newFaultResult measures a fault at zero whose victim was let return at back.
func newFaultResult(f demoFault, node, newMaster string, events []demoEvent, zero, back time.Time) *demoFaultResult {
	r := &demoFaultResult{Fault: f.name, Title: f.title, Node: node, NewMaster: newMaster, row: f.row,
		demoFigures: figuresOf(events, zero, newMaster)}
	for _, e := range events {
		switch e.What {
		case whatReplica:
			r.Replica = ms(e.At.Sub(back))
		case whatInSync:
			r.InSync = ms(e.At.Sub(back))
		}
		r.Timeline = append(r.Timeline, timedLine{ms(e.At.Sub(zero)), e.Who, e.What, e.Text})
	}
	return r
}

// measureOutage takes the longest gap of each writer in which the fault lies, or that
// began between it and the recovery.
func (r *demoFaultResult) measureOutage(ledgers []*demoLedger, zero, recovered time.Time) {
	for _, l := range ledgers {
		gap := ms(longestGap(l.copy(l.len()), zero, recovered))
		r.Outages = append(r.Outages, gap)
		r.Outage = max(r.Outage, gap)
	}
}

// demoFinal is the state at the end.
type demoFinal struct {
	Master         string   `json:"master"`
	Replicas       []string `json:"replicas"`
	Offset         string   `json:"offset"` // of all three
	SentinelsAgree bool     `json:"sentinels_agree"`
	Acknowledged   int      `json:"acknowledged"` // all writes, looked up on all data servers
	Lost           int      `json:"lost"`         // since the last fault's check
	Failed         int      `json:"refused"`      // writes that got an error instead
}

// demoResult is the outcome of a demo, and its JSON form.
type demoResult struct {
	OK        bool     `json:"ok"`
	Problems  []string `json:"problems"`
	Version   string   `json:"version"`
	Data      string   `json:"data_servers"` // their program
	DownAfter millis   `json:"down_after_ms"`
	Writers   int      `json:"writers"`
	Seconds   float64  `json:"seconds"`
	// Interrupted says that a signal ended the demo early, or that its output was
	// closed.
	Interrupted bool               `json:"interrupted,omitempty"`
	Folder      string             `json:"folder,omitempty"` // if it is still there
	Faults      []*demoFaultResult `json:"faults"`
	Final       demoFinal          `json:"final"`
}

func newDemoResult(o demoOptions) demoResult {
	r := demoResult{Version: buildVersion(), Data: "vedette", DownAfter: ms(o.downAfter), Writers: demoWriters,
		Problems: []string{}}
	if o.data != "" {
		r.Data = o.data
	}
	return r
}

// judge lists what is wrong with the faults and the end.
func (r *demoResult) judge() (problems []string) {
	for _, f := range r.Faults {
		if f.Check.Lost > 0 {
			problems = append(problems, fmt.Sprintf("%s: %d acknowledged writes lost that must be there", f.Title, f.Check.Lost))
		}
		if f.switches != demoSentinels {
			problems = append(problems, fmt.Sprintf("%s: the sentinels published %d switches, not one each", f.Title, f.switches))
		}
	}
	if r.Final.Lost > 0 {
		problems = append(problems, fmt.Sprintf("%d acknowledged writes are missing at the end", r.Final.Lost))
	}
	return problems
}

// finish completes the result. err is why the demo did not come to its end.
func (r *demoResult) finish(err error, took time.Duration) {
	r.Seconds = float64(took.Round(10*time.Millisecond)) / float64(time.Second)
	r.Problems = append(r.Problems, r.judge()...)
	r.Interrupted = errors.As(err, new(Signal)) || errors.Is(err, errNobodyWatches)
	if err != nil && !r.Interrupted {
		r.Problems = append(r.Problems, err.Error())
	}
	r.OK = err == nil && len(r.Problems) == 0
}

// writeJSON writes the result as one object.
func (r *demoResult) writeJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

// thousands groups the digits of n with spaces.
func thousands(n int) string {
	s := strconv.Itoa(n)
	var parts []string
	for len(s) > 3 {
		parts = append([]string{s[len(s)-3:]}, parts...)
		s = s[:len(s)-3]
	}
	return strings.Join(append([]string{s}, parts...), " ")
}
