package engine

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/graph"
	"github.com/stagegate/stagegate/core/pipeline"
)

// approvalPause is how often a run that waits in place looks for new votes.
const approvalPause = 250 * time.Millisecond

// approved is the end of a deployer stage for whose plan too few have spoken,
// or nil: then the voices that count are on record.
func (r *run) approved(ctx context.Context, s *stage, a *attempt, plan *event.Plan, d *Decision) *event.Finish {
	if s.Approval == nil {
		return nil
	}
	req := r.approvalOf(s, plan)
	tally, err := r.o.Gate.Approvals(ctx, req)
	if err != nil {
		finish := r.undecided(ctx, err)
		return &finish
	}
	for _, reason := range tally.Ignored {
		r.warn(s, "a vote does not count", reason)
	}
	if len(tally.Rejected) > 0 {
		return r.rejected(ctx, s, a, tally.Rejected)
	}
	if len(tally.Approved) >= s.Approval.Required {
		return r.keepVoices(ctx, s, a, tally.Approved)
	}
	return r.tooFew(s, plan, d, tally)
}

func (r *run) approvalOf(s *stage, plan *event.Plan) ApprovalRequest {
	return ApprovalRequest{RunID: r.o.RunID, Actor: r.info.Actor, Stage: s.Stage, Environment: plan.Environment, PlanDigest: plan.Digest}
}

// tooFew is how the stage begins to wait.
func (r *run) tooFew(s *stage, plan *event.Plan, d *Decision, tally *Tally) *event.Finish {
	asked := &event.Asked{
		PlanDigest: plan.Digest, DecisionDigest: d.Event.Digest, Environment: plan.Environment,
		Required: s.Approval.Required, Approvers: s.Approval.Approvers, Lifetime: seconds(s.Approval.Expires),
	}
	for _, v := range tally.Approved {
		asked.Approved = append(asked.Approved, v.Event.Principal)
	}
	what := fmt.Sprintf("waiting for %s of plan %s", counted(asked.Required-len(asked.Approved), "approval"), plan.Digest)
	if n := len(asked.Approved); n > 0 {
		what += fmt.Sprintf(" (%d of %d: %s)", n, asked.Required, strings.Join(asked.Approved, ", "))
	}
	detail := r.planSince(s, plan)
	s.wait = &event.Wait{Approval: asked, Changed: detail}
	s.waitFor = r.clean(what, maxLine)
	return &event.Finish{Status: event.Waiting, Failure: &event.Failure{Summary: s.waitFor, Detail: detail, Class: ClassApproval}}
}

// planSince says what has changed since the stage last asked for approvals, or
// nothing.
func (r *run) planSince(s *stage, plan *event.Plan) string {
	before := s.asked
	if was := r.recorded(s.Name); before == nil && was != nil && was.Wait != nil && was.Wait.Approval != nil {
		old := was.Plans[was.Wait.Approval.PlanDigest]
		old.Digest = was.Wait.Approval.PlanDigest
		before = &old
	}
	s.asked = plan
	if before == nil || before.Digest == plan.Digest {
		return ""
	}
	detail := fmt.Sprintf("The plan has changed: approvals of %s do not count for it.", before.Digest)
	if objects := differences(before.Changes, plan.Changes); len(objects) > 0 {
		detail += " These differ: " + strings.Join(bounded(objects, 20), ", ") + "."
	}
	return detail
}

// rejected is the end of a stage that somebody has spoken against.
func (r *run) rejected(ctx context.Context, s *stage, a *attempt, voices []Voice) *event.Finish {
	if finish := r.keepVoices(ctx, s, a, voices); finish != nil {
		return finish
	}
	first := voices[0].Event
	summary := "rejected by " + r.clean(first.Principal, maxName)
	if first.Reason != "" {
		summary += ": " + r.clean(first.Reason, maxLine)
	}
	return &event.Finish{Status: event.Failed, Failure: &event.Failure{Summary: summary, Detail: "Nothing was applied.", Class: ClassRejected}}
}

// keepVoices records the voices that count, and their votes as blobs.
func (r *run) keepVoices(ctx context.Context, s *stage, a *attempt, voices []Voice) *event.Finish {
	var events []event.Event
	for _, v := range voices {
		digest, _, err := r.o.Blobs.Put(ctx, bytes.NewReader(v.Vote))
		if err != nil {
			finish := r.broke(ctx, err)
			return &finish
		}
		e := v.Event
		e.Digest, e.Reason = digest, r.clean(e.Reason, maxLine)
		events = append(events, event.Event{Type: event.ApprovalCounted, Stage: s.Name, Attempt: a.number, Approval: &e})
	}
	if err := r.record(events...); err != nil {
		finish := r.broke(ctx, err)
		return &finish
	}
	return nil
}

// await lets a stage wait for approvals. It reports whether the stage is to be
// tried again: its plan is made and judged anew then. Otherwise it waits until
// the run is resumed. In its place, it keeps nobody from its concurrency group,
// and takes nobody's room.
func (r *run) await(ctx context.Context, s *stage, tried event.Event) (result, bool) {
	reason := s.waitFor
	if s.wait.Changed != "" {
		reason += ". " + s.wait.Changed
	}
	waiting := event.Event{Type: event.StageWaiting, Stage: s.Name, Reason: r.clean(reason, maxLine), Waiting: s.wait}
	if err := r.recordEnd(tried, waiting); err != nil {
		return r.end(s, r.broke(ctx, err)), false
	}
	res := result{status: event.Waiting, reason: s.waitFor}
	if r.o.ApprovalWait <= 0 {
		return res, false
	}
	r.leave(s)
	enough := false
	s.turn.Pause(func() { enough = r.watchVotes(ctx, s) })
	if ctx.Err() != nil {
		return r.end(s, r.ended(context.Cause(ctx))), false
	}
	if err := r.closed(s); err != nil {
		return r.end(s, r.ended(err)), false
	}
	if !enough {
		return res, false
	}
	if finish := r.enter(ctx, s); finish != nil {
		return r.end(s, *finish), false
	}
	return result{}, true
}

// watchVotes reports whether enough has been said, before the time is up. Who
// waits has begun nothing: when nothing may start any more, the wait is over.
func (r *run) watchVotes(ctx context.Context, s *stage) bool {
	limit := time.NewTimer(r.o.ApprovalWait)
	defer limit.Stop()
	ticker := time.NewTicker(approvalPause)
	defer ticker.Stop()
	told := make(map[string]bool)
	for {
		tally, err := r.o.Gate.Approvals(ctx, r.approvalOf(s, s.asked))
		if err == nil && (len(tally.Approved) >= s.Approval.Required || len(tally.Rejected) > 0) {
			return true
		}
		if err == nil {
			for _, reason := range tally.Ignored {
				if !told[reason] {
					r.warn(s, "a vote does not count", reason)
				}
				told[reason] = true
			}
		}
		select {
		case <-ctx.Done():
			return false
		case <-r.lanes.of(s).start.Done():
			return false
		case <-limit.C:
			return false
		case <-ticker.C:
		}
	}
}

// waits lets a stage wait while any of its needs does, whatever its run mode:
// they have not come to an end.
func (r *run) waits(s *stage, needs []graph.Need[result]) (result, bool) {
	var on []string
	for _, need := range needs {
		if need.Result.status == event.Waiting {
			on = append(on, pipeline.StageAddress(need.Name))
		}
	}
	if len(on) == 0 {
		return result{}, false
	}
	reason := "it waits for " + strings.Join(bounded(on, 20), ", ")
	_ = r.recordEnd(event.Event{Type: event.StageWaiting, Stage: s.Name, Reason: reason, Waiting: &event.Wait{Stages: on}})
	return result{status: event.Waiting, reason: reason}, true
}
