package sdk

import (
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func diagnosticsWire(in Diagnostics) []*pluginv1.Diagnostic {
	out := make([]*pluginv1.Diagnostic, 0, len(in))
	for _, d := range in {
		out = append(out, diagnosticWire(d))
	}
	return out
}

func diagnosticWire(d Diagnostic) *pluginv1.Diagnostic {
	severity := pluginv1.Severity_SEVERITY_ERROR
	if d.Severity == Warning {
		severity = pluginv1.Severity_SEVERITY_WARNING
	}
	out := &pluginv1.Diagnostic{Severity: severity, Summary: text(d.Summary, maxLine), Detail: text(d.Detail, maxText)}
	if len(d.Path) > 0 {
		out.Attribute = &pluginv1.AttributePath{}
		for _, step := range d.Path {
			out.Attribute.Steps = append(out.Attribute.Steps, stepWire(step))
		}
	}
	return out
}

func stepWire(step Step) *pluginv1.AttributePath_Step {
	switch s := step.(type) {
	case Attr:
		return dynamic.AttributeStep(string(s))
	case Key:
		return dynamic.KeyStep(string(s))
	case Index:
		return dynamic.IndexStep(int64(s))
	default:
		return dynamic.AttributeStep("")
	}
}

func artifactWire(a Artifact) *pluginv1.Artifact {
	return &pluginv1.Artifact{
		Name: a.Name, Digest: a.Digest, MediaType: a.MediaType, Size: a.Size,
		Location: a.Location, Annotations: a.Annotations,
	}
}

func artifactFrom(a *pluginv1.Artifact) Artifact {
	return Artifact{
		Name: a.GetName(), Digest: a.GetDigest(), MediaType: a.GetMediaType(), Size: a.GetSize(),
		Location: a.GetLocation(), Annotations: a.GetAnnotations(),
	}
}

func metricWire(m Metric) *pluginv1.Metric {
	return &pluginv1.Metric{Name: m.Name, Value: m.Value, Unit: m.Unit, Samples: m.Samples}
}

func reportWire(r TestReport) *pluginv1.TestReport {
	out := &pluginv1.TestReport{}
	for _, m := range r.Metrics {
		out.Metrics = append(out.Metrics, metricWire(m))
	}
	for _, t := range r.Thresholds {
		out.Thresholds = append(out.Thresholds, &pluginv1.Threshold{Metric: t.Metric, Min: t.Min, Max: t.Max, Met: t.Met})
	}
	for _, c := range r.Cases {
		out.Cases = append(out.Cases, &pluginv1.TestCase{
			Suite: text(c.Suite, maxLine), Name: text(c.Name, maxLine), Verdict: pluginv1.Verdict(c.Verdict), //nolint:gosec // same numbers
			Message: text(c.Message, maxLine), Seconds: c.Seconds,
		})
	}
	return out
}

func evaluationWire(e Evaluation) *pluginv1.EvaluateResponse {
	verdict := map[PolicyVerdict]pluginv1.PolicyVerdict{
		VerdictPass:  pluginv1.PolicyVerdict_POLICY_VERDICT_PASS,
		VerdictDeny:  pluginv1.PolicyVerdict_POLICY_VERDICT_DENY,
		VerdictError: pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR,
	}[e.Verdict]
	out := &pluginv1.EvaluateResponse{
		Verdict: verdict, Rules: e.Rules, Error: text(e.Err, maxText),
		Violations: violationsWire(e.Violations), Warnings: violationsWire(e.Warnings),
		Waived: violationsWire(e.Waived), Diagnostics: diagnosticsWire(e.Diagnostics),
	}
	for _, b := range e.Bundles {
		bundle := &pluginv1.PolicyBundle{Name: b.Name, Revision: b.Revision, Digest: b.Digest, Location: b.Location}
		if !b.LoadedAt.IsZero() {
			bundle.LoadedAt = timestamppb.New(b.LoadedAt)
		}
		out.Bundles = append(out.Bundles, bundle)
	}
	return out
}

func violationsWire(in []Violation) []*pluginv1.Violation {
	out := make([]*pluginv1.Violation, 0, len(in))
	for _, v := range in {
		out = append(out, &pluginv1.Violation{
			Rule: v.Rule, Message: text(v.Message, maxText), Subject: v.Subject, Remedy: v.Remedy,
			Controls: v.Controls, Severity: v.Severity, Facts: v.Facts, Waiver: v.Waiver,
		})
	}
	return out
}

func planResultWire(r PlanResult) *pluginv1.PlanResponse {
	out := &pluginv1.PlanResponse{Diagnostics: diagnosticsWire(r.Diagnostics)}
	for _, f := range r.Facts {
		out.Facts = append(out.Facts, factWire(f))
	}
	if r.Diagnostics.HasErrors() {
		return out
	}
	out.Plan = &pluginv1.Plan{
		Digest: r.Plan.Digest, MediaType: r.Plan.MediaType, Content: r.Plan.Content,
		Environment: r.Plan.Environment, Target: r.Plan.Target,
	}
	for _, line := range r.Plan.Notes[:min(len(r.Plan.Notes), maxNotes)] {
		out.Plan.Notes = append(out.Plan.Notes, text(line, maxText))
	}
	for _, c := range r.Plan.Changes {
		out.Plan.Changes = append(out.Plan.Changes, &pluginv1.Change{
			Action: pluginv1.ChangeAction(c.Action), Object: c.Object, Diff: text(c.Diff, maxText), Digest: c.Digest, //nolint:gosec // same numbers
		})
	}
	return out
}

func factWire(f Fact) *pluginv1.Fact {
	state := map[FactState]pluginv1.FactState{
		FactUnknown:  pluginv1.FactState_FACT_STATE_UNKNOWN,
		FactVerified: pluginv1.FactState_FACT_STATE_VERIFIED,
		FactDeclared: pluginv1.FactState_FACT_STATE_DECLARED,
		FactAbsent:   pluginv1.FactState_FACT_STATE_ABSENT,
	}[f.State]
	out := &pluginv1.Fact{Name: f.Name, State: state, Value: f.Value, Source: f.Source}
	if !f.CheckedAt.IsZero() {
		out.CheckedAt = timestamppb.New(f.CheckedAt)
	}
	return out
}

func rolloutWire(r Rollout) *pluginv1.Rollout {
	out := &pluginv1.Rollout{
		Phase: pluginv1.RolloutPhase(r.Phase), Message: text(r.Message, maxText), //nolint:gosec // same numbers
		Replicas: int32(r.Replicas), Ready: int32(r.Ready), //nolint:gosec // bounded by the cluster
	}
	for _, p := range r.Placements {
		out.Placements = append(out.Placements, &pluginv1.Placement{Replica: p.Replica, Node: p.Node, Devices: p.Devices, Ready: p.Ready})
	}
	return out
}

func planOf(p *pluginv1.Plan) Plan {
	out := Plan{
		Digest: p.GetDigest(), MediaType: p.GetMediaType(), Content: p.GetContent(),
		Environment: p.GetEnvironment(), Target: p.GetTarget(), Notes: p.GetNotes(),
	}
	for _, c := range p.GetChanges() {
		out.Changes = append(out.Changes, Change{
			Action: ChangeAction(c.GetAction()), Object: c.GetObject(), Diff: c.GetDiff(), Digest: c.GetDigest(),
		})
	}
	return out
}

func attemptOf(a *pluginv1.Attempt) Attempt {
	s := a.GetSource()
	return Attempt{
		ID: a.GetId(), Run: a.GetRun(), Stage: a.GetStage(), Number: int(a.GetNumber()),
		IdempotencyKey: a.GetIdempotencyKey(), WorkDir: a.GetWorkDir(), ScratchDir: a.GetScratchDir(),
		Environment: a.GetEnvironment(),
		Source: Source{
			Commit: s.GetCommit(), Ref: s.GetRef(), Clean: s.GetClean(),
			Repository: s.GetRepository(), PipelineDigest: s.GetPipelineDigest(),
		},
	}
}
