package engine

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
)

// Verdicts of a decision. Anything else is taken for an error.
const (
	verdictAllow = "allow"
	verdictDeny  = "deny"
)

// decide asks the gate and records what it says. The Finish is nil only when
// the verdict is allow.
func (r *run) decide(ctx context.Context, at *stage, req DecisionRequest) (*Decision, *event.Finish) {
	decision, err := r.o.Gate.Decide(ctx, req)
	if err != nil {
		finish := r.undecided(ctx, err)
		return nil, &finish
	}
	if decision == nil {
		finish := errored(ClassPolicyError, "the gate gave no decision", "")
		return nil, &finish
	}
	if req.Stage != nil {
		decision.Event.For = req.Stage.Name
	}
	if len(decision.Envelope) > 0 {
		if decision.Event.Digest, _, err = r.o.Blobs.Put(ctx, bytes.NewReader(decision.Envelope)); err != nil {
			finish := r.broke(ctx, err)
			return nil, &finish
		}
	}
	r.cleanDecision(&decision.Event)
	if err := r.record(event.Event{Type: event.DecisionMade, Stage: at.Name, Decision: &decision.Event}); err != nil {
		finish := r.broke(ctx, err)
		return nil, &finish
	}
	return decision, verdict(&decision.Event)
}

// undecided is the end of a stage for which the gate has no decision.
func (r *run) undecided(ctx context.Context, err error) event.Finish {
	finish := r.broke(ctx, err)
	if finish.Failure.Class == ClassInternal {
		finish.Failure.Class = ClassPolicyError
	}
	return finish
}

func (r *run) cleanDecision(d *event.Decision) {
	d.Error = r.clean(d.Error, maxDetail)
	for i := range d.Refused {
		d.Refused[i] = r.clean(d.Refused[i], maxLine)
	}
	for _, list := range [][]event.Violation{d.Violations, d.Warnings, d.Waived} {
		for i := range list {
			r.cleanViolation(&list[i])
		}
	}
}

func (r *run) cleanViolation(v *event.Violation) {
	v.Rule, v.Subject = r.clean(v.Rule, maxName), r.clean(v.Subject, maxLine)
	v.Message, v.Remedy = r.clean(v.Message, maxLine), r.clean(v.Remedy, maxLine)
}

// verdict is nil for allow alone.
func verdict(d *event.Decision) *event.Finish {
	switch {
	case d.Verdict == verdictAllow && len(d.Violations) == 0:
		return nil
	case d.Verdict == verdictDeny:
		return &event.Finish{Status: event.Denied, Failure: &event.Failure{
			Summary: fmt.Sprintf("policy denies %s: %s", subject(d), counted(len(d.Violations), "violation")),
			Detail:  violations(d.Violations), Class: ClassDenied,
		}}
	default:
		finish := errored(ClassPolicyError, "policy could not be evaluated for "+subject(d), d.Error)
		return &finish
	}
}

func subject(d *event.Decision) string {
	if d.For == "" {
		return "the artifacts"
	}
	return pipeline.StageAddress(d.For)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// violations lists what is wrong and what to do, one a line.
func violations(list []event.Violation) string {
	const shown = 20
	var lines []string
	for _, v := range bounded(list, shown) {
		line := v.Rule + ": " + v.Message
		if v.Subject != "" {
			line += " (" + v.Subject + ")"
		}
		if v.Remedy != "" {
			line += ". " + v.Remedy
		}
		lines = append(lines, line)
	}
	if rest := len(list) - shown; rest > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(lines, "\n")
}
