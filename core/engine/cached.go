package engine

import (
	"context"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// component takes the result of a builder or tester stage from the cache, or
// executes the stage and keeps what it came to.
func (r *run) component(ctx context.Context, s *stage, cfg *configuration) result {
	if r.o.Cache == nil {
		return r.attempts(ctx, s, cfg, r.runComponent)
	}
	start := time.Now()
	look := r.o.Cache.Look(ctx, r.cacheQuery(s, cfg))
	if res, ok := r.fromCache(ctx, s, look, start); ok {
		return res
	}
	uncached := ""
	if look.Cacheable() {
		uncached = r.clean(strings.Join(look.Why(), ", "), maxLine)
	}
	var last *attempt
	var end event.Finish
	res := r.attempts(ctx, s, cfg, func(ctx context.Context, s *stage, a *attempt) event.Finish {
		began := time.Now()
		last, end = a, r.runComponent(ctx, s, a)
		end.Uncached, end.Duration = uncached, seconds(time.Since(began))
		return end
	})
	if res.status == event.Succeeded && last != nil && look.Cacheable() {
		r.keep(ctx, s, look, last, end)
	}
	return res
}

// cacheQuery is what the cache is asked about a stage.
func (r *run) cacheQuery(s *stage, cfg *configuration) CacheQuery {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := CacheQuery{Stage: s.Stage, Config: cfg.value, Environment: cfg.environment, Inputs: cfg.inputs, After: s.after}
	if q.Inputs == nil {
		q.Inputs = r.o.Inputs[s.Name]
	}
	for _, need := range s.Needs {
		for _, a := range r.artifacts[need] {
			q.Needs = append(q.Needs, NeededArtifact{Stage: need, Artifact: a})
		}
	}
	return q
}

// fromCache ends a stage with a result of an earlier run: its files are put
// back, and everything about it is recorded as if it had been made now, so that
// later stages and policies find what they look for. It reports false when there
// is none, or when it cannot be used.
func (r *run) fromCache(ctx context.Context, s *stage, look Lookup, start time.Time) (result, bool) {
	found := look.Found()
	if found == nil {
		return result{}, false
	}
	if err := look.Restore(ctx); err != nil {
		r.warn(s, "the result of an earlier run cannot be used, so that the stage runs again", err.Error())
		return result{}, false
	}
	cached := found.Cached
	finish := event.Finish{Status: event.Succeeded, Outputs: found.Outputs, Report: found.Report, Cached: &cached}
	if outputs, err := RecordedOutputs(s.Schema, &finish); err == nil {
		if unmet := r.unsatisfied(s, outputs); unmet != nil {
			unmet.Cached = &cached // what it would make again is no better
			return r.end(s, *unmet), true
		}
	}
	res, fits := r.takeOver(s, &Recorded{Finish: &finish, Artifacts: found.Artifacts, Attestations: found.Attestations})
	if !fits {
		r.warn(s, "the result of an earlier run does not fit the stage, so that it runs again", "")
		return result{}, false
	}
	events := make([]event.Event, 0, len(found.Artifacts)+len(found.Attestations)+1)
	for _, a := range found.Artifacts {
		events = append(events, event.Event{Type: event.StageArtifact, Stage: s.Name, Artifact: &a})
	}
	for _, a := range found.Attestations {
		events = append(events, event.Event{Type: event.StageAttestation, Stage: s.Name, Attestation: &a})
	}
	finish.Duration = seconds(time.Since(start))
	_ = r.recordEnd(append(events, event.Event{Type: event.StageFinished, Stage: s.Name, Finish: &finish})...)
	return res, true
}

// keep remembers what a stage came to. That it cannot is no fault of the stage.
func (r *run) keep(ctx context.Context, s *stage, look Lookup, a *attempt, end event.Finish) {
	if len(end.Withheld) > 0 {
		r.warn(s, "the result is not kept for later runs", "Its outputs hold something sensitive ("+strings.Join(end.Withheld, ", ")+"), which is never stored.")
		return
	}
	err := look.Keep(ctx, r.o.RunID, MadeResult{
		StageResult: StageResult{Outputs: end.Outputs, Report: end.Report, Artifacts: a.artifacts, Attestations: a.attestations},
		Duration:    end.Duration, Files: a.files,
	})
	if err != nil && ctx.Err() == nil {
		r.warn(s, "the result is not kept for later runs", err.Error())
	}
}

// keepArtifacts remembers what a stage has made, for the stages that need it.
func (r *run) keepArtifacts(s *stage, made []event.Artifact) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.artifacts[s.Name] = made
}

// changesOutside finds, for each stage, a stage before it that changes
// something outside of the runner's sight: what comes after depends on that.
func (l *linked) changesOutside() {
	order, err := l.graph.Order()
	if err != nil {
		return // link has found no cycle
	}
	for _, name := range order {
		s := l.stages[name]
		for _, need := range s.Needs {
			if before := l.stages[need]; before.outside() {
				s.after = before.Name
			} else if s.after == "" {
				s.after = before.after
			}
		}
	}
}

func (s *stage) outside() bool {
	return s.kind == pluginv1.Kind_KIND_DEPLOYER ||
		s.kind != pluginv1.Kind_KIND_POLICY && s.Schema.GetEffect() != pluginv1.Effect_EFFECT_PURE
}
