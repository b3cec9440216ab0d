package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// CheckPast says what keeps a run from going on from what is on record. Run
// refuses the same.
func CheckPast(p *pipeline.Pipeline, evaluator Evaluator, runID string, past *Past) diag.List {
	l, diags := link(p)
	if past == nil || diags.HasErrors() {
		return diags
	}
	r := &run{linked: l, o: Options{Evaluator: evaluator, Past: past, RunID: runID}, stands: make(map[string]bool)}
	return r.standing().Sorted()
}

// standing finds out which results on record stand, so that their stages are
// not run again:
//
//   - what has succeeded stands, unless the user wants it, or what it needs,
//     again. A stage that ran although something had failed, or because of it,
//     stands only with that: a cleanup follows what it cleans up;
//   - what was skipped for its own reasons stands with all that it needs;
//   - nothing else does.
//
// A stage that stands and whose sensitive outputs are needed again has to run
// after all, for they are not on record; where that must not be, the
// diagnostics say so.
func (r *run) standing() diag.List {
	if r.o.Past == nil {
		return nil
	}
	past := *r.o.Past
	past.Stages = maps.Clone(past.Stages)
	r.o.Past = &past
	order, err := r.graph.Order()
	if err != nil {
		return diag.List{{Severity: diag.Error, Summary: err.Error()}} // link has found no cycle
	}
	again, diags := r.wantedAgain(past.Again)
	if diags.HasErrors() {
		return diags
	}
	for _, name := range order {
		s, was := r.stages[name], past.Stages[name]
		if again[name] {
			past.Stages[name] = was.fresh()
			continue
		}
		switch {
		case was.success() != nil:
			r.stands[name] = !r.replanned(s) && (s.Run == pipeline.OnSuccess || r.allStand(name))
		case was != nil && was.Skipped && !was.Unmet:
			r.stands[name] = past.From == "" && r.allStand(name)
		}
	}
	diags = r.withoutWithheld(order)
	for _, name := range order {
		if past.From != "" && !r.stands[name] && !r.unresolved(name) {
			past.Stages[name] = past.Stages[name].fresh()
		}
	}
	return diags
}

// wantedAgain are the stages that the user wants again, and all behind them.
func (r *run) wantedAgain(names []string) (map[string]bool, diag.List) {
	again := make(map[string]bool)
	var diags diag.List
	for next := slices.Clone(names); len(next) > 0; next = next[1:] {
		name := next[0]
		if instances := r.instances(name); len(instances) > 0 {
			next = append(next, instances...)
			continue
		}
		if !r.graph.Has(name) {
			diags.Append(nil, fmt.Sprintf("There is no %s", pipeline.StageAddress(name)), "The run's pipeline has no such stage. runner show lists those that it has.")
			continue
		}
		if !again[name] {
			again[name] = true
			next = append(next, r.graph.Dependents(name)...)
		}
	}
	return again, diags
}

// instances are those of a block with for_each.
func (r *run) instances(name string) (out []string) {
	for _, s := range r.pipeline.Stages {
		if strings.HasPrefix(s.Name, name+"[") {
			out = append(out, s.Name)
		}
	}
	return out
}

func (r *run) allStand(name string) bool {
	return !slices.ContainsFunc(r.graph.Needs(name), func(need string) bool { return !r.stands[need] })
}

// replanned reports whether a policy stage has judged a plan that is not the
// one that was made at its deployer's turn, or one that somebody has had to
// approve since: it has to judge again.
func (r *run) replanned(s *stage) bool {
	return slices.ContainsFunc(s.governs, func(d *stage) bool {
		was := r.recorded(d.Name)
		waits := was != nil && was.Wait != nil && was.Wait.Approval != nil
		return waits || was != nil && was.Finish != nil && was.Finish.Failure != nil && was.Finish.Failure.Class == ClassPlanChanged
	})
}

// withoutWithheld looks at the stages that run for what they use of those that
// stand, the last first: a stage that has to run after all may need another
// one's sensitive outputs itself.
func (r *run) withoutWithheld(order []string) diag.List {
	var diags diag.List
	for _, name := range slices.Backward(order) {
		user := r.stages[name]
		if r.stands[name] && !r.governsMore(user) {
			continue
		}
		for _, need := range user.Needs {
			was := r.recorded(need)
			if !r.stands[need] || was == nil || was.success() == nil || len(was.success().Withheld) == 0 || !r.uses(user, need) {
				continue
			}
			if d := r.runForOutputs(user, r.stages[need], was); d != nil {
				diags = append(diags, *d)
			}
		}
	}
	return diags
}

// governsMore reports whether a policy stage governs something that has not
// been applied yet.
func (r *run) governsMore(s *stage) bool {
	return slices.ContainsFunc(s.governs, func(d *stage) bool { return !r.stands[d.Name] })
}

// runForOutputs has a stage run again for its sensitive outputs, or says why
// that must not be. A deployer only looks at what it has applied.
func (r *run) runForOutputs(user, s *stage, was *Recorded) *diag.Diagnostic {
	switch {
	case s.kind == pluginv1.Kind_KIND_DEPLOYER:
		observed := *was
		observed.Applying = true
		r.o.Past.Stages[s.Name] = &observed
	case s.Schema.GetEffect() != pluginv1.Effect_EFFECT_PURE:
		return &diag.Diagnostic{
			Severity: diag.Error, Summary: fmt.Sprintf("A sensitive output of %s is needed again", s.Address()),
			Detail: fmt.Sprintf("%s uses an output of it (%s) that is sensitive and therefore not on record. To get it, %s would have to run again, and %s changes something outside. "+
				"If that may happen twice, run it and all behind it again: runner run --restart-from %s %s",
				user.Address(), strings.Join(was.success().Withheld, ", "), s.Address(), s.Component, s.Address(), r.origin()),
			Subject: &user.Range,
		}
	}
	r.stands[s.Name] = false
	return nil
}

// origin is the run that the user has named.
func (r *run) origin() string {
	if r.o.Past != nil && r.o.Past.From != "" {
		return r.o.Past.From
	}
	return r.o.RunID
}

// uses reports whether a stage's expressions need what was withheld of
// another's outputs: whether anything of it comes out differently when that is
// unknown and when it is null.
func (r *run) uses(user *stage, need string) bool {
	unknown, null := make(map[string]cty.Value), make(map[string]cty.Value)
	for _, name := range user.Needs {
		finish := r.recorded(name).success()
		if !r.stands[name] || finish == nil || r.stages[name].kind == pluginv1.Kind_KIND_POLICY {
			continue
		}
		outputs, err := RecordedOutputs(r.stages[name].Schema, finish)
		if err != nil {
			continue // it will run again
		}
		unknown[name], null[name] = outputs, outputs
		if name == need {
			kept := *finish
			kept.Withheld = nil
			if null[name], err = RecordedOutputs(r.stages[name].Schema, &kept); err != nil {
				return true
			}
		}
	}
	return r.evaluated(user, unknown) != r.evaluated(user, null)
}

// evaluated is all that a stage's expressions come to, to compare.
func (r *run) evaluated(s *stage, outputs map[string]cty.Value) string {
	wanted, why, mistakes := r.o.Evaluator.When(s.Stage, outputs)
	environment, more := r.o.Evaluator.Environment(s.Stage, outputs)
	with, evenMore := r.o.Evaluator.With(s.Stage, outputs)
	text := fmt.Sprintf("%t %q %q %#v", wanted, why, environment, with)
	for _, d := range slices.Concat(mistakes, more, evenMore) {
		text += fmt.Sprintf(" %q %q", d.Summary, d.Detail)
	}
	return text
}

// standingResult is the result of a stage that stands.
func (r *run) standingResult(s *stage) (result, bool) {
	if !r.stands[s.Name] {
		return result{}, false
	}
	was := r.recorded(s.Name)
	if was.Skipped {
		r.mu.Lock()
		r.skipped[s.Name] = true
		r.mu.Unlock()
		return result{status: event.Skipped, reason: was.Reason}, true
	}
	res, ok := r.takeOver(s, was)
	if ok && was.Finish == nil {
		// The record of its end was torn off; the end of its attempt says it all.
		_ = r.recordEnd(event.Event{Type: event.StageFinished, Stage: s.Name, Finish: was.success()})
	}
	return res, ok
}
