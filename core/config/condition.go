package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty"
)

// condition is a precondition or postcondition of a stage.
type condition struct {
	after              bool // it is a postcondition
	condition, message *hclsyntax.Attribute
}

func conditionShape(what string) *shape {
	return &shape{
		what: "a " + what, header: what,
		args: []string{"condition", "error_message"}, required: []string{"condition", "error_message"},
	}
}

func (st *stage) decodeCondition(b *hclsyntax.Block, diags *diag.List) {
	before := len(*diags)
	conditionShape(b.Type).checkBody(b, diags)
	if len(*diags) == before {
		st.conditions = append(st.conditions, condition{
			after: b.Type == "postcondition", condition: b.Body.Attributes["condition"], message: b.Body.Attributes["error_message"],
		})
	}
}

// checkConditions checks the types of a stage's conditions before anything has
// run. Whether they hold is asked when the stage does.
func (e *Evaluator) checkConditions(p *prepared, s *scope, diags *diag.List) {
	for _, c := range p.conditions {
		in := s
		if c.after {
			in = s.with("self", p.unknown)
		}
		what, problems := in.judge(c)
		if what == unmet && (p.when != nil || p.run != pipeline.OnSuccess) {
			continue // it may never run
		}
		*diags = append(*diags, problems...)
	}
}

// Precondition is what keeps a stage from running: one diagnostic for each
// precondition that is not met, with its own message. What is wrong with the
// conditions themselves is in diags.
func (e *Evaluator) Precondition(stage *pipeline.Stage, outputs map[string]cty.Value) (unmet, diags diag.List) {
	return e.conditions(stage, outputs, false, cty.NilVal)
}

// Postcondition is the same for what a stage has made: self is its outputs.
func (e *Evaluator) Postcondition(stage *pipeline.Stage, outputs map[string]cty.Value, self cty.Value) (unmet, diags diag.List) {
	return e.conditions(stage, outputs, true, self)
}

func (e *Evaluator) conditions(stage *pipeline.Stage, outputs map[string]cty.Value, after bool, self cty.Value) (failed, diags diag.List) {
	if p := e.stages[stage.Name]; p == nil || !p.hasConditions(after) {
		return nil, nil
	}
	p, s, diags := e.runScope(stage, outputs)
	if diags.HasErrors() {
		return nil, diags
	}
	if after {
		s = s.with("self", p.mark(self))
	}
	for _, c := range p.conditions {
		if c.after != after {
			continue
		}
		what, problems := s.judge(c)
		switch {
		case what == unmet:
			failed = append(failed, problems...)
		case what == undecided && !problems.HasErrors():
			diags.Append(c.condition.Expr.Range().Ptr(), "Condition is not known", "It depends on a stage that has not succeeded.")
		default:
			diags = append(diags, problems...)
		}
	}
	return e.source.annotate(failed).Sorted(), e.source.annotate(diags).Sorted()
}

func (st *stage) hasConditions(after bool) bool {
	return slices.ContainsFunc(st.conditions, func(c condition) bool { return c.after == after })
}

// verdict is what a condition comes to.
type verdict int

const (
	undecided verdict = iota // it is not known, or wrong
	met
	unmet
)

// judge values a condition. One that is not met is an error with its message.
func (s *scope) judge(c condition) (verdict, diag.List) {
	v, diags := s.Value(c.condition.Expr, cty.Bool)
	place := c.condition.Expr.Range()
	bare, _ := v.Unmark()
	switch {
	case diags.HasErrors() || !bare.IsKnown():
		return undecided, diags
	case bare.IsNull():
		diags.Append(&place, "Condition is null", "A condition must be true or false.")
		return undecided, diags
	case bare.True():
		return met, diags
	}
	message, problems := s.Value(c.message.Expr, cty.String)
	if diags = append(diags, problems...); problems.HasErrors() {
		return undecided, diags
	}
	what := "Precondition does not hold"
	if c.after {
		what = "Postcondition does not hold"
	}
	diags.Append(&place, what, messageText(message))
	return unmet, diags
}
