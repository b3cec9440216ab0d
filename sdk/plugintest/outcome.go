package plugintest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// Outcome is everything that one execution said.
type Outcome struct {
	Events    []*pluginv1.Event
	Stdout    []byte
	Stderr    []byte
	Artifacts []*pluginv1.Artifact
	Handles   [][]byte
	Result    *pluginv1.Result
	Outputs   cty.Value
	Err       error // of the stream itself
}

// Succeeded reports whether the component did what it was asked to.
func (o Outcome) Succeeded() bool {
	return o.Err == nil && o.Result.GetOutcome() == pluginv1.Outcome_OUTCOME_SUCCEEDED
}

// Failure is why it did not, never nil.
func (o Outcome) Failure() *pluginv1.Failure {
	if f := o.Result.GetFailure(); f != nil {
		return f
	}
	return &pluginv1.Failure{}
}

// String is a summary for test messages.
func (o Outcome) String() string {
	return fmt.Sprintf("outcome %s, failure %v, error %v\nstdout: %s\nstderr: %s",
		o.Result.GetOutcome(), o.Result.GetFailure(), o.Err, o.Stdout, o.Stderr)
}

// collect reads a stream to its end and holds it to the protocol.
func collect(h *Harness, component string, recv func() (*pluginv1.Event, error), first error) Outcome {
	h.t.Helper()
	out := Outcome{Err: first, Outputs: cty.NilVal}
	var stdout, stderr bytes.Buffer
	for first == nil {
		e, err := recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			out.Err = err
			break
		}
		if out.Result != nil {
			h.t.Errorf("event %d comes after the result", e.GetSequence())
		}
		out.Events = append(out.Events, e)
		if want := uint64(len(out.Events)); e.GetSequence() != want {
			h.t.Errorf("event %d has the sequence number %d", want, e.GetSequence())
		}
		switch body := e.GetBody().(type) {
		case *pluginv1.Event_Log:
			to := &stdout
			if body.Log.GetStream() == pluginv1.LogStream_LOG_STREAM_STDERR {
				to = &stderr
			}
			to.Write(body.Log.GetData())
		case *pluginv1.Event_Artifact:
			out.Artifacts = append(out.Artifacts, body.Artifact)
		case *pluginv1.Event_Handle:
			out.Handles = append(out.Handles, body.Handle.GetData())
		case *pluginv1.Event_Result:
			out.Result = body.Result
		}
	}
	out.Stdout, out.Stderr = stdout.Bytes(), stderr.Bytes()
	h.finish(component, &out)
	return out
}

func (h *Harness) finish(component string, out *Outcome) {
	h.t.Helper()
	if out.Err != nil {
		return
	}
	if out.Result == nil {
		h.t.Errorf("the stream of %s ended without a result", component)
		return
	}
	if got := int64(len(out.Stdout) + len(out.Stderr)); got != out.Result.GetLogBytes() {
		h.t.Errorf("%d bytes of output arrived, the result says %d", got, out.Result.GetLogBytes())
	}
	for _, f := range out.Result.GetFiles() {
		if !filepath.IsLocal(f.GetPath()) {
			h.t.Errorf("the result of %s names the file %q, which is not a relative name within the work folder", component, f.GetPath())
		}
	}
	if out.Result.GetOutputs() == nil {
		return
	}
	ty, err := dynamic.OutputType(h.component(component).GetOutputs())
	if err != nil {
		h.t.Fatalf("schema of %s: %v", component, err)
	}
	if out.Outputs, err = dynamic.Decode(out.Result.GetOutputs(), ty); err != nil {
		h.t.Errorf("outputs of %s: %v", component, err)
	}
}

func diagnosticsOf(in []*pluginv1.Diagnostic) sdk.Diagnostics {
	var out sdk.Diagnostics
	for _, d := range in {
		one := sdk.Diagnostic{Severity: sdk.Error, Summary: d.GetSummary(), Detail: d.GetDetail()}
		if d.GetSeverity() == pluginv1.Severity_SEVERITY_WARNING {
			one.Severity = sdk.Warning
		}
		for _, step := range d.GetAttribute().GetSteps() {
			switch s := step.GetSelector().(type) {
			case *pluginv1.AttributePath_Step_Attribute:
				one.Path = append(one.Path, sdk.Attr(s.Attribute))
			case *pluginv1.AttributePath_Step_Key:
				one.Path = append(one.Path, sdk.Key(s.Key))
			case *pluginv1.AttributePath_Step_Index:
				one.Path = append(one.Path, sdk.Index(s.Index))
			}
		}
		out = append(out, one)
	}
	return out
}
