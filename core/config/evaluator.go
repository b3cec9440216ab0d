package config

import (
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Evaluator gives a pipeline's expressions their values while it runs. It is
// safe for concurrent use. The outputs that its methods take are the objects
// of finished stages by name; those of a stage that is missing are unknown.
type Evaluator struct {
	source  *Source
	base    *hcl.EvalContext // var, run, git, path, local and functions
	secrets Secrets
	stages  map[string]*prepared
	broken  broken               // not changed after Load
	locals  map[string]cty.Value // those that are known before the run
}

// evaluateLocals values the locals that need no stage and no secret.
func (e *Evaluator) evaluateLocals(facts *scope, diags *diag.List) {
	for name := range e.source.locals {
		e.locals[name] = cty.DynamicVal
	}
	for _, l := range e.source.localOrder {
		if l.late {
			continue
		}
		facts.ctx.Variables["local"] = e.localObject(l.refs, nil)
		v, problems := facts.Value(l.expr, cty.DynamicPseudoType)
		*diags = append(*diags, problems...)
		e.locals[l.name] = v
	}
	e.base.Variables["local"] = cty.ObjectVal(maps.Clone(e.locals))
	delete(facts.ctx.Variables, "local")
}

// localObject holds the locals that expressions use directly.
func (e *Evaluator) localObject(r *references, late map[string]cty.Value) cty.Value {
	fields := make(map[string]cty.Value)
	for _, name := range r.of("local") {
		if v, ok := late[name]; ok {
			fields[name] = v
		} else if v, ok := e.locals[name]; ok {
			fields[name] = v
		}
	}
	return cty.ObjectVal(fields)
}

// scope is where a stage's expressions get their values.
func (e *Evaluator) scope(p *prepared, outputs map[string]cty.Value, b *budget.Budget, secret function.Function) (*scope, diag.List) {
	s := newScope(e.base, b, e.broken)
	s.ctx.Functions = map[string]function.Function{"secret": secret}
	s.ctx.Variables["stage"] = e.stageObject(p.uses, outputs)
	if len(p.late) == 0 {
		return s, nil
	}
	var diags diag.List
	late := make(map[string]cty.Value, len(p.late))
	inner := newScope(e.base, b, e.broken)
	inner.ctx.Functions = s.ctx.Functions
	for _, l := range p.late {
		inner.ctx.Variables["stage"] = e.stageObject(l.refs.of("stage"), outputs)
		inner.ctx.Variables["local"] = e.localObject(l.refs, late)
		v, problems := inner.Value(l.expr, cty.DynamicPseudoType)
		diags = append(diags, problems...)
		late[l.name] = v
	}
	s.ctx.Variables["local"] = e.localObject(p.stage.refs, late)
	return s, diags
}

// stageObject holds the outputs of the stages with these names.
func (e *Evaluator) stageObject(names []string, outputs map[string]cty.Value) cty.Value {
	fields := make(map[string]cty.Value, len(names))
	for _, name := range names {
		p := e.stages[name]
		switch v, ok := outputs[name]; {
		case p == nil:
			fields[name] = cty.DynamicVal
		case !ok || v == cty.NilVal:
			fields[name] = p.unknown
		default:
			fields[name] = p.mark(v)
		}
	}
	return cty.ObjectVal(fields)
}

// mark marks the outputs that the schema calls sensitive, whatever the plugin
// said about them.
func (p *prepared) mark(v cty.Value) cty.Value {
	bare, marks := v.Unmark()
	if !bare.IsKnown() || bare.IsNull() || !bare.Type().IsObjectType() {
		return v
	}
	var fields map[string]cty.Value
	for _, o := range p.component.GetOutputs() {
		if !o.GetSensitive() || !bare.Type().HasAttribute(o.GetName()) {
			continue
		}
		if fields == nil {
			fields = bare.AsValueMap()
		}
		fields[o.GetName()] = marked(fields[o.GetName()], true)
	}
	if fields == nil {
		return v
	}
	return cty.ObjectVal(fields).WithMarks(marks)
}

// runScope is a stage's scope while the pipeline runs.
func (e *Evaluator) runScope(stage *pipeline.Stage, outputs map[string]cty.Value) (*prepared, *scope, diag.List) {
	p := e.stages[stage.Name]
	if p == nil {
		return nil, nil, diag.List{{Severity: diag.Error, Summary: "Unknown stage " + stage.Name, Detail: "The stage is not part of this pipeline."}}
	}
	s, diags := e.scope(p, outputs, budget.New(budget.Stage), resolvedSecret(e.secrets, p.secrets))
	return p, s, e.source.annotate(diags)
}

// When is the value of the stage's `when`, and that argument in the user's
// words. A stage without one is wanted.
func (e *Evaluator) When(stage *pipeline.Stage, outputs map[string]cty.Value) (wanted bool, why string, diags diag.List) {
	p, s, diags := e.runScope(stage, outputs)
	if diags.HasErrors() {
		return false, "", diags
	}
	if p.stage.when == nil {
		return true, "", nil
	}
	v, ok, diags := s.required(p.stage.when, cty.Bool, "true or false")
	if !ok {
		return false, "", e.source.annotate(diags)
	}
	return v.True(), fmt.Sprintf("when = %s is %t", e.source.text(p.stage.when.Expr.Range()), v.True()), nil
}

// Environment is the stage's environment, or empty.
func (e *Evaluator) Environment(stage *pipeline.Stage, outputs map[string]cty.Value) (string, diag.List) {
	p, s, diags := e.runScope(stage, outputs)
	if diags.HasErrors() || p.stage.environment == nil {
		return "", diags
	}
	v, ok, diags := s.required(p.stage.environment, cty.String, "a name")
	if !ok {
		return "", e.source.annotate(diags)
	}
	return v.AsString(), nil
}

// With is the value of the stage's `with` block, with sensitive places marked.
func (e *Evaluator) With(stage *pipeline.Stage, outputs map[string]cty.Value) (cty.Value, diag.List) {
	p, s, diags := e.runScope(stage, outputs)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	if p.spec == nil {
		return cty.DynamicVal, diag.List{{
			Severity: diag.Error, Subject: &p.stage.header, Summary: "No schema for " + p.stage.uses.String(),
			Detail: "The plugin was not there when the pipeline was loaded.",
		}}
	}
	v, diags := p.spec.Decode(p.with, s)
	return v, e.source.annotate(diags).Sorted()
}

// Place finds the range that a plugin's diagnostic is about.
func (e *Evaluator) Place(stage *pipeline.Stage, d *pluginv1.Diagnostic) diag.Diagnostic {
	out := diag.Diagnostic{Severity: diag.Error, Summary: d.GetSummary(), Detail: d.GetDetail()}
	if d.GetSeverity() == pluginv1.Severity_SEVERITY_WARNING {
		out.Severity = diag.Warning
	}
	place := stage.Range
	if p := e.stages[stage.Name]; p != nil {
		place = p.with.Header
		if p.spec != nil {
			place = p.spec.Place(p.with, d.GetAttribute())
		}
	}
	out.Subject = &place
	return e.source.annotate(diag.List{out})[0]
}

// required is a value that decides what the runner itself does: it must be
// known, not null, and may be shown.
func (s *scope) required(a *hclsyntax.Attribute, want cty.Type, kind string) (cty.Value, bool, diag.List) {
	v, diags := s.Value(a.Expr, want)
	if diags.HasErrors() {
		return cty.NilVal, false, diags
	}
	bare, marks := v.Unmark()
	place := a.Expr.Range()
	switch {
	case len(marks) > 0:
		diags.Append(&place, fmt.Sprintf("%q cannot be sensitive", a.Name), "What the runner does would show it. Use a value that is not sensitive.")
		return cty.NilVal, false, diags
	case bare.IsNull():
		diags.Append(&place, fmt.Sprintf("%q is null", a.Name), fmt.Sprintf("It must be %s.", kind))
		return cty.NilVal, false, diags
	case !bare.IsKnown():
		diags.Append(&place, fmt.Sprintf("%q is not known", a.Name), "It depends on a stage that has not run. Use run = \"always\" with care, or do not depend on that stage.")
		return cty.NilVal, false, diags
	}
	return bare, true, diags
}

// text is the source of a range on one line.
func (s *Source) text(r hcl.Range) string {
	for _, f := range s.files {
		if f.shown == r.Filename && r.CanSliceBytes(f.data) {
			return clip(strings.Join(strings.Fields(string(r.SliceBytes(f.data))), " "))
		}
	}
	return ""
}
