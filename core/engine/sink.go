package engine

import (
	"bytes"
	"context"
	"fmt"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// sink takes the events of one execution, in order, from one goroutine.
type sink struct {
	ctx   context.Context // of the attempt; the sink does not outlive it
	run   *run
	stage *stage
	a     *attempt
	log   *attemptLog
	kept  int // artifacts and attestations
	err   error
}

func newSink(ctx context.Context, r *run, s *stage, a *attempt) *sink {
	return &sink{ctx: ctx, run: r, stage: s, a: a, log: newAttemptLog(r, s.Name, a.number)}
}

// take handles one event. Its error ends the execution, and is remembered: the
// plugin host need not hand it on unchanged.
func (k *sink) take(e *pluginv1.Event) error {
	if k.err == nil {
		k.err = k.handle(e)
	}
	return k.err
}

// close ends the log and gives its size.
func (k *sink) close(incomplete bool) (int64, error) { return k.log.close(incomplete) }

func (k *sink) handle(e *pluginv1.Event) error {
	switch body := e.GetBody().(type) {
	case *pluginv1.Event_Log:
		return k.log.write(body.Log)
	case *pluginv1.Event_Progress:
		p := body.Progress
		k.show(event.Event{Type: event.StageProgress, Progress: &event.Progress{
			Task: k.run.clean(p.GetTask(), maxLine), Current: p.GetCurrent(), Total: p.GetTotal(), Unit: k.run.clean(p.GetUnit(), maxName),
		}})
	case *pluginv1.Event_Artifact:
		return k.artifact(body.Artifact)
	case *pluginv1.Event_Metric:
		m, ok := k.run.metricOf(body.Metric)
		if !ok {
			return k.protocol("metric %q is not a number", body.Metric.GetName())
		}
		k.show(event.Event{Type: event.StageMetric, Metric: &m})
	case *pluginv1.Event_Diagnostic:
		for _, d := range k.run.place(k.stage, []*pluginv1.Diagnostic{body.Diagnostic}) {
			k.run.showDiagnostic(k.stage, d)
		}
	case *pluginv1.Event_Handle:
		return k.handleOf(body.Handle.GetData())
	case *pluginv1.Event_Attestation:
		return k.attestation(body.Attestation)
	}
	return nil // heartbeats and results are the plugin host's; unknown events are from a newer plugin
}

// handleOf records how to find what was started outside, before the next event
// is read.
func (k *sink) handleOf(data []byte) error {
	if len(data) > maxHandle {
		return k.protocol("a handle of %d bytes is larger than %d", len(data), maxHandle)
	}
	return k.record(event.Event{Type: event.StageHandle, Handle: data})
}

func (k *sink) artifact(in *pluginv1.Artifact) error {
	if err := k.count(); err != nil {
		return err
	}
	a := k.run.artifactOf(in)
	if !validDigest(a.Digest) {
		return k.protocol("artifact %q has the digest %q, which is not sha256: and 64 hexadecimal digits", a.Name, a.Digest)
	}
	if err := k.record(event.Event{Type: event.StageArtifact, Artifact: &a}); err != nil {
		return err
	}
	k.run.addArtifact(a)
	k.a.artifacts = append(k.a.artifacts, a)
	return nil
}

// attestation stores the statement, and its envelope, as blobs.
func (k *sink) attestation(in *pluginv1.Attestation) error {
	if err := k.count(); err != nil {
		return err
	}
	out := event.Attestation{
		SubjectDigest: in.GetSubjectDigest(), PredicateType: k.run.clean(in.GetPredicateType(), maxLine),
	}
	if !validDigest(out.SubjectDigest) {
		return k.protocol("an attestation speaks about %q, which is not a digest", k.run.clean(out.SubjectDigest, maxName))
	}
	var err error
	if out.Digest, err = k.store(in.GetStatement()); err != nil {
		return err
	}
	if len(in.GetEnvelope()) > 0 {
		if out.EnvelopeDigest, err = k.store(in.GetEnvelope()); err != nil {
			return err
		}
	}
	k.run.addAttestations(out)
	k.a.attestations = append(k.a.attestations, out)
	return k.record(event.Event{Type: event.StageAttestation, Attestation: &out})
}

// store keeps a document. A document with a secret in it is refused: masking it
// would change what was signed.
func (k *sink) store(document []byte) (string, error) {
	if text := string(document); k.run.o.Redactor.Text(text) != text {
		return "", k.protocol("an attestation holds a secret")
	}
	digest, _, err := k.run.o.Blobs.Put(k.ctx, bytes.NewReader(document))
	return digest, err
}

// count bounds what one attempt may add to the journal.
func (k *sink) count() error {
	if k.kept++; k.kept > maxArtifacts {
		return k.protocol("more than %d artifacts and attestations", maxArtifacts)
	}
	return nil
}

func (k *sink) protocol(format string, args ...any) error {
	return &PluginError{Plugin: k.stage.Component.Plugin, Class: ClassProtocol, Err: fmt.Errorf(format, args...)}
}

func (k *sink) record(e event.Event) error {
	e.Stage, e.Attempt = k.stage.Name, k.a.number
	return k.run.record(e)
}

func (k *sink) show(e event.Event) {
	e.Stage, e.Attempt = k.stage.Name, k.a.number
	k.run.show(e)
}
