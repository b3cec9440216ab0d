package engine

import (
	"context"
	"fmt"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// maxAttached bounds a statement that a plugin is given. A larger one is about
// some ten thousand artifacts, and stays with the run.
const maxAttached = 2 << 20

// attach has the builder store the statement where each artifact is, when it can,
// so that whoever has nothing but the artifact finds it. It says in p where that
// is. The Finish is nil unless the builder could not store it.
func (r *run) attach(ctx context.Context, s *stage, a *attempt, p stated) *event.Finish {
	if !s.Schema.GetAttaches() {
		return nil
	}
	if len(p.envelope) > maxAttached {
		r.warn(s, "its provenance is with the run alone", fmt.Sprintf("The statement has %d bytes, more than %d.", len(p.envelope), maxAttached))
		return nil
	}
	for i := range p.about {
		res, err := r.o.Plugins.Attach(ctx, s.Component, &pluginv1.AttachRequest{
			Component: s.Component.Name, Attempt: a.wire, Config: a.cfg.wire,
			Artifact: artifactWire(p.artifacts[i]), PredicateType: p.about[i].PredicateType, Envelope: p.envelope,
		}, a.scope(s))
		switch {
		case err != nil:
			finish := r.broke(ctx, err)
			return &finish
		case res.GetFailure() != nil && ctx.Err() != nil:
			finish := r.ended(context.Cause(ctx))
			return &finish
		case res.GetFailure() != nil:
			failure := r.failureOf(res.GetFailure())
			failure.Summary = r.clean("its provenance cannot be stored beside it: "+failure.Summary, maxLine)
			return &event.Finish{Status: event.Errored, Failure: failure}
		}
		p.about[i].Attached = r.clean(res.GetReference(), maxLine)
	}
	return nil
}

func artifactWire(a event.Artifact) *pluginv1.Artifact {
	return &pluginv1.Artifact{
		Name: a.Name, Digest: a.Digest, MediaType: a.MediaType, Size: a.Size, Location: a.Location, Annotations: a.Annotations,
	}
}
