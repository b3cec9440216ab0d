package engine

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/provenance"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// stateProvenance records how the artifacts of a builder came to be, signed: not
// by the plugin, which knows neither commit nor pipeline, and has no reason to
// be believed about itself. The Finish is nil unless that failed. A result from
// the cache keeps the statement of the run that has made it.
func (r *run) stateProvenance(ctx context.Context, s *stage, a *attempt, finish event.Finish, started time.Time) *event.Finish {
	if r.o.Attester == nil || finish.Status != event.Succeeded || s.kind != pluginv1.Kind_KIND_BUILDER || len(a.artifacts) == 0 {
		return nil
	}
	p, err := r.provenanceOf(ctx, s, a, started)
	if err == nil {
		if failed := r.attach(ctx, s, a, p); failed != nil {
			return failed
		}
	}
	if err == nil {
		err = r.recordAttestations(s, a, p.about)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		failed := r.ended(context.Cause(ctx))
		return &failed
	}
	failed := errored(classOf(err), "how its artifacts came to be cannot be stated", r.clean(err.Error(), maxDetail))
	return &failed
}

// stated is one statement about all artifacts of an attempt.
type stated struct {
	envelope  []byte
	about     []event.Attestation // one for each digest
	artifacts []event.Artifact    // one that has it
}

// provenanceOf stores one statement about all artifacts, and names it for each.
func (r *run) provenanceOf(ctx context.Context, s *stage, a *attempt, started time.Time) (stated, error) {
	statement, err := provenance.Statement(provenance.Build{
		RunID: r.o.RunID, Run: r.info, Stage: s.Address(), Info: r.stageInfo(s), Attempt: a.number,
		Environment: a.cfg.environment, Repository: r.o.Repository, Config: a.cfg.value,
		Artifacts: a.artifacts, Inputs: r.madeFrom(s, a.cfg.value),
		Started: started, Finished: time.Now(), Mask: r.o.Redactor.Text,
	})
	if err != nil {
		return stated{}, err
	}
	envelope, err := r.o.Attester.Attest(statement)
	if err != nil {
		return stated{}, err
	}
	out := event.Attestation{PredicateType: provenance.PredicateType}
	if out.Digest, _, err = r.o.Blobs.Put(ctx, bytes.NewReader(statement)); err != nil {
		return stated{}, fmt.Errorf("store statement: %w", err)
	}
	if out.EnvelopeDigest, _, err = r.o.Blobs.Put(ctx, bytes.NewReader(envelope)); err != nil {
		return stated{}, fmt.Errorf("store statement: %w", err)
	}
	p := stated{envelope: envelope}
	seen := make(map[string]bool)
	for _, artifact := range a.artifacts {
		if !seen[artifact.Digest] {
			seen[artifact.Digest] = true
			out.SubjectDigest = artifact.Digest
			p.about, p.artifacts = append(p.about, out), append(p.artifacts, artifact)
		}
	}
	return p, nil
}

// recordAttestations makes them durable, in one write.
func (r *run) recordAttestations(s *stage, a *attempt, attestations []event.Attestation) error {
	events := make([]event.Event, len(attestations))
	for i := range attestations {
		events[i] = event.Event{Type: event.StageAttestation, Stage: s.Name, Attempt: a.number, Attestation: &attestations[i]}
	}
	if err := r.record(events...); err != nil {
		return err
	}
	r.addAttestations(attestations...)
	a.attestations = append(a.attestations, attestations...)
	return nil
}

func (r *run) stageInfo(s *stage) event.StageInfo {
	for _, info := range r.info.Stages {
		if info.Name == s.Name {
			return info
		}
	}
	return event.StageInfo{Name: s.Name, Uses: s.Component.String()}
}

// madeFrom are the artifacts in a stage's configuration, and those of the stages
// that it needs: it may have read their files.
func (r *run) madeFrom(s *stage, config cty.Value) []event.Artifact {
	var out []event.Artifact
	bare, _ := config.UnmarkDeep()
	_ = cty.Walk(bare, func(_ cty.Path, v cty.Value) (bool, error) {
		a, ok := artifactValue(v)
		if ok {
			out = append(out, a)
		}
		return !ok, nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, need := range s.Needs {
		out = append(out, r.artifacts[need]...)
	}
	return out
}

// artifactValue is an artifact as configurations hold it.
func artifactValue(v cty.Value) (event.Artifact, bool) {
	if v.IsNull() || !v.IsKnown() || !v.Type().IsObjectType() {
		return event.Artifact{}, false
	}
	text := make(map[string]string)
	for _, name := range []string{"name", "digest", "media_type", "location"} {
		if !v.Type().HasAttribute(name) || v.Type().AttributeType(name) != cty.String {
			return event.Artifact{}, false
		}
		if field := v.GetAttr(name); !field.IsNull() {
			text[name] = field.AsString()
		}
	}
	a := event.Artifact{Name: text["name"], Digest: text["digest"], MediaType: text["media_type"], Location: text["location"]}
	return a, validDigest(a.Digest)
}
