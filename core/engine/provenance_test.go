package engine_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// attester seals by writing around.
type attester struct{ fail error }

func (a attester) Attest(statement []byte) ([]byte, error) {
	return append([]byte("sealed "), statement...), a.fail
}

type stated struct {
	Subject []struct {
		Name   string
		Digest map[string]string
	}
	PredicateType string
	Predicate     struct {
		BuildDefinition struct {
			ExternalParameters   map[string]any
			ResolvedDependencies []struct {
				Name   string
				Digest map[string]string
			}
		}
	}
}

// Each artifact of a builder has one signed statement, which is stored and on
// record before the stage ends; testers and failures have none.
func TestProvenance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Attester = attester{}
	w.stage("train", "builder")
	w.stage("pack", "builder", "train")
	w.stage("check", "tester", "pack")
	w.plugins.execute = saying(artifactEvent("weights"))
	w.mustRun()
	var about []string
	var last event.Attestation
	for _, e := range w.journal.all() {
		switch e.Type {
		case event.StageAttestation:
			about = append(about, e.Stage+" "+e.Attestation.PredicateType)
			last = *e.Attestation
		case event.StageFinished:
			about = append(about, e.Stage+" ends")
		}
	}
	want := []string{"train https://slsa.dev/provenance/v1", "train ends", "pack https://slsa.dev/provenance/v1", "pack ends", "check ends"}
	if diff := cmp.Diff(want, about); diff != "" {
		t.Error(diff)
	}
	raw := w.blobs.kept[last.Digest]
	if got := string(w.blobs.kept[last.EnvelopeDigest]); got != "sealed "+string(raw) {
		t.Errorf("the envelope is %s", got)
	}
	var s stated
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Subject) != 1 || "sha256:"+s.Subject[0].Digest["sha256"] != last.SubjectDigest {
		t.Errorf("subject %+v, the event says %s", s.Subject, last.SubjectDigest)
	}
	if got := s.Predicate.BuildDefinition.ExternalParameters["stage"]; got != "stage.pack" {
		t.Errorf("stage %v", got)
	}
	var from []string
	for _, d := range s.Predicate.BuildDefinition.ResolvedDependencies {
		from = append(from, d.Name)
	}
	if got := strings.Join(from, " "); got != "source pipeline weights" {
		t.Errorf("made from %s", got)
	}
}

// A stage whose artifacts cannot be vouched for has not succeeded.
func TestProvenanceThatCannotBeSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Attester = attester{fail: errors.New("no key")}
	w.stage("train", "builder")
	w.plugins.execute = saying(artifactEvent("weights"))
	if out := w.mustRun(); out.Status != event.Errored {
		t.Errorf("%+v", out)
	}
	if f := w.journal.last(t, event.StageFinished).Finish.Failure; f == nil || !strings.Contains(f.Detail, "no key") {
		t.Errorf("%+v", f)
	}
}

func TestNoArtifactNoProvenance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Attester = attester{}
	w.stage("train", "builder")
	w.plugins.execute = saying(&pluginv1.Event{})
	w.mustRun()
	for _, e := range w.journal.all() {
		if e.Type == event.StageAttestation {
			t.Errorf("%+v", e.Attestation)
		}
	}
}
