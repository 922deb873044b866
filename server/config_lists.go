package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vedette-ha/vedette/internal/conf"
	"github.com/vedette-ha/vedette/internal/resp"
)

// maxBindAddrs is Redis's limit of addresses in bind.
const maxBindAddrs = 16

// bindValue: bind [-]address …; an empty one listens nowhere.
type bindValue struct{ p *[]string }

func bindAddrs(p *[]string) value {
	*p = []string{"*", "-::*"}
	return bindValue{p}
}

func (v bindValue) set(args []string) error {
	if len(args) > maxBindAddrs {
		return configError("Too many bind addresses specified.")
	}
	if len(args) == 1 && args[0] == "" {
		args = nil
	}
	*v.p = slices.Clone(args)
	return nil
}

func (v bindValue) String() string { return strings.Join(*v.p, " ") }
func (v bindValue) keep() func()   { return keepPointer(v.p) }

func (v bindValue) lines() []string {
	if len(*v.p) == 0 {
		return []string{`""`}
	}
	out := make([]string, len(*v.p))
	for i, addr := range *v.p {
		out[i] = conf.QuoteIfNeeded(addr)
	}
	return []string{strings.Join(out, " ")}
}

// saveValue: save seconds changes …; `save ""` is none.
type saveValue struct{ p *[]SavePoint }

func savePoints(p *[]SavePoint) value {
	*p = []SavePoint{{3600, 1}, {300, 100}, {60, 10000}}
	return saveValue{p}
}

func (v saveValue) set(args []string) error {
	points, err := v.parse(args)
	if err != nil {
		return err
	}
	*v.p = points
	return nil
}

func (v saveValue) parse(args []string) ([]SavePoint, error) {
	if len(args) == 1 && args[0] == "" {
		return nil, nil
	}
	bad := configError("Invalid save parameters")
	if len(args)%2 != 0 {
		return nil, bad
	}
	var points []SavePoint
	for pair := range slices.Chunk(args, 2) {
		sec, err1 := strconv.ParseInt(pair[0], 10, 64)
		changes, err2 := int64(0), error(nil)
		if pair[1] != "" { // Redis takes it for 0
			changes, err2 = strconv.ParseInt(pair[1], 10, 32)
		}
		if err1 != nil || err2 != nil || sec < 1 || changes < 0 {
			return nil, bad
		}
		points = append(points, SavePoint{sec, int(changes)})
	}
	return points, nil
}

// add appends the points of one more line of a file.
func (v saveValue) add(args []string) error {
	points, err := v.parse(args)
	if err != nil {
		return err
	}
	*v.p = append(slices.Clone(*v.p), points...)
	if len(args) == 1 { // save ""
		*v.p = nil
	}
	return nil
}

func (v saveValue) String() string { return strings.Join(v.pairs(), " ") }
func (v saveValue) keep() func()   { return keepPointer(v.p) }

func (v saveValue) lines() []string {
	if len(*v.p) == 0 {
		return []string{`""`}
	}
	return v.pairs()
}

func (v saveValue) pairs() []string {
	var out []string
	for _, p := range *v.p {
		out = append(out, fmt.Sprintf("%d %d", p.Seconds, p.Changes))
	}
	return out
}

// outputLimitValue: client-output-buffer-limit class hard soft seconds …;
// classes not named keep theirs.
type outputLimitValue struct{ p *[3]OutputLimit }

func outputLimits(p *[3]OutputLimit) value {
	*p = [3]OutputLimit{
		classReplica: {Hard: 256 << 20, Soft: 64 << 20, SoftSeconds: 60},
		classPubSub:  {Hard: 32 << 20, Soft: 8 << 20, SoftSeconds: 60},
	}
	return outputLimitValue{p}
}

func (v outputLimitValue) set(args []string) error {
	if len(args) == 1 && args[0] == "" {
		return nil
	}
	if len(args)%4 != 0 {
		return configError("Wrong number of arguments in buffer limit configuration.")
	}
	limits := *v.p
	for quad := range slices.Chunk(args, 4) {
		cl, ok := limitClass(quad[0])
		if !ok {
			return configError("Invalid client class specified in buffer limit configuration.")
		}
		hard, err1 := conf.ParseMemory(quad[1])
		soft, err2 := conf.ParseMemory(quad[2])
		sec, err3 := strconv.ParseInt(quad[3], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil || sec < 0 || sec > maxInt {
			return configError("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		limits[cl] = OutputLimit{Hard: hard, Soft: soft, SoftSeconds: sec}
	}
	*v.p = limits
	return nil
}

func limitClass(s string) (class, bool) {
	switch strings.ToLower(s) {
	case "normal":
		return classNormal, true
	case "slave", "replica":
		return classReplica, true
	case "pubsub":
		return classPubSub, true
	}
	return 0, false
}

// String keeps Redis's older word, slave, which clients parse.
func (v outputLimitValue) String() string {
	out := make([]string, len(v.p))
	for i, name := range [...]string{"normal", "slave", "pubsub"} {
		l := v.p[i]
		out[i] = fmt.Sprintf("%s %d %d %d", name, l.Hard, l.Soft, l.SoftSeconds)
	}
	return strings.Join(out, " ")
}

func (v outputLimitValue) keep() func() { return keepPointer(v.p) }

func (v outputLimitValue) lines() []string {
	out := make([]string, len(v.p))
	for i, name := range [...]string{"normal", "replica", "pubsub"} {
		l := v.p[i]
		out[i] = fmt.Sprintf("%s %s %s %d", name,
			conf.FormatMemory(l.Hard), conf.FormatMemory(l.Soft), l.SoftSeconds)
	}
	return out
}

// percentileValue: latency-tracking-info-percentiles p …
type percentileValue struct{ p *[]float64 }

func percentiles(p *[]float64) value {
	*p = []float64{50, 99, 99.9}
	return percentileValue{p}
}

func (v percentileValue) set(args []string) error {
	if len(args) == 1 && args[0] == "" {
		args = nil
	}
	out := make([]float64, len(args))
	for i, a := range args {
		f, ok := resp.ParseFloat([]byte(a))
		if !ok {
			return configError("Invalid latency-tracking-info-percentiles parameters")
		}
		if !(f >= 0 && f <= 100) {
			return configError("latency-tracking-info-percentiles parameters should sit " +
				"between [0.0,100.0]")
		}
		out[i] = f
	}
	*v.p = out
	return nil
}

func (v percentileValue) String() string {
	out := make([]string, len(*v.p))
	for i, f := range *v.p {
		s := strconv.FormatFloat(f, 'f', 6, 64)
		out[i] = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return strings.Join(out, " ")
}

func (v percentileValue) keep() func() { return keepPointer(v.p) }

func (v percentileValue) lines() []string {
	if len(*v.p) == 0 {
		return []string{`""`}
	}
	return []string{v.String()}
}

// oomScoreValue: oom-score-adj-values master replica child.
type oomScoreValue struct{ p *[3]int }

func oomScores(p *[3]int) value {
	*p = [3]int{0, 200, 800}
	return oomScoreValue{p}
}

func (v oomScoreValue) set(args []string) error {
	if len(args) != len(v.p) {
		return errArgCount
	}
	var scores [3]int
	for i, a := range args {
		n, err := strconv.Atoi(a)
		if err != nil || n < -2000 || n > 2000 {
			return configError("Invalid oom-score-adj-values, " +
				"elements must be between -2000 and 2000.")
		}
		scores[i] = n
	}
	*v.p = scores
	return nil
}

func (v oomScoreValue) String() string  { return fmt.Sprintf("%d %d %d", v.p[0], v.p[1], v.p[2]) }
func (v oomScoreValue) keep() func()    { return keepPointer(v.p) }
func (v oomScoreValue) lines() []string { return []string{v.String()} }
