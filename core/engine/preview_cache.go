package engine

import (
	"context"
	"strings"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/preview"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// byCache answers a stage from the cache as the run would, so that what comes
// after it is known too, or says why the stage runs.
func (v *previewer) byCache(ctx context.Context, f *foreseen) {
	made := f.kind == pluginv1.Kind_KIND_BUILDER || f.kind == pluginv1.Kind_KIND_TESTER
	if v.o.Cache == nil || !made || f.out.Action != preview.Run || f.root != "" || !f.settled {
		return
	}
	if len(f.Secrets) > 0 {
		f.say("whether its result is known depends on secrets, which no plan reads")
		return
	}
	if before := v.makersBefore(f); len(before) > 0 {
		f.say("whether its result is known shows then")
		return
	}
	cfg, finish := v.configure(ctx, f.stage, v.outputsFor(f.stage))
	switch {
	case finish == nil:
		v.lookUp(ctx, f, cfg)
	case finish.Failure.Class != ClassUnknown:
		f.fail(finish, f.Address()+" could not be run", "its configuration is not valid")
	}
}

// makersBefore are the needs of a stage that are still to make something: it may
// read that by a path that its configuration does not tell.
func (v *previewer) makersBefore(f *foreseen) []string {
	var out []string
	for _, name := range f.Needs {
		need := v.seen[name].out
		if (need.Kind == builderKind || need.Kind == testerKind) && need.Action != preview.Cached && need.Action != preview.Skip {
			out = append(out, pipeline.StageAddress(name))
		}
	}
	return out
}

// lookUp asks the cache. What it has found becomes this preview's knowledge;
// nothing is put back.
func (v *previewer) lookUp(ctx context.Context, f *foreseen, cfg *configuration) {
	look := v.o.Cache.Look(ctx, v.cacheQuery(f.stage, cfg))
	found := look.Found()
	if found == nil {
		f.out.Uncached = look.Why()
		if why := v.clean(strings.Join(look.Why(), ", "), maxLine); why != "" {
			f.say(why)
		}
		return
	}
	cached := found.Cached
	finish := event.Finish{Status: event.Succeeded, Outputs: found.Outputs, Report: found.Report, Cached: &cached}
	if outputs, err := RecordedOutputs(f.Schema, &finish); err == nil {
		if unmet := v.unsatisfied(f.stage, outputs); unmet != nil {
			f.fail(unmet, f.Address()+" failed", "the known result does not meet a postcondition")
			return
		}
	}
	if _, fits := v.takeOver(f.stage, &Recorded{Finish: &finish, Artifacts: found.Artifacts, Attestations: found.Attestations}); !fits {
		f.say("the result of an earlier run does not fit the stage")
		return
	}
	look.Assume()
	f.out.Action, f.out.Cached = preview.Cached, &cached
	f.out.Reason = "nothing that it depends on has changed since run " + cached.Run
}
