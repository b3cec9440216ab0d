package pluginhost

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func TestExecute(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	s := newStep(t, h, "fake", args{"stdout": "out\n", "stderr": "err\n", "emit_bytes": 250_000, "value": "v", "content": "blob"})
	result, err := s.run(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	if result.GetOutcome() != pluginv1.Outcome_OUTCOME_SUCCEEDED {
		t.Fatalf("got %v", result)
	}
	if want := 250_000 + len("out\nerr\n"); s.log.Len() != want || result.GetLogBytes() != int64(want) {
		t.Errorf("got %d bytes of log, counted %d, want %d", s.log.Len(), result.GetLogBytes(), want)
	}
	var artifacts int
	for _, e := range s.events {
		if e.GetHeartbeat() != nil || e.GetResult() != nil {
			t.Errorf("the sink got %v", e)
		}
		if e.GetArtifact() != nil {
			artifacts++
		}
	}
	if artifacts != 1 {
		t.Errorf("got %d artifacts", artifacts)
	}
	d, _, err := h.Describe(t.Context(), "fake")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range d.GetComponents() {
		if c.GetName() != "step" {
			continue
		}
		ty, err := dynamic.OutputType(c.GetOutputs())
		if err != nil {
			t.Fatal(err)
		}
		v, err := dynamic.Decode(result.GetOutputs(), ty)
		if err != nil || !v.GetAttr("value").RawEquals(cty.StringVal("v")) {
			t.Errorf("got outputs %#v, %v", v, err)
		}
	}
}

func TestExecuteHandsOnFailures(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	s := newStep(t, h, "fake", args{"fail": "no luck"})
	result, err := s.run(t.Context(), h)
	if err != nil || result.GetOutcome() != pluginv1.Outcome_OUTCOME_FAILED || result.GetFailure().GetSummary() != "no luck" {
		t.Errorf("got %v, %v", result, err)
	}
	s = newStep(t, h, "fake", args{"fault": "panic"})
	result, err = s.run(t.Context(), h)
	if err != nil || result.GetFailure().GetClass() != "plugin_panic" {
		t.Errorf("got %v, %v", result, err)
	}
	succeeds(t, h)
}

func TestExecuteStopsInOrder(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	started := filepath.Join(t.TempDir(), "started")
	s := newStep(t, h, "fake", args{"started": started, "wait_for": filepath.Join(t.TempDir(), "never")})
	ctx, cancel := context.WithCancelCause(t.Context())
	done := s.background(ctx, h)
	pid := pidIn(t, started)
	cancel(errors.New("enough"))
	got := wait(t, "the end of the step", done)
	if got.err != nil || got.result.GetOutcome() != pluginv1.Outcome_OUTCOME_STOPPED {
		t.Errorf("got %v, %v", got.result, got.err)
	}
	if gone(pid) {
		t.Error("the plugin died of an orderly stop")
	}
}

func TestExecuteStopsWhenTheSinkFails(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	full := errors.New("disk full")
	s := newStep(t, h, "fake", args{"emit_bytes": 100 << 20})
	s.sink = func(*pluginv1.Event) error { return full }
	if _, err := s.run(t.Context(), h); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	if len(s.events) != 1 {
		t.Errorf("the sink got %d events after it had failed", len(s.events)-1)
	}
	succeeds(t, h)
}

func TestExecuteNeedsAnAttempt(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	s := newStep(t, h, "fake", args{})
	s.call.Build.Attempt = nil
	if _, err := s.run(t.Context(), h); err == nil {
		t.Error("got no error")
	}
}

func TestSlowSinkIsNotSilence(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	release := make(chan struct{})
	s := newStep(t, h, "fake", args{"emit_bytes": 5 << 20})
	first := make(chan struct{})
	s.sink = func(*pluginv1.Event) error {
		if first != nil {
			close(first)
			first = nil
			<-release
		}
		return nil
	}
	begun := first
	done := s.background(t.Context(), h)
	wait(t, "the first event", begun)
	// Longer than a plugin may be silent.
	slow := newStep(t, h, "rogue", args{"fault": "silence"})
	if _, err := slow.run(t.Context(), h); err == nil {
		t.Error("silence was accepted")
	}
	close(release)
	if got := wait(t, "the end of the step", done); got.err != nil || got.result.GetLogBytes() != 5<<20 {
		t.Errorf("got %v, %v", got.result, got.err)
	}
	if s.log.Len() != 5<<20 {
		t.Errorf("got %d bytes of log", s.log.Len())
	}
}
