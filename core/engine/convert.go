package engine

import (
	"math"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Bounds of what is taken over from plugins.
const (
	maxName        = 256
	maxLine        = 4 << 10
	maxDetail      = 64 << 10
	maxHandle      = 64 << 10
	maxDiagnostics = 1000
	maxArtifacts   = 1000
	maxMetrics     = 1000
	maxFailing     = 100
	maxChanges     = 1000
	maxNotes       = 50
	maxPlacements  = 10_000
	maxAnnotations = 100
	maxPlan        = 2 << 20
	maxInput       = 1 << 20
)

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

func validDigest(s string) bool { return digestPattern.MatchString(s) }

// clean is text from outside without secrets, as valid UTF-8, cut at a limit.
func (r *run) clean(s string, limit int) string { return cleaned(r.o.Redactor.Text, s, limit) }

func cleaned(mask func(string) string, s string, limit int) string {
	s = strings.ToValidUTF8(mask(s), "\uFFFD")
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

func bounded[T any](in []T, limit int) []T { return in[:min(len(in), limit)] }

func kindName(k pluginv1.Kind) string {
	return strings.ToLower(strings.TrimPrefix(k.String(), "KIND_"))
}

func (r *run) failureOf(f *pluginv1.Failure) *event.Failure {
	if f == nil {
		return &event.Failure{Summary: "the plugin gave no reason"}
	}
	return &event.Failure{
		Summary: r.clean(f.GetSummary(), maxLine), Detail: r.clean(f.GetDetail(), maxDetail),
		Class: r.clean(f.GetClass(), maxName), Transient: f.GetTransient(), ExitCode: int(f.GetExitCode()),
	}
}

func (r *run) artifactOf(a *pluginv1.Artifact) event.Artifact {
	out := event.Artifact{
		Name: r.clean(a.GetName(), maxName), Digest: r.clean(a.GetDigest(), maxName), MediaType: r.clean(a.GetMediaType(), maxName),
		Size: a.GetSize(), Location: r.clean(a.GetLocation(), maxLine),
	}
	for k, v := range a.GetAnnotations() {
		if out.Annotations == nil {
			out.Annotations = make(map[string]string)
		}
		if len(out.Annotations) < maxAnnotations {
			out.Annotations[r.clean(k, maxName)] = r.clean(v, maxLine)
		}
	}
	return out
}

// metricOf reports false for what is not a number: JSON has no form for it.
func (r *run) metricOf(m *pluginv1.Metric) (event.Metric, bool) {
	if math.IsNaN(m.GetValue()) || math.IsInf(m.GetValue(), 0) {
		return event.Metric{}, false
	}
	return event.Metric{
		Name: r.clean(m.GetName(), maxName), Value: m.GetValue(), Unit: r.clean(m.GetUnit(), maxName), Samples: m.GetSamples(),
	}, true
}

func (r *run) reportOf(in *pluginv1.TestReport) *event.Report {
	if in == nil {
		return nil
	}
	out := new(event.Report)
	for _, m := range bounded(in.GetMetrics(), maxMetrics) {
		if metric, ok := r.metricOf(m); ok {
			out.Metrics = append(out.Metrics, metric)
		}
	}
	for _, t := range bounded(in.GetThresholds(), maxMetrics) {
		out.Thresholds = append(out.Thresholds, event.Threshold{
			Metric: r.clean(t.GetMetric(), maxName), Min: finite(t.Min), Max: finite(t.Max), Met: t.GetMet(),
		})
	}
	if len(in.GetCases()) > 0 {
		out.Cases = new(event.CaseCounts)
	}
	for _, c := range in.GetCases() {
		if countCase(out.Cases, c.GetVerdict()) && len(out.Failing) < maxFailing {
			out.Failing = append(out.Failing, event.Case{
				Suite: r.clean(c.GetSuite(), maxName), Name: r.clean(c.GetName(), maxName), Message: r.clean(c.GetMessage(), maxLine),
			})
		}
	}
	return out
}

func finite(f *float64) *float64 {
	if f == nil || math.IsNaN(*f) || math.IsInf(*f, 0) {
		return nil
	}
	return f
}

// countCase reports whether the case did not pass.
func countCase(counts *event.CaseCounts, v pluginv1.Verdict) bool {
	switch v {
	case pluginv1.Verdict_VERDICT_PASS:
		counts.Passed++
		return false
	case pluginv1.Verdict_VERDICT_SKIP:
		counts.Skipped++
		return false
	case pluginv1.Verdict_VERDICT_FAIL:
		counts.Failed++
	default:
		counts.Errored++
	}
	return true
}

func (r *run) rolloutOf(res *pluginv1.Result) *event.Rollout {
	in := res.GetRollout()
	if in == nil {
		return nil
	}
	out := &event.Rollout{
		Phase:   strings.ToLower(strings.TrimPrefix(in.GetPhase().String(), "ROLLOUT_PHASE_")),
		Message: r.clean(in.GetMessage(), maxLine), Replicas: int(in.GetReplicas()), Ready: int(in.GetReady()),
	}
	for _, p := range bounded(in.GetPlacements(), maxPlacements) {
		out.Placements = append(out.Placements, event.Placement{
			Replica: r.clean(p.GetReplica(), maxName), Node: r.clean(p.GetNode(), maxName), Devices: p.GetDevices(), Ready: p.GetReady(),
		})
	}
	return out
}

func (r *run) planOf(in *pluginv1.Plan) *event.Plan {
	out := &event.Plan{Digest: in.GetDigest(), Environment: r.clean(in.GetEnvironment(), maxName), Target: r.clean(in.GetTarget(), maxLine)}
	for _, line := range bounded(in.GetNotes(), maxNotes) {
		out.Notes = append(out.Notes, r.clean(line, maxLine))
	}
	for _, c := range bounded(in.GetChanges(), maxChanges) {
		out.Changes = append(out.Changes, event.Change{
			Action: strings.ToLower(strings.TrimPrefix(c.GetAction().String(), "CHANGE_ACTION_")),
			Object: r.clean(c.GetObject(), maxLine), Diff: r.clean(c.GetDiff(), maxDetail), Digest: r.clean(c.GetDigest(), maxName),
		})
	}
	return out
}
