package engine

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
	"github.com/zclconf/go-cty/cty"
)

// unprepared is the end of a stage whose preconditions are not met, or nil.
func (r *run) unprepared(s *stage, outputs map[string]cty.Value) *event.Finish {
	return r.conditions(s, "precondition")(r.o.Evaluator.Precondition(s.Stage, outputs))
}

// unsatisfied is the end of a stage that has made what its postconditions do
// not accept, or nil.
func (r *run) unsatisfied(s *stage, made cty.Value) *event.Finish {
	return r.conditions(s, "postcondition")(r.o.Evaluator.Postcondition(s.Stage, r.outputsFor(s), made))
}

// conditions turns what is said about conditions into the end of a stage. One
// that is not met is the pipeline's own no, and so the stage has failed; one
// that cannot be judged is a mistake in the pipeline.
func (r *run) conditions(s *stage, kind string) func(unmet, diags diag.List) *event.Finish {
	return func(unmet, diags diag.List) *event.Finish {
		if diags.HasErrors() {
			finish := r.refused(s, append(diags, unmet...))
			return &finish
		}
		if len(unmet) == 0 {
			return nil
		}
		summary := fmt.Sprintf("a %s does not hold: %s", kind, unmet[0].Detail)
		if more := len(unmet) - 1; more > 0 {
			summary += fmt.Sprintf(" (and %d more)", more)
		}
		return &event.Finish{Status: event.Failed, Failure: &event.Failure{
			Summary: r.clean(summary, maxLine), Detail: r.clean(places(unmet), maxDetail), Class: ClassCondition,
		}}
	}
}

// places says where conditions stand that are not met, and what they say when
// there is more than one.
func places(unmet diag.List) string {
	var lines []string
	for _, d := range unmet {
		if d.Subject == nil {
			continue
		}
		line := fmt.Sprintf("The condition is at %s:%d.", d.Subject.Filename, d.Subject.Start.Line)
		if len(unmet) > 1 {
			line = fmt.Sprintf("%s:%d: %s", d.Subject.Filename, d.Subject.Start.Line, d.Detail)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
