package engine

import (
	"slices"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
)

func (r *run) addArtifact(a event.Artifact) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.evidence.Artifacts = append(r.evidence.Artifacts, a)
}

func (r *run) addReport(report StageReport) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.evidence.Reports = append(r.evidence.Reports, report)
}

func (r *run) addAttestations(list ...event.Attestation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.evidence.Attestations = append(r.evidence.Attestations, list...)
}

// known is what the run has made and measured so far.
func (r *run) known() Evidence {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Evidence{
		Artifacts: slices.Clone(r.evidence.Artifacts), Attestations: slices.Clone(r.evidence.Attestations),
		Reports: slices.Clone(r.evidence.Reports), Run: r.info,
	}
}

// warn tells people about something that does not change how the stage ends.
func (r *run) warn(s *stage, summary, detail string) {
	r.showDiagnostic(s, diag.Diagnostic{Severity: diag.Warning, Summary: summary, Detail: detail, Subject: &s.Range})
}
