package sentinel

import (
	"context"
	"encoding/json"
	"time"

	"github.com/vedette-ha/vedette/failover"
)

// A claimant renews its claims with the leader outside the log. One question is under
// way at a time and asks for all of them: a hundred failovers that run at once cost as
// much as one.

const (
	renewTimeout = 400 * time.Millisecond // for an answer; the next question waits for it
	renewKind    = "renew"                // among what peers ask the leader
	renewalsMax  = 4096                   // claims in one question
)

// renewals is what the loop is still to ask for.
type renewals struct {
	asking bool             // a question is under way
	next   []failover.Renew // with the next one
}

// renewal is one claim of a question. The answer has a byte for each, '1' for yes.
type renewal struct {
	From   string `json:"from"`
	Master string `json:"master"`
	Epoch  uint64 `json:"epoch"`
}

func (lp *loop) askRenewal(a failover.Renew) {
	if len(lp.renewals.next) < renewalsMax {
		lp.renewals.next = append(lp.renewals.next, a)
	}
	lp.sendRenewals()
}

// sendRenewals asks the leader, unless it is being asked.
func (lp *loop) sendRenewals() {
	r := &lp.renewals
	if r.asking || len(r.next) == 0 {
		return
	}
	batch, sent := r.next, time.Now()
	r.next = nil
	r.asking = lp.s.background(lp.ctx, func(ctx context.Context) {
		answer, err := lp.s.renew(ctx, batch)
		_ = lp.s.do(ctx, func(lp *loop) {
			lp.renewals.asking = false
			if err == nil { // no answer is no renewal
				lp.renewed(batch, sent, answer)
			}
			lp.sendRenewals()
		})
	})
}

func (lp *loop) renewed(batch []failover.Renew, sent time.Time, answer []byte) {
	for i, a := range batch {
		lp.step(failover.Renewed{
			At: time.Now(), Sent: sent, Master: a.Master, Epoch: a.Epoch, OK: i < len(answer) && answer[i] == '1',
		})
	}
}

// renew asks the leader, which may be this sentinel.
func (s *Sentinel) renew(ctx context.Context, batch []failover.Renew) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	questions := make([]renewal, len(batch))
	answer := make([]byte, len(batch))
	for i, a := range batch {
		questions[i] = renewal{s.id, a.Master, a.Epoch}
		answer[i] = '1'
	}
	if batch[len(batch)-1].To == s.id {
		return answer, s.quorum.Verify(ctx)
	}
	body, err := json.Marshal(questions)
	if err != nil {
		return nil, err
	}
	return s.quorum.Ask(ctx, renewKind, body)
}

// answerPeer serves what a peer asks the leader.
func (s *Sentinel) answerPeer(kind string, body []byte) ([]byte, error) {
	switch kind {
	case renewKind:
		return s.answerRenewals(body)
	case removeKind, transferKind:
		return s.serveLeader(kind, string(body))
	}
	return nil, errUnknownQuestion
}

// answerRenewals renews the claims that the machine agrees to, if we can prove that we
// lead.
func (s *Sentinel) answerRenewals(body []byte) ([]byte, error) {
	var questions []renewal
	if err := json.Unmarshal(body, &questions); err != nil {
		return nil, err
	}
	if len(questions) > renewalsMax {
		return nil, errUnknownQuestion
	}
	ctx, cancel := context.WithTimeout(context.Background(), renewTimeout)
	defer cancel()
	var answer []byte
	if err := s.do(ctx, func(lp *loop) { answer = lp.grant(questions) }); err != nil {
		return nil, err
	}
	return answer, s.quorum.Verify(ctx)
}

// grant has the machine answer, which it does in the same step.
func (lp *loop) grant(questions []renewal) []byte {
	answer := make([]byte, len(questions))
	for i, q := range questions {
		answer[i] = '0'
		lp.token++
		lp.renew[lp.token] = func(ok bool) {
			if ok {
				answer[i] = '1'
			}
		}
		lp.step(failover.RenewRequest{At: time.Now(), From: q.From, Master: q.Master, Epoch: q.Epoch, Token: lp.token})
	}
	return answer
}

func (lp *loop) answerRenew(a failover.AnswerRenew) {
	if f := lp.renew[a.Token]; f != nil {
		delete(lp.renew, a.Token)
		f(a.OK)
	}
}
