package server

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// OOMScoreAdj says how oom-score-adj-values are applied.
type OOMScoreAdj int

// The ways, in the order Redis lists them.
const (
	OOMNo       OOMScoreAdj = iota // not at all
	OOMRelative                    // added to what the process was started with
	OOMAbsolute
)

// oomScoreFile is where the kernel keeps how ready it is to end this process.
const oomScoreFile = "/proc/self/oom_score_adj"

// oomScoreMax bounds a score in both directions.
const oomScoreMax = 1000

// oomScore remembers what the process was started with.
type oomScore struct {
	base    int
	changed bool // by us: base is what to go back to
}

// applyOOMScore tells the kernel the score for the role this server has.
func (s *Server) applyOOMScore() error {
	o := &s.oom
	if s.cfg.OOMScoreAdj == OOMNo && !o.changed {
		return nil
	}
	if !o.changed {
		b, err := os.ReadFile(oomScoreFile)
		if err == nil {
			o.base, err = strconv.Atoi(strings.TrimSpace(string(b)))
		}
		if err != nil {
			s.log.Warn().Msgf("Unable to read oom_score_adj: %s", systemError(err))
			return errOOMScore
		}
	}
	score := s.cfg.OOMScoreAdjValues[b2i(s.isReplica())]
	switch s.cfg.OOMScoreAdj {
	case OOMNo:
		score = o.base
	case OOMRelative:
		score += o.base
	}
	score = min(max(score, -oomScoreMax), oomScoreMax)
	if err := os.WriteFile(oomScoreFile, strconv.AppendInt(nil, int64(score), 10), 0); err != nil {
		s.log.Warn().Msgf("Unable to write oom_score_adj: %s", systemError(err))
		return errOOMScore
	}
	o.changed = s.cfg.OOMScoreAdj != OOMNo
	return nil
}

var errOOMScore = errors.New("Failed to set current oom_score_adj. Check server logs.") //nolint:staticcheck // Redis's text
