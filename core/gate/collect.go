package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/sdk"
)

// Kinds of artifacts.
const (
	kindModel = "model"
	kindImage = "image"
	kindOther = "other"
)

// collect builds the input from what is known.
func (g *Gate) collect(ctx context.Context, req engine.DecisionRequest, now time.Time) (*Input, error) {
	in := &Input{
		Schema:    SchemaName,
		Scope:     ScopeArtifacts,
		Now:       now,
		Run:       runOf(req, now),
		Artifacts: make([]Artifact, 0, len(req.Evidence.Artifacts)),
		Access:    Access{Actor: g.actor(now), Groups: g.groups(now)},
		Waivers:   g.waiverRecords(req, now),
		Evals:     make([]Eval, 0, len(req.Evidence.Reports)),
		Facts:     make(map[string]Fact),
	}
	for _, a := range req.Evidence.Artifacts {
		artifact := artifactOf(a)
		artifact.Provenance, artifact.SBOM = g.attested(ctx, req.Evidence, a.Digest)
		artifact.Scans = scansOf(req.Evidence, a.Digest)
		in.Artifacts = append(in.Artifacts, artifact)
	}
	in.Run.Audit = recorded(now)
	in.Encryption.Keys = Fact{State: Unknown, Source: "the operator does not say"}
	in.Access.BreakGlass = Fact{State: Absent, Source: "the operator's configuration", CheckedAt: &now}
	in.Access.Approval = g.approval(req)
	for _, r := range req.Evidence.Reports {
		in.Evals = append(in.Evals, evalOf(r))
	}
	missing := Fact{State: Absent, Source: "nothing is deployed"}
	if req.Stage != nil {
		in.Scope = ScopeDeployment
		in.Target = Target{
			Stage:       req.Stage.Address(),
			Component:   req.Stage.Component.String(),
			Environment: req.Attempt.GetEnvironment(),
			Plan:        Plan{Digest: req.Plan.GetDigest(), MediaType: req.Plan.GetMediaType()},
		}
		missing = Fact{State: Unknown, Source: in.Target.Component + " does not say"}
	}
	for _, place := range in.places() {
		*place = missing
	}
	if req.Stage == nil {
		return in, nil
	}
	if err := in.takeFacts(req.Facts, in.Target.Component); err != nil {
		return nil, err
	}
	if err := in.declare(g.opts.Declared); err != nil {
		return nil, err
	}
	return in, nil
}

func runOf(req engine.DecisionRequest, now time.Time) Run {
	info, source := req.Evidence.Run, req.Attempt.GetSource()
	clean := Fact{State: Absent, Source: "git", CheckedAt: &now}
	if info.Commit != "" {
		clean = Fact{State: Verified, Value: json.RawMessage("false"), Source: "git", CheckedAt: &now}
		if info.Clean {
			clean.Value = json.RawMessage("true")
		}
	}
	return Run{
		ID:             req.RunID,
		Pipeline:       info.Pipeline,
		PipelineDigest: info.Digest,
		Trigger:        info.Trigger,
		Git: Git{
			Repository: seen(source.GetRepository(), "git", now),
			Commit:     seen(info.Commit, "git", now),
			Ref:        seen(info.Ref, "git", now),
			Clean:      clean,
		},
	}
}

func artifactOf(a event.Artifact) Artifact {
	out := Artifact{
		Name: a.Name, Kind: kindOf(a), Digest: a.Digest, MediaType: a.MediaType,
		Size: a.Size, Location: a.Location,
		Registry: ArtifactRegistry{
			Host: noted(a, sdk.AnnotationRegistryHost),
			TLS:  noted(a, sdk.AnnotationRegistryTLS),
			CA:   noted(a, sdk.AnnotationRegistryCA),
		},
		Format:     noted(a, sdk.AnnotationFormat),
		Encryption: noted(a, sdk.AnnotationEncryption),
		Signatures: words(noted(a, sdk.AnnotationSignatures)),
		Signer:     noted(a, sdk.AnnotationSigner),
		Keys:       words(noted(a, sdk.AnnotationKeys)),
	}
	if !strings.HasPrefix(a.Location, "oci://") {
		local := Fact{State: Absent, Source: "it is not in a registry"}
		out.Registry = ArtifactRegistry{Host: local, TLS: local, CA: local}
	}
	if a.Annotations[sdk.AnnotationEncryption] == "absent" {
		out.Encryption = Fact{State: Absent, Source: out.Encryption.Source}
		out.Keys = out.Encryption
	}
	if a.Annotations[sdk.AnnotationSignatures] == "absent" {
		out.Signatures = Fact{State: Absent, Source: out.Signatures.Source}
		out.Signer = out.Signatures
	}
	return out
}

// noted is what the builder has annotated. A builder annotates only what it has
// seen.
func noted(a event.Artifact, key string) Fact {
	source := fmt.Sprintf("builder of %s", a.Name)
	text := a.Annotations[key]
	if text == "" {
		return Fact{State: Unknown, Source: source}
	}
	return Fact{State: Verified, Value: quote(text), Source: source}
}

// words is a fact whose text is a list.
func words(f Fact) Fact {
	var text string
	if f.State != Verified || json.Unmarshal(f.Value, &text) != nil {
		return f
	}
	f.Value, _ = json.Marshal(strings.Fields(text)) // strings cannot fail
	return f
}

func kindOf(a event.Artifact) string {
	switch {
	case a.Annotations[sdk.AnnotationFormat] != "" || strings.Contains(a.MediaType, "vnd.cncf.model"):
		return kindModel
	case strings.Contains(a.MediaType, "image.manifest") || strings.Contains(a.MediaType, "image.index") ||
		strings.Contains(a.MediaType, "docker.distribution.manifest"):
		return kindImage
	}
	return kindOther
}

func evalOf(r engine.StageReport) Eval {
	out := Eval{
		Stage: r.Stage, SubjectDigest: r.ArtifactDigest,
		Metrics:    make([]Metric, 0, len(r.Report.Metrics)),
		Thresholds: make([]Threshold, 0, len(r.Report.Thresholds)),
	}
	for _, m := range r.Report.Metrics {
		out.Metrics = append(out.Metrics, Metric(m))
	}
	for _, t := range r.Report.Thresholds {
		out.Thresholds = append(out.Thresholds, Threshold(t))
	}
	if c := r.Report.Cases; c != nil {
		out.Cases = Cases(*c)
	}
	return out
}
