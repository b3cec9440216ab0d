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
	if err := r.keepInput(ctx, decision); err != nil {
		finish := r.broke(ctx, err)
		return nil, &finish
	}
	Settle(&decision.Event, r.o.Redactor.Text)
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

// keepInput stores the document that was judged, so that the decision can be
// made again and explained. What holds a secret is not kept, and neither is
// more than any policy takes: the decision says so.
func (r *run) keepInput(ctx context.Context, d *Decision) error {
	text := string(d.Input)
	switch {
	case text == "":
		return nil
	case len(text) > maxInput:
		d.Event.InputWithheld = fmt.Sprintf("it has more than %d bytes", maxInput)
	case r.o.Redactor.Text(text) != text:
		d.Event.InputWithheld = "it holds a secret in clear"
	default:
		var err error
		d.Event.Input, _, err = r.o.Blobs.Put(ctx, bytes.NewReader(d.Input))
		return err
	}
	return nil
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
