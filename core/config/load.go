package config

import (
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/config/budget"
	configfunction "github.com/stagegate/stagegate/core/config/function"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Inputs are what a pipeline is loaded with.
type Inputs struct {
	// Plugins are the descriptions by plugin name. The stages of a plugin that
	// is missing here are not checked: the caller reports the plugin.
	Plugins   map[string]*pluginv1.DescribeResponse
	Variables *Assignments
	// Partial makes variables that nobody has given a value unknown, and no
	// mistake: the pipeline is looked at, and not run.
	Partial bool
	Git     Git
	Run     *Run   // nil while there is no run: its facts are unknown
	Cwd     string // working directory of the user
	Secrets Secrets
}

// Loaded is a pipeline that is ready to be validated and run.
type Loaded struct {
	Pipeline  *pipeline.Pipeline
	Variables []VariableValue // in source order
	Evaluator *Evaluator
	// With is each stage's `with` block before anything has run, by stage name:
	// what other stages make is unknown. A stage whose block has errors, or
	// whose plugin is missing, is not in it.
	With map[string]cty.Value
}

// VariablesShown are the variables' values as JSON, sensitive ones as
// "(sensitive)".
func (l *Loaded) VariablesShown() map[string]string {
	out := make(map[string]string, len(l.Variables))
	for _, v := range l.Variables {
		out[v.Name] = v.Shown()
	}
	return out
}

// Load decodes the rest with the plugins' schemas. Loaded is nil when the files
// could not be parsed; a pipeline with errors, here or from Parse, must not
// run. The diagnostics are those that Parse has not given.
func (s *Source) Load(in Inputs) (*Loaded, diag.List) {
	if !s.parsed {
		return nil, nil
	}
	defer s.reader.record.load()()
	var diags diag.List
	spend := budget.New(budget.Load + budget.PerStage*int64(s.stages))
	variables := s.assign(in, spend, &diags)
	known := maps.Clone(s.broken)
	e := &Evaluator{
		source: s, secrets: in.Secrets, broken: known, bases: s.baseContexts(in, variables),
		blocks: make(map[*stage]*block, s.stages), stages: make(map[string]*prepared, s.stages),
		reads: make(map[*binding]selection), values: make(map[*binding]cty.Value, len(s.bindings)),
	}
	s.validate(newScope(e.bases[s.root], spend, known), variables, &diags)
	e.evaluateBindings(spend, &diags)
	s.checkPluginVersions(in.Plugins, &diags)
	e.expand(spend, &diags)
	spend.Add(budget.PerStage * int64(max(len(e.inOrder)-s.stages, 0)))
	e.prepare(in.Plugins, spend, &diags)
	loaded := &Loaded{
		Variables: variables, Evaluator: e, With: make(map[string]cty.Value, len(e.inOrder)),
		Pipeline: &pipeline.Pipeline{
			Name: s.Name, Description: s.Description, Root: s.Root, Digest: s.Digest,
			Timeout: s.timeout, CleanupTimeout: s.cleanup, FailFast: s.failFast,
		},
	}
	e.definitions(loaded, spend, &diags)
	return loaded, s.finish(diags)
}

// definitions makes the definitions of all stages, and checks what is in their
// blocks. One mistake in a block is reported once, not for each instance.
func (e *Evaluator) definitions(l *Loaded, spend *budget.Budget, diags *diag.List) {
	wrong := make(map[*block]bool)
	for _, p := range e.inOrder {
		if spend.Exhausted() {
			break // that is reported
		}
		var found diag.List
		definition := e.define(p, spend, &found)
		l.Pipeline.Stages = append(l.Pipeline.Stages, definition)
		if !wrong[p.block] {
			if with, ok := e.check(p, spend, &found); ok {
				l.With[p.name] = with
			}
			*diags = append(*diags, found...)
		}
		wrong[p.block] = wrong[p.block] || found.HasErrors()
	}
	for _, m := range e.source.modules {
		for _, st := range m.stages {
			if b := e.blocks[st]; b != nil && b.ghost != nil {
				e.define(b.ghost, spend, diags)
				e.check(b.ghost, spend, diags)
			}
		}
	}
}

// baseContexts hold the names that are the same for all of a module.
func (s *Source) baseContexts(in Inputs, variables []VariableValue) map[*module]*hcl.EvalContext {
	values := make(map[string]cty.Value, len(variables))
	for _, v := range variables {
		values[v.Name] = v.Value
	}
	out := make(map[*module]*hcl.EvalContext, len(s.modules))
	for _, m := range s.modules {
		ctx := &hcl.EvalContext{
			Variables: map[string]cty.Value{
				"git": in.Git.value(), "run": runValue(in.Run), "path": pathValue(s.Root, in.Cwd, m.place.folder()),
			},
			Functions: m.functions,
		}
		if m.files != nil {
			budget.Price(ctx, configfunction.Priced(m.files))
		}
		out[m] = ctx
	}
	out[s.root].Variables["var"] = cty.ObjectVal(values)
	return out
}

// functionsOf are the functions that a module's expressions may call. File
// functions read in the pipeline's folder and in the module's.
func (s *Source) functionsOf(m *module) map[string]function.Function {
	m.files = &remembered{
		from: s.reader.from, root: s.Root, module: m.place, record: s.reader.record,
		files: configfunction.Below(configfunction.Folder{Top: s.Root, Dir: "."}, m.place.within()),
	}
	return configfunction.Table(m.files)
}
