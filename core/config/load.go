package config

import (
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// Inputs are what a pipeline is loaded with.
type Inputs struct {
	// Plugins are the descriptions by plugin name. The stages of a plugin that
	// is missing here are not checked: the caller reports the plugin.
	Plugins   map[string]*pluginv1.DescribeResponse
	Variables *Assignments
	Git       Git
	Run       *Run   // nil while there is no run: its facts are unknown
	Cwd       string // working directory of the user
	Secrets   Secrets
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
	var diags diag.List
	spend := budget.New(budget.Load + budget.PerStage*int64(len(s.stages)))
	variables := s.assign(in.Variables, spend, &diags)
	base := s.baseContext(in, variables)
	known := maps.Clone(s.broken)
	facts := newScope(base, spend, known)
	s.validate(facts, variables, &diags)
	e := &Evaluator{
		source: s, base: base, secrets: in.Secrets, broken: known,
		stages: make(map[string]*prepared, len(s.stages)),
		locals: make(map[string]cty.Value, len(s.locals)),
	}
	e.evaluateLocals(facts, &diags)
	s.checkPluginVersions(in.Plugins, &diags)
	e.prepare(in.Plugins, &diags)
	loaded := &Loaded{
		Variables: variables, Evaluator: e, With: make(map[string]cty.Value, len(s.stages)),
		Pipeline: &pipeline.Pipeline{Name: s.Name, Description: s.Description, Root: s.Root, Digest: s.Digest,
			Timeout: s.timeout, CleanupTimeout: s.cleanup, FailFast: s.failFast},
	}
	for _, st := range s.stages {
		definition := e.define(st, facts, &diags)
		loaded.Pipeline.Stages = append(loaded.Pipeline.Stages, definition)
		if with, ok := e.check(definition, spend, &diags); ok {
			loaded.With[st.name] = with
		}
	}
	return loaded, s.finish(diags)
}

// baseContext holds the names that are the same for the whole pipeline.
func (s *Source) baseContext(in Inputs, variables []VariableValue) *hcl.EvalContext {
	values := make(map[string]cty.Value, len(variables))
	for _, v := range variables {
		values[v.Name] = v.Value
	}
	ctx := &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"var": cty.ObjectVal(values), "git": in.Git.value(), "run": runValue(in.Run),
			"path": pathValue(s.Root, in.Cwd),
		},
		Functions: s.functions,
	}
	return ctx
}
