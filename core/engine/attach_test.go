package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// packing is a world with one builder that can store statements.
func packing(t *testing.T, attach func(context.Context, *pluginv1.AttachRequest) (*pluginv1.AttachResponse, error)) *world {
	t.Helper()
	w := newWorld(t)
	w.options.Attester = attester{}
	w.stage("pack", "builder").Schema.Attaches = true
	w.plugins.execute = saying(artifactEvent("weights"))
	w.plugins.attach = attach
	return w
}

// Provenance is stored beside the artifact under the attempt that has made it,
// and what is recorded says where.
func TestProvenanceIsAttached(t *testing.T) {
	t.Parallel()
	var asked []*pluginv1.AttachRequest
	w := packing(t, func(_ context.Context, req *pluginv1.AttachRequest) (*pluginv1.AttachResponse, error) {
		asked = append(asked, req)
		return &pluginv1.AttachResponse{Reference: "r.example/digits@sha256:1"}, nil
	})
	w.mustRun()
	if len(asked) != 1 {
		t.Fatalf("asked %d times", len(asked))
	}
	stated := w.journal.last(t, event.StageAttestation).Attestation
	build := w.plugins.executed[0].Build
	switch req := asked[0]; {
	case stated.Attached != "r.example/digits@sha256:1":
		t.Errorf("recorded %+v", stated)
	case string(req.GetEnvelope()) != string(w.blobs.kept[stated.EnvelopeDigest]), req.GetArtifact().GetDigest() != stated.SubjectDigest,
		req.GetAttempt().GetId() != build.GetAttempt().GetId(), string(req.GetConfig().GetMsgpack()) != string(build.GetConfig().GetMsgpack()):
		t.Errorf("asked %v", req)
	}
}

// A builder that cannot, is not asked.
func TestProvenanceOfABuilderThatCannotAttach(t *testing.T) {
	t.Parallel()
	w := packing(t, nil)
	w.stages[0].Schema.Attaches = false
	if out := w.mustRun(); out.Status != event.Succeeded {
		t.Errorf("%+v", out)
	}
}

// A package whose provenance is not beside it is not what the stage promises. What
// may pass is tried again, with the build, which finds what it has stored.
func TestProvenanceCannotBeAttached(t *testing.T) {
	t.Parallel()
	busy := &pluginv1.AttachResponse{Failure: &pluginv1.Failure{Summary: "429", Class: "registry_busy", Transient: true}}
	for name, test := range map[string]struct {
		answers []*pluginv1.AttachResponse
		err     error
		want    event.Status
		summary string
	}{
		"busy, and then not": {[]*pluginv1.AttachResponse{busy, {Reference: "there"}}, nil, event.Succeeded, ""},
		"denied": {
			[]*pluginv1.AttachResponse{{Failure: &pluginv1.Failure{Summary: "403", Class: "registry_denied"}}}, nil,
			event.Errored, "its provenance cannot be stored beside it: 403",
		},
		"crashed": {nil, &engine.PluginError{Plugin: "fake", Class: "plugin_crashed", Err: errors.New("it is gone")}, event.Errored, "it is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := packing(t, func(context.Context, *pluginv1.AttachRequest) (*pluginv1.AttachResponse, error) {
				if test.err != nil {
					return nil, test.err
				}
				answer := test.answers[0]
				test.answers = test.answers[1:]
				return answer, nil
			})
			w.stages[0].Retry.Attempts = 2
			out := w.mustRun()
			finish := w.journal.last(t, event.StageFinished).Finish
			if out.Status != test.want || test.summary != "" && !strings.Contains(finish.Failure.Summary, test.summary) {
				t.Errorf("%+v, %+v", out, finish.Failure)
			}
			recorded := slices.ContainsFunc(w.journal.all(), func(e event.Event) bool { return e.Type == event.StageAttestation })
			if recorded != (test.want == event.Succeeded) {
				t.Errorf("provenance is on record: %t", recorded)
			}
		})
	}
}

// A run that is cancelled while a statement is stored was cancelled.
func TestCancelledWhileAttaching(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	w := packing(t, func(ctx context.Context, _ *pluginv1.AttachRequest) (*pluginv1.AttachResponse, error) {
		cancel(errors.New("enough"))
		<-ctx.Done()
		return &pluginv1.AttachResponse{Failure: &pluginv1.Failure{Summary: "stopped"}}, nil
	})
	out, err := w.run(ctx)
	if err != nil || out.Status != event.Cancelled {
		t.Errorf("%+v, %v", out, err)
	}
}
