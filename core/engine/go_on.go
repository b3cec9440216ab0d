package engine

import (
	"cmp"
	"fmt"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// ClassInterrupted is the class of a stage that must not run again blindly.
const ClassInterrupted = "interrupted"

// begun are the first events of the run: of one that starts, with what it takes
// over, or of one that goes on. All are in one write, so that a run that is
// there has all that it took over; Run.Restarted says how much that is.
func (r *run) begun() []event.Event {
	past := r.o.Past
	switch {
	case past == nil:
		return []event.Event{{Type: event.RunStarted, Run: &r.info}}
	case past.From == "":
		return []event.Event{{Type: event.RunResumed, Run: &r.info, Reason: r.progress()}}
	}
	var copies []event.Event
	for _, s := range r.pipeline.Stages {
		copies = append(copies, r.copied(s)...)
	}
	r.info.Restarted = &event.Restart{Run: past.From, Stages: past.Again, TakenOver: len(copies)}
	return append([]event.Event{{Type: event.RunStarted, Run: &r.info}}, copies...)
}

// progress says how much of the run is done.
func (r *run) progress() string {
	done := 0
	for _, stands := range r.stands {
		if stands {
			done++
		}
	}
	return fmt.Sprintf("%d of %s done", done, counted(len(r.pipeline.Stages), "stage"))
}

// copied is what this run's journal says about a stage of the run before: all
// about one that stands, and of one that may have changed something, how to
// find that.
func (r *run) copied(s *pipeline.Stage) []event.Event {
	was := r.recorded(s.Name)
	if was == nil {
		return nil
	}
	var out []event.Event
	add := func(e event.Event) {
		e.Stage, e.Attempt = s.Name, was.Attempts
		out = append(out, e)
	}
	if !r.stands[s.Name] {
		if !r.unresolved(s.Name) {
			return nil
		}
		add(event.Event{Type: event.AttemptStarted})
	}
	if plan, ok := was.Plans[was.Plan]; ok {
		add(event.Event{Type: event.PlanMade, Plan: &plan})
	}
	for _, d := range was.Decisions {
		add(event.Event{Type: event.DecisionMade, Decision: &d})
	}
	if was.Applying {
		add(event.Event{Type: event.ApplyStarted})
	}
	if len(was.Handle) > 0 {
		add(event.Event{Type: event.StageHandle, Handle: was.Handle})
	}
	for _, a := range was.Artifacts {
		add(event.Event{Type: event.StageArtifact, Artifact: &a})
	}
	for _, a := range was.Attestations {
		add(event.Event{Type: event.StageAttestation, Attestation: &a})
	}
	if r.stands[s.Name] {
		finish := *was.success()
		finish.From = cmp.Or(finish.From, r.o.Past.From)
		add(event.Event{Type: event.StageFinished, Finish: &finish})
	}
	return out
}

// unresolved reports whether a stage may have changed something, and what came
// of it is not known.
func (r *run) unresolved(name string) bool {
	return r.recorded(name) != nil && r.recorded(name).Applying || r.unansweredOnce(r.stages[name])
}

// attemptsBefore is the number of the last attempt on record.
func (r *run) attemptsBefore(s *stage) int {
	if was := r.recorded(s.Name); was != nil {
		return was.Attempts
	}
	return 0
}

// unansweredOnce reports whether a stage that changes something outside, and
// cannot be observed, was on its way when it was last heard of.
func (r *run) unansweredOnce(s *stage) bool {
	return s.Schema.GetEffect() != pluginv1.Effect_EFFECT_PURE &&
		(s.kind == pluginv1.Kind_KIND_BUILDER || s.kind == pluginv1.Kind_KIND_TESTER) &&
		r.recorded(s.Name).unanswered()
}

// blindly is the end of a stage that may have done its work already, or nil.
func (r *run) blindly(s *stage) *event.Finish {
	if !r.unansweredOnce(s) {
		return nil
	}
	finish := errored(ClassInterrupted, "it was interrupted, and whether its work is done is not known",
		fmt.Sprintf("%s changes something outside, and attempt %d ended without the plugin's answer. Look whether its work is done and undo it if need be; "+
			"then run it and all behind it again: runner run --restart-from %s %s",
			s.Component, r.attemptsBefore(s), s.Address(), r.origin()))
	return &finish
}
