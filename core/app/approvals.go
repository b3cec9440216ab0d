package app

import (
	"context"
	"fmt"

	"github.com/stagegate/stagegate/core/gate"
	"github.com/stagegate/stagegate/core/gate/approval"
	"github.com/stagegate/stagegate/core/operator"
)

// votesOf reads the votes on a run.
type votesOf func(ctx context.Context, run string) ([][]byte, error)

// approvals is what the operator decides about them, for the gate.
func (s *session) approvals(votes votesOf) gate.Approvals {
	a := s.operator.Approvals
	return gate.Approvals{
		Signers: a.AllowedSigners, AllowSelf: a.AllowSelf, Lifetime: a.Lifetime, Principals: a.Principals, Votes: votes,
	}
}

// checkApprovals reports stages that nobody could approve.
func (l *loaded) checkApprovals(a operator.Approvals) {
	if l.Loaded == nil {
		return
	}
	var signers *approval.Signers
	var broken error
	for _, stage := range l.Pipeline.Stages {
		if stage.Approval == nil {
			continue
		}
		if a.AllowedSigners == "" {
			l.diags.Append(&stage.Range, "Nobody can approve", fmt.Sprintf(
				"%s has to be approved, and the operator's configuration does not say who may: approvals { allowed_signers = \"/etc/stagegate/allowed_signers\" }.", stage.Address()))
			continue
		}
		if signers == nil && broken == nil {
			signers, broken = approval.LoadSigners(a.AllowedSigners)
		}
		if broken != nil {
			l.diags.Append(&stage.Range, "Nobody can approve", fmt.Sprintf("%s has to be approved, but: %s.", stage.Address(), broken))
			continue
		}
		for _, name := range stage.Approval.Approvers {
			if !signers.Knows(name, now()) {
				l.diags.Append(&stage.Range, fmt.Sprintf("Unknown approver %q", name), fmt.Sprintf(
					"The operator's file of allowed signers, %s, has no key of that name that counts now.", a.AllowedSigners))
			}
		}
	}
}

// starter is the account that started the run.
func (x execution) starter() string { return actor() }
