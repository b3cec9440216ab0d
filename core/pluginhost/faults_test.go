package pluginhost

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func TestPluginThatDoesNotStart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ class, text, words string }{
		"dead":    {ClassCrashed, "exited with status 7", "cannot go on: the fake was told to"},
		"garbage": {ClassProtocol, "no handshake: \"Hello! \uFFFD[31mI am no plugin.", ""},
		"flood":   {ClassProtocol, "more than 4096 bytes", ""},
		"holder":  {ClassCrashed, "exited with status 9", ""},
		"astray":  {ClassProtocol, "outside the folder", ""},
		"old":     {ClassProtocol, "\"99\"", ""},
		"silent":  {ClassHung, "no answer within 1s", ""},
		"frozen":  {ClassHung, "no answer within 1s", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			if tc.class == ClassHung {
				o.Limits.Start = time.Second
			}
			h := newHost(t, o)
			begun := time.Now()
			_, _, err := h.Describe(t.Context(), name)
			fault := faulty(t, err, tc.class, tc.text)
			if !strings.Contains(fault.LastWords, tc.words) {
				t.Errorf("last words %q", fault.LastWords)
			}
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if left := marked(h); len(left) > 0 {
				t.Errorf("left processes %v", left)
			}
		})
	}
}

func TestCrashFailsTheStageInFlightAndNoOther(t *testing.T) {
	t.Parallel()
	for fault, text := range map[string]string{"crash": "exited with status 3", "kill": "killed by the signal SIGKILL"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, options(t))
			dir := t.TempDir()
			other := newStep(t, h, "rogue", args{"fault": "silence"})
			other.call.Build.Attempt.Heartbeat.Seconds = 60
			ctx, cancel := context.WithCancel(t.Context())
			others := other.background(ctx, h)

			escaped := filepath.Join(dir, "escaped")
			ready := filepath.Join(dir, "ready")
			s := newStep(t, h, "fake", args{"fault": fault, "escape": escaped, "stdout": "before\n", "wait_for": ready})
			s.sink = func(*pluginv1.Event) error { // what has not arrived yet dies with the plugin
				if s.log.String() != "before\n" || pidIn(t, escaped) == 0 {
					return nil
				}
				return os.WriteFile(ready, nil, 0o600)
			}
			_, err := s.run(t.Context(), h)
			got := faulty(t, err, ClassCrashed, text)
			if fault == "crash" && !strings.Contains(got.LastWords, "last words of the fake") {
				t.Errorf("last words %q", got.LastWords)
			}
			if s.log.String() != "before\n" {
				t.Errorf("got the log %q", s.log.String())
			}
			pid := pidIn(t, escaped)
			eventually(t, "the escaped process is gone", func() bool { return gone(pid) })
			select {
			case end := <-others:
				t.Errorf("the other stage ended with %v, %v", end.result, end.err)
			default:
			}
			succeeds(t, h)
			cancel()
			wait(t, "the other stage", others)
		})
	}
}

func TestDeathIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	started := filepath.Join(t.TempDir(), "started")
	s := newStep(t, h, "fake", args{"started": started, "wait_for": "/nonexistent"})
	s.call.Build.Attempt.Heartbeat.Seconds = 60
	done := s.background(t.Context(), h)
	pid := pidIn(t, started)
	begun := time.Now()
	signal(t, pid, syscall.SIGKILL)
	got := wait(t, "the end of the step", done)
	faulty(t, got.err, ClassCrashed, "SIGKILL")
	if took := time.Since(begun); took > time.Second {
		t.Errorf("took %s", took)
	}
}

func TestFrozenPluginIsSeenAndKilled(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	dir := t.TempDir()
	started, escaped := filepath.Join(dir, "started"), filepath.Join(dir, "escaped")
	s := newStep(t, h, "fake", args{"started": started, "escape": escaped, "fault": "freeze"})
	done := s.background(t.Context(), h)
	pids := []int{pidIn(t, started), pidIn(t, escaped)}
	begun := time.Now()
	got := wait(t, "the end of the step", done)
	faulty(t, got.err, ClassHung, "no sign of life for 600ms")
	if took := time.Since(begun); took > 600*time.Millisecond+3*time.Second {
		t.Errorf("took %s", took)
	}
	for _, pid := range pids {
		if !gone(pid) {
			t.Errorf("process %d is alive", pid)
		}
	}
	succeeds(t, h)
}

// Cancelling a frozen plugin ends by the grace period, not by its answer.
func TestCancelEndsAFrozenPlugin(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	started := filepath.Join(t.TempDir(), "started")
	s := newStep(t, h, "fake", args{"started": started, "fault": "freeze"})
	s.call.Build.Attempt.Heartbeat.Seconds = 600
	ctx, cancel := context.WithCancelCause(t.Context())
	done := s.background(ctx, h)
	pid := pidIn(t, started)
	eventually(t, "the plugin is frozen", func() bool { return stopped(pid) })
	enough := errors.New("enough")
	cancel(enough)
	got := wait(t, "the end of the step", done)
	if faulty(t, got.err, ClassHung, "did not stop within 500ms"); !errors.Is(got.err, enough) {
		t.Errorf("the error %v does not wrap the cause", got.err)
	}
	if !gone(pid) {
		t.Error("the plugin is alive")
	}
}

// A component that ignores the stop takes its plugin along when it is alone,
// and is left behind until the others are done when it is not.
func TestComponentThatDoesNotStop(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	dir := t.TempDir()
	started, release := filepath.Join(dir, "started"), filepath.Join(dir, "release")
	hanging := newStep(t, h, "fake", args{"started": started, "fault": "hang", "escape": filepath.Join(dir, "escaped")})
	ctx, cancel := context.WithCancel(t.Context())
	done := hanging.background(ctx, h)
	pid := pidIn(t, started)
	escaped := pidIn(t, filepath.Join(dir, "escaped"))

	neighbour := newStep(t, h, "fake", args{"started": filepath.Join(dir, "neighbour"), "wait_for": release})
	neighbours := neighbour.background(t.Context(), h)
	if got := pidIn(t, filepath.Join(dir, "neighbour")); got != pid {
		t.Fatalf("the neighbour runs in %d, not in %d", got, pid)
	}
	cancel()
	got := wait(t, "the end of the hanging step", done)
	faulty(t, got.err, ClassHung, "did not stop")
	if !gone(escaped) {
		t.Error("a process of the attempt is alive")
	}
	if gone(pid) {
		t.Fatal("the neighbour's process was killed")
	}
	// New work goes to a fresh process, though the old one lives.
	fresh := filepath.Join(dir, "fresh")
	if _, err := newStep(t, h, "fake", args{"started": fresh}).run(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	if pidIn(t, fresh) == pid {
		t.Error("new work went to the retired process")
	}
	if err := announceRelease(release); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, "the neighbour", neighbours); got.err != nil || got.result.GetOutcome() != pluginv1.Outcome_OUTCOME_SUCCEEDED {
		t.Errorf("the neighbour ended with %v, %v", got.result, got.err)
	}
	eventually(t, "the retired process is gone", func() bool { return gone(pid) })
}

func TestBrokenProtocol(t *testing.T) {
	t.Parallel()
	for fault, tc := range map[string]struct{ class, text string }{
		"wrong_sequence": {ClassProtocol, "event 3 came where 2 was due"},
		"no_result":      {ClassProtocol, "without a result"},
		"two_results":    {ClassProtocol, "something followed the result"},
		"big_chunk":      {ClassProtocol, "a log chunk has 33792 bytes, the limit is 32768"},
		"big_handle":     {ClassProtocol, "a handle has 66560 bytes"},
		"big_message":    {ClassProtocol, "it sent too much"},
		"many_files":     {ClassProtocol, "the result names 10001 files, the limit is 10000"},
		"empty_event":    {ClassProtocol, "event 1 is empty"},
		"silence":        {ClassHung, "no sign of life"},
		"status_error":   {ClassProtocol, "it answered DataLoss: the rogue was told to"},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, options(t))
			_, err := newStep(t, h, "rogue", args{"fault": fault}).run(t.Context(), h)
			faulty(t, err, tc.class, tc.text)
		})
	}
}

func TestIncompleteLogIsMarked(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	s := newStep(t, h, "rogue", args{"fault": "wrong_log_count"})
	result, err := s.run(t.Context(), h)
	if err != nil || result == nil {
		t.Fatalf("got %v, %v", result, err)
	}
	const want = "the log is incomplete: 25 bytes were sent, 10 arrived"
	if !strings.Contains(s.log.String(), want) {
		t.Errorf("the log is %q", s.log.String())
	}
	if d := s.events[len(s.events)-1].GetDiagnostic(); d.GetSummary() != want || d.GetSeverity() != pluginv1.Severity_SEVERITY_WARNING {
		t.Errorf("the last event is %v", s.events[len(s.events)-1])
	}
}

func TestLaunchesAreBounded(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.Limits.Launches = 3
	h := newHost(t, o)
	for range 3 {
		_, err := newStep(t, h, "fake", args{"fault": "kill"}).run(t.Context(), h)
		faulty(t, err, ClassCrashed, "SIGKILL")
	}
	s := newStep(t, h, "rogue", args{})
	s.call.Component.Plugin = "fake"
	_, err := s.run(t.Context(), h)
	faulty(t, err, ClassCrashed, "started 3 times")
}

// A frozen plugin is seen in calls that are no streams too.
func TestUnaryCallOnAFrozenPlugin(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *Host) error{
		"validate": func(ctx context.Context, h *Host) error {
			_, err := h.Validate(ctx, pipeline.ComponentRef{Plugin: "fake", Name: "step"}, pluginv1.Kind_KIND_BUILDER,
				&pluginv1.ValidateRequest{Component: "step"})
			return err
		},
		"plan": func(ctx context.Context, h *Host) error {
			at := attempt(t)
			_, err := h.Plan(ctx, pipeline.ComponentRef{Plugin: "fake", Name: "deploy"},
				&pluginv1.PlanRequest{Component: "deploy", Attempt: at}, engine.Scope{AttemptID: at.GetId()})
			return err
		},
		"attach": func(ctx context.Context, h *Host) error {
			at := attempt(t)
			_, err := h.Attach(ctx, pipeline.ComponentRef{Plugin: "fake", Name: "step"},
				&pluginv1.AttachRequest{Component: "step", Attempt: at}, engine.Scope{AttemptID: at.GetId()})
			return err
		},
		"evaluate": func(ctx context.Context, h *Host) error {
			at := attempt(t)
			_, err := h.Evaluate(ctx, pipeline.ComponentRef{Plugin: "fake", Name: "policy"},
				&pluginv1.EvaluateRequest{Component: "policy", Attempt: at}, engine.Scope{AttemptID: at.GetId()})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			o.Limits.Validate = 500 * time.Millisecond
			h := newHost(t, o)
			started := filepath.Join(t.TempDir(), "started")
			if _, err := newStep(t, h, "fake", args{"started": started}).run(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			pid := pidIn(t, started)
			signal(t, pid, syscall.SIGSTOP)
			eventually(t, "the plugin is frozen", func() bool { return stopped(pid) })
			begun := time.Now()
			faulty(t, call(t.Context(), h), ClassHung, "no answer")
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			if !gone(pid) {
				t.Error("the plugin is alive")
			}
			succeeds(t, h)
		})
	}
}

func TestUnaryCalls(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	ref := func(name string) pipeline.ComponentRef { return pipeline.ComponentRef{Plugin: "fake", Name: name} }
	bad := config(t, h, "fake", "step", map[string]cty.Value{"fault": cty.StringVal("nonsense")})
	found, err := h.Validate(t.Context(), ref("step"), pluginv1.Kind_KIND_BUILDER, &pluginv1.ValidateRequest{Component: "step", Config: bad})
	if err != nil || len(found.GetDiagnostics()) != 1 {
		t.Errorf("validate gave %v, %v", found, err)
	}
	at := attempt(t)
	plan, err := h.Plan(t.Context(), ref("deploy"), &pluginv1.PlanRequest{
		Component: "deploy", Attempt: at,
		Config: config(t, h, "fake", "deploy", map[string]cty.Value{"file": cty.StringVal("/x"), "content": cty.StringVal("v1")}),
	}, engine.Scope{AttemptID: at.GetId()})
	if err != nil || !strings.HasPrefix(plan.GetPlan().GetDigest(), "sha256:") {
		t.Errorf("plan gave %v, %v", plan, err)
	}
	at = attempt(t)
	verdict, err := h.Evaluate(t.Context(), ref("policy"), &pluginv1.EvaluateRequest{
		Component: "policy", Attempt: at, Input: []byte("{}"),
		Config: config(t, h, "fake", "policy", map[string]cty.Value{"verdict": cty.StringVal("deny"), "message": cty.StringVal("because")}),
	}, engine.Scope{AttemptID: at.GetId()})
	if err != nil || verdict.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_DENY {
		t.Errorf("evaluate gave %v, %v", verdict, err)
	}
	for place, want := range map[string]string{"shelf": "shelf signed", "full": "the shelf is full"} {
		at = attempt(t)
		kept, err := h.Attach(t.Context(), ref("step"), &pluginv1.AttachRequest{
			Component: "step", Attempt: at, Artifact: &pluginv1.Artifact{Location: "fake:" + place}, Envelope: []byte("signed"),
			Config: config(t, h, "fake", "step", nil),
		}, engine.Scope{AttemptID: at.GetId()})
		if got := kept.GetReference() + kept.GetFailure().GetSummary(); err != nil || got != want || kept.GetFailure().GetTransient() != (place == "full") {
			t.Errorf("attach gave %v, %v", kept, err)
		}
	}
	_, err = h.Validate(t.Context(), ref("nothing"), pluginv1.Kind_KIND_BUILDER, &pluginv1.ValidateRequest{Component: "nothing"})
	faulty(t, err, ClassProtocol, "no component")
	_, err = h.Validate(t.Context(), pipeline.ComponentRef{Plugin: "rogue", Name: "step"}, pluginv1.Kind_KIND_TESTER, &pluginv1.ValidateRequest{Component: "step"})
	faulty(t, err, ClassProtocol, "does not serve")
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if _, err := h.Validate(ctx, ref("step"), pluginv1.Kind_KIND_BUILDER, &pluginv1.ValidateRequest{Component: "step", Config: bad}); !errors.Is(err, enough) {
		t.Errorf("got %v, want the cause of the context", err)
	}
}

func TestTooManyInputsBreakTheProtocol(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	s := newStep(t, h, "rogue", args{"fault": "many_inputs"})
	_, err := h.Validate(t.Context(), pipeline.ComponentRef{Plugin: "rogue", Name: "step"}, pluginv1.Kind_KIND_BUILDER,
		&pluginv1.ValidateRequest{Component: "step", Config: s.call.Build.GetConfig()})
	faulty(t, err, ClassProtocol, "the result depends on 1001 files and patterns, the limit is 1000")
}
