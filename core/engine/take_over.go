package engine

import (
	"fmt"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// takeOver makes the record of a stage that has succeeded this run's own
// knowledge: its outputs for the stages that use them, its artifacts and
// measurements as evidence, what it has judged for the gate. It writes no
// event. It reports false, and changes nothing, when the record does not fit
// the stage any more: then the stage has to run.
func (r *run) takeOver(s *stage, was *Recorded) (result, bool) {
	finish := was.success()
	if finish == nil {
		return result{}, false
	}
	if s.kind == pluginv1.Kind_KIND_POLICY {
		return r.takeOverJudgement(s, was, finish)
	}
	outputs, err := RecordedOutputs(s.Schema, finish)
	if err != nil {
		return result{}, false
	}
	r.mu.Lock()
	r.outputs[s.Name] = outputs
	r.mu.Unlock()
	r.keepArtifacts(s, was.Artifacts)
	for _, a := range was.Artifacts {
		r.addArtifact(a)
	}
	r.addAttestations(was.Attestations...)
	if finish.Report != nil {
		r.addReport(StageReport{Stage: s.Name, ArtifactDigest: finish.Report.Subject, Report: *finish.Report})
	}
	return r.resultOf(s, *finish), true
}

// takeOverJudgement lets a policy stage govern as it did: its component is asked
// again before anything is applied, and the plan must be the one that it saw.
func (r *run) takeOverJudgement(s *stage, was *Recorded, finish *event.Finish) (result, bool) {
	if !r.governsMore(s) {
		return r.resultOf(s, *finish), true
	}
	value, diags := r.o.Evaluator.With(s.Stage, r.outputsFor(s))
	if diags.HasErrors() || !value.IsWhollyKnown() {
		return result{}, false
	}
	wire, err := encodeConfig(s, value)
	if err != nil {
		return result{}, false
	}
	r.hide(s, value)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[s.Name] = PolicyCall{Stage: s.Name, Component: s.Component, Config: wire, Secrets: s.Secrets}
	for _, d := range was.Decisions {
		if d.For != "" && d.PlanDigest != "" {
			r.judged[judgement{s.Name, d.For}] = &judgedPlan{digest: d.PlanDigest, changes: r.recordedChanges(d.For, d.PlanDigest)}
		}
	}
	return r.resultOf(s, *finish), true
}

// recordedChanges are those of a plan on record.
func (r *run) recordedChanges(deployer, digest string) []event.Change {
	if was := r.recorded(deployer); was != nil {
		return was.Plans[digest].Changes
	}
	return nil
}

// recorded is what is on record of a stage, or nil.
func (r *run) recorded(name string) *Recorded {
	if r.o.Past == nil {
		return nil
	}
	return r.o.Past.Stages[name]
}

// RecordedOutputs reads a stage's outputs back from its recorded end. What was withheld is unknown,
// and sensitive.
func RecordedOutputs(schema *pluginv1.Component, finish *event.Finish) (cty.Value, error) {
	ty, err := dynamic.OutputType(schema.GetOutputs())
	if err != nil {
		return cty.NilVal, fmt.Errorf("read schema of outputs: %w", err)
	}
	v := nulls(ty)
	if len(finish.Outputs) > 0 {
		if v, err = ctyjson.Unmarshal(finish.Outputs, cty.DynamicPseudoType); err != nil {
			return cty.NilVal, fmt.Errorf("read recorded outputs: %w", err)
		}
		if v, err = convert.Convert(v, ty); err != nil {
			return cty.NilVal, fmt.Errorf("read recorded outputs: %w", err)
		}
	}
	attrs := v.AsValueMap()
	if attrs == nil { // there are no outputs at all
		return v, nil
	}
	for _, name := range finish.Withheld {
		if _, ok := attrs[name]; ok {
			attrs[name] = cty.UnknownVal(ty.AttributeType(name)).Mark(dynamic.Sensitive)
		}
	}
	for _, attr := range schema.GetOutputs() {
		if attr.GetSensitive() {
			attrs[attr.GetName()] = attrs[attr.GetName()].Mark(dynamic.Sensitive)
		}
	}
	return cty.ObjectVal(attrs), nil
}
