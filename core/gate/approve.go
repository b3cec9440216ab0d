package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/gate/approval"
)

// Approvals is what the operator decides about them.
type Approvals struct {
	// Signers is the file of those who may approve; empty means nobody. It is
	// read whenever votes are counted, so that a key that was taken out of it
	// counts no more.
	Signers    string
	AllowSelf  bool              // whoever started a run may approve it
	Lifetime   time.Duration     // at most, of an approval; 0 means approval.DefaultLifetime
	Principals map[string]string // of accounts
	// Votes are those on record for a run. They are not trusted.
	Votes func(ctx context.Context, run string) ([][]byte, error)
}

// Question is what has to be approved.
func (a Approvals) Question(req engine.ApprovalRequest) approval.Question {
	limit := cmp.Or(a.Lifetime, approval.DefaultLifetime)
	if own := req.Stage.Approval.Expires; own > 0 {
		limit = min(limit, own)
	}
	return approval.Question{
		Run: req.RunID, Stage: req.Stage.Address(), Environment: req.Environment, Plan: req.PlanDigest,
		Approvers: req.Stage.Approval.Approvers, Lifetime: limit,
		Asker: a.asker(req.Actor), AllowSelf: a.AllowSelf,
	}
}

// asker are the names under which an account could approve.
func (a Approvals) asker(account string) []string {
	if account == "" {
		return nil
	}
	if principal := a.Principals[account]; principal != "" {
		return []string{account, principal}
	}
	return []string{account}
}

// Approvals implements engine.Gate.
func (g *Gate) Approvals(ctx context.Context, req engine.ApprovalRequest) (*engine.Tally, error) {
	a := g.opts.Approvals
	if req.Stage == nil || req.Stage.Approval == nil {
		return nil, errors.New("count approvals: the stage asks for none")
	}
	if a.Signers == "" || a.Votes == nil {
		return nil, fmt.Errorf("count approvals: %s has to be approved, and the operator's configuration names no allowed signers", req.Stage.Address())
	}
	if req.Actor == "" && !a.AllowSelf {
		return nil, errors.New("count approvals: it is not known who started the run, so that nobody can be kept from approving his own: give the runner's account a name, or set allow_self_approval")
	}
	signers, err := approval.LoadSigners(a.Signers)
	if err != nil {
		return nil, err
	}
	votes, err := a.Votes(ctx, req.RunID)
	if err != nil {
		return nil, err
	}
	counted := approval.Count(votes, signers, a.Question(req), g.opts.Now())
	out := &engine.Tally{Approved: voices(counted.Approved), Rejected: voices(counted.Rejected)}
	for _, i := range counted.Ignored {
		out.Ignored = append(out.Ignored, i.String())
	}
	return out, nil
}

func voices(in []approval.Voice) []engine.Voice {
	var out []engine.Voice
	for _, v := range in {
		out = append(out, engine.Voice{Vote: v.Vote, Event: event.Approval{
			Verdict: string(v.Verdict), Principal: v.Principal, Fingerprint: v.Fingerprint, PlanDigest: v.Plan,
			Reason: v.Reason, Time: v.Time, Expires: v.Expires,
		}})
	}
	return out
}
