package config

import (
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty"
)

// Foresee values a stage's expressions before its turn, as far as that is
// possible: outputs holds those that are known already, and what depends on
// others is unknown and marked with its origin. No secret is resolved. Failed
// are the preconditions that are known not to hold.
func (e *Evaluator) Foresee(stage *pipeline.Stage, outputs map[string]cty.Value) (out pipeline.Foreseen, failed, diags diag.List) {
	p := e.stages[stage.Name]
	if p == nil || p.spec == nil {
		_, diags := e.With(stage, outputs) // says what is missing
		return out, nil, diags
	}
	s, diags := e.scope(p, e.withOrigins(p, outputs), budget.New(budget.Stage), unknownSecret())
	if a := p.when; a != nil {
		out.WhenText = e.source.text(a.Expr.Range())
		out.When = s.foreseen(a, cty.Bool, "true or false", &diags)
	}
	if a := p.environment; a != nil {
		out.Environment = s.foreseen(a, cty.String, "a name", &diags)
	}
	with, problems := p.spec.Decode(p.with, s)
	out.With, diags = with, append(diags, problems...)
	for _, c := range p.conditions {
		if c.after {
			continue
		}
		if what, problems := s.judge(c); what == unmet {
			failed = append(failed, problems...)
		} else {
			diags = append(diags, problems...)
		}
	}
	return out, e.source.annotate(failed).Sorted(), e.source.annotate(diags).Sorted()
}

// withOrigins adds what is not known yet of the stages that one needs.
func (e *Evaluator) withOrigins(p *prepared, outputs map[string]cty.Value) map[string]cty.Value {
	all := make(map[string]cty.Value, len(p.needs))
	for _, name := range p.needs {
		if v, known := outputs[name]; known {
			all[name] = v
		} else if e.stages[name] != nil {
			all[name] = e.stages[name].unknown.Mark(pipeline.Origin(name))
		}
	}
	return all
}

// foreseen is a value that decides what the runner itself does. When it is
// known it must be one that the run can use.
func (s *scope) foreseen(a *hclsyntax.Attribute, want cty.Type, kind string, diags *diag.List) cty.Value {
	v, problems := s.Value(a.Expr, want)
	*diags = append(*diags, problems...)
	bare, _ := v.Unmark()
	if problems.HasErrors() || !bare.IsKnown() {
		return v
	}
	_, problems = s.decisive(a, withoutOrigins(v), kind)
	*diags = append(*diags, problems...)
	return bare
}

// withoutOrigins is a value without its marks of that kind: what is known does
// not depend on what is not.
func withoutOrigins(v cty.Value) cty.Value {
	bare, marks := v.Unmark()
	for mark := range marks {
		if _, is := mark.(pipeline.Origin); is {
			delete(marks, mark)
		}
	}
	return bare.WithMarks(marks)
}
