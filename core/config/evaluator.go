package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/config/spelling"
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
	bases   map[*module]*hcl.EvalContext // var of the pipeline, run, git, path and functions
	secrets Secrets
	blocks  map[*stage]*block
	stages  map[string]*prepared
	inOrder []*prepared
	reads   map[*binding]selection // of late ones
	broken  broken                 // not changed after Load
	values  map[*binding]cty.Value // of those that are known before the run
	hints   spelling.Hints         // used by Load alone
}

// evaluateBindings values what needs no stage and no secret.
func (e *Evaluator) evaluateBindings(spend *budget.Budget, diags *diag.List) {
	for _, b := range e.source.bindings {
		if b.late {
			continue
		}
		v, problems := e.bind(b, e.early(b.module, b.refs, each{}, spend), nil)
		*diags = append(*diags, problems...)
		e.values[b] = v
	}
}

// early is a scope for what needs no stage: names in a module.
func (e *Evaluator) early(m *module, r *references, own each, b *budget.Budget) *scope {
	s := newScope(e.bases[m], b, e.broken)
	e.name(s, m, r, nil)
	if own.value != cty.NilVal {
		s.ctx.Variables["each"] = own.object()
	}
	return s
}

// name puts the values of bindings into a scope: those that references in a
// module use.
func (e *Evaluator) name(s *scope, m *module, r *references, late map[*binding]cty.Value) {
	value := func(b *binding) cty.Value {
		if v, ok := late[b]; ok {
			return v
		}
		if v, ok := e.values[b]; ok {
			return v
		}
		return cty.DynamicVal
	}
	if !s.budget.Work(perScope + perName*int64(len(r.distinct))) {
		return // evaluating anything says so
	}
	var locals, inputs map[string]cty.Value
	var children map[string]map[string]cty.Value
	for _, ref := range r.distinct {
		named := m.named(ref)
		if len(named) > 1 && !s.budget.Work(perName*int64(len(named))) {
			return
		}
		for _, b := range named {
			switch b.root {
			case "local":
				locals = put(locals, b.name, value(b))
			case "var":
				inputs = put(inputs, b.name, value(b))
			case "output":
				children = put(children, ref.name, put(children[ref.name], b.name, value(b)))
			}
		}
		if ref.root == "module" && m.children[ref.name] != nil && children[ref.name] == nil {
			children = put(children, ref.name, map[string]cty.Value{}) // it has no output
		}
	}
	s.ctx.Variables["local"] = objectOf(locals)
	if m.parent != nil {
		s.ctx.Variables["var"] = objectOf(inputs)
	}
	if children != nil {
		modules := make(map[string]cty.Value, len(children))
		for name, outputs := range children {
			modules[name] = cty.ObjectVal(outputs)
		}
		s.ctx.Variables["module"] = cty.ObjectVal(modules)
	}
}

// objectOf is an object of fields; most have none.
func objectOf(fields map[string]cty.Value) cty.Value {
	if len(fields) == 0 {
		return cty.EmptyObjectVal
	}
	return cty.ObjectVal(fields)
}

// put is a map with one more element; a nil map is made.
func put[V any](in map[string]V, name string, v V) map[string]V {
	if in == nil {
		in = make(map[string]V)
	}
	in[name] = v
	return in
}

// What it costs to put names into a scope.
const (
	perScope = 100
	perName  = 60
)

// scope is where a stage's expressions get their values.
func (e *Evaluator) scope(p *prepared, outputs map[string]cty.Value, b *budget.Budget, secret function.Function) (*scope, diag.List) {
	var diags diag.List
	functions := map[string]function.Function{"secret": secret}
	var late map[*binding]cty.Value
	if len(p.late) > 0 {
		late = make(map[*binding]cty.Value, len(p.late))
	}
	for _, l := range p.late {
		inner := newScope(e.bases[l.module], b, e.broken)
		inner.ctx.Functions = functions
		inner.ctx.Variables["stage"] = e.stageObject(e.reads[l], outputs)
		e.name(inner, l.module, l.refs, late)
		v, problems := e.bind(l, inner, late)
		diags = append(diags, problems...)
		late[l] = v
	}
	s := newScope(e.bases[p.module], b, e.broken)
	s.ctx.Functions = functions
	s.ctx.Variables["stage"] = e.stageObject(p.reads, outputs)
	e.name(s, p.module, p.refs, late)
	if p.each.value != cty.NilVal {
		s.ctx.Variables["each"] = p.each.object()
	}
	return s, diags
}

// stageObject holds the outputs of the stages that references read: by name,
// or by name and key where a block has instances.
func (e *Evaluator) stageObject(reads selection, outputs map[string]cty.Value) cty.Value {
	fields := make(map[string]cty.Value, len(reads))
	for st, instances := range reads {
		if st.forEach == nil && len(instances) == 1 {
			fields[st.name] = instances[0].made(outputs)
			continue
		}
		if e.blocks[st].open {
			fields[st.name] = cty.DynamicVal
			continue
		}
		byKey := make(map[string]cty.Value, len(instances))
		for _, p := range instances {
			byKey[p.each.key] = p.made(outputs)
		}
		fields[st.name] = cty.ObjectVal(byKey)
	}
	return cty.ObjectVal(fields)
}

// made is a stage's outputs, as far as they are known.
func (p *prepared) made(outputs map[string]cty.Value) cty.Value {
	v, ok := outputs[p.name]
	if !ok || v == cty.NilVal {
		return p.unknown
	}
	return p.mark(v)
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
	if p.when == nil {
		return true, "", nil
	}
	v, ok, diags := s.required(p.when, cty.Bool, "true or false")
	if !ok {
		return false, "", e.source.annotate(diags)
	}
	return v.True(), fmt.Sprintf("when = %s is %t", e.source.text(p.when.Expr.Range()), v.True()), nil
}

// Environment is the stage's environment, or empty.
func (e *Evaluator) Environment(stage *pipeline.Stage, outputs map[string]cty.Value) (string, diag.List) {
	p, s, diags := e.runScope(stage, outputs)
	if diags.HasErrors() || p.environment == nil {
		return "", diags
	}
	v, ok, diags := s.required(p.environment, cty.String, "a name")
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
			Severity: diag.Error, Subject: &p.header, Summary: "No schema for " + p.uses.String(),
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
	v, problems := s.decisive(a, v, kind)
	return v, !problems.HasErrors(), append(diags, problems...)
}

// decisive is a value without marks that decides what the runner itself does.
func (s *scope) decisive(a *hclsyntax.Attribute, v cty.Value, kind string) (cty.Value, diag.List) {
	var diags diag.List
	bare, marks := v.Unmark()
	place := a.Expr.Range()
	switch {
	case len(marks) > 0:
		diags.Append(&place, fmt.Sprintf("%q cannot be sensitive", a.Name), "What the runner does would show it. Use a value that is not sensitive.")
		return cty.NilVal, diags
	case bare.IsNull():
		diags.Append(&place, fmt.Sprintf("%q is null", a.Name), fmt.Sprintf("It must be %s.", kind))
		return cty.NilVal, diags
	case !bare.IsKnown():
		diags.Append(&place, fmt.Sprintf("%q is not known", a.Name), "It depends on a stage that has not run. Use run = \"always\" with care, or do not depend on that stage.")
		return cty.NilVal, diags
	}
	return bare, diags
}

// text is the source of a range on one line.
func (s *Source) text(r hcl.Range) string {
	for _, folder := range s.reader.order {
		for _, f := range folder.files {
			if f.shown == r.Filename && r.CanSliceBytes(f.data) {
				return clip(strings.Join(strings.Fields(string(r.SliceBytes(f.data))), " "))
			}
		}
	}
	return ""
}
