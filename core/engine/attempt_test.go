package engine_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// untilStopped runs until its context ends, as an obedient plugin does.
func untilStopped(ctx context.Context, _ engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
	<-ctx.Done()
	return ended(pluginv1.Outcome_OUTCOME_STOPPED, "stopped", false), nil
}

func TestRetryOfTransientFailures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		results  []*pluginv1.Result
		attempts int
		want     event.Status
		took     time.Duration
	}{
		{"success at the second try", []*pluginv1.Result{ended(pluginv1.Outcome_OUTCOME_ERROR, "503", true), succeeded("")}, 3, event.Succeeded, 5 * time.Second},
		{"backoff doubles", []*pluginv1.Result{ended(pluginv1.Outcome_OUTCOME_ERROR, "503", true)}, 4, event.Errored, 35 * time.Second},
		{"not transient", []*pluginv1.Result{ended(pluginv1.Outcome_OUTCOME_FAILED, "no", false)}, 3, event.Failed, 0},
		{"transient, but no retry", []*pluginv1.Result{ended(pluginv1.Outcome_OUTCOME_FAILED, "no", true)}, 1, event.Failed, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			synctest.Test(t, func(t *testing.T) {
				s := w.stage("push", "builder")
				s.Retry = pipeline.Retry{Attempts: tt.attempts, Backoff: 5 * time.Second}
				tries := 0
				keys := make(map[string]bool)
				ids := make(map[string]bool)
				w.plugins.execute = func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
					a := call.Build.GetAttempt()
					keys[a.GetIdempotencyKey()], ids[a.GetId()] = true, true
					if int(a.GetNumber()) != tries+1 || call.Scope.AttemptID != a.GetId() {
						t.Errorf("attempt %d is number %d", tries+1, a.GetNumber())
					}
					tries++
					return tt.results[min(tries, len(tt.results))-1], nil
				}
				start := time.Now()
				out, err := w.run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); took != tt.took || statuses(out)["push"] != tt.want {
					t.Errorf("%s after %v, want %s after %v", statuses(out)["push"], took, tt.want, tt.took)
				}
				if len(keys) != 1 || len(ids) != tries {
					t.Errorf("%d tries with %d keys and %d ids", tries, len(keys), len(ids))
				}
				if got := len(w.view.of(event.StageRetrying)); got != tries-1 {
					t.Errorf("%d retries were shown for %d tries", got, tries)
				}
			})
			w.checkEnds()
		})
	}
}

func TestBackoffIsCapped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		w.stage("push", "builder").Retry = pipeline.Retry{Attempts: 12, Backoff: 4 * time.Minute}
		w.plugins.execute = func(context.Context, engine.Call, func(*pluginv1.Event) error) (*pluginv1.Result, error) {
			return ended(pluginv1.Outcome_OUTCOME_ERROR, "503", true), nil
		}
		start := time.Now()
		if _, err := w.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took, want := time.Since(start), 54*time.Minute; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		execute executeFunc
		want    event.Status
	}{
		"stops when asked": {untilStopped, event.Errored},
		"stops by itself a moment before": {func(ctx context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
			timer := time.NewTimer(time.Until(call.Build.GetAttempt().GetDeadline().AsTime()) - time.Millisecond)
			<-timer.C
			return ended(pluginv1.Outcome_OUTCOME_STOPPED, "", false), nil
		}, event.Errored},
		"says that it failed": {func(ctx context.Context, _ engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
			<-ctx.Done()
			return ended(pluginv1.Outcome_OUTCOME_FAILED, "exit code 143", true), nil
		}, event.Errored},
		"is killed": {func(ctx context.Context, _ engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
			<-ctx.Done()
			return nil, &engine.PluginError{Plugin: "fake", Class: "plugin_hung", Err: errors.New("killed")}
		}, event.Errored},
		"ends well at the last moment": {func(ctx context.Context, _ engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
			<-ctx.Done()
			return succeeded(""), nil
		}, event.Succeeded},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			synctest.Test(t, func(t *testing.T) {
				s := w.stage("train", "builder")
				s.Timeout, s.Retry = 20*time.Minute, pipeline.Retry{Attempts: 3}
				w.plugins.execute = tt.execute
				start := time.Now()
				out, err := w.run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got := stageOf(t, out, "train")
				if got.Status != tt.want || time.Since(start) != 20*time.Minute {
					t.Errorf("%s after %v", got.Status, time.Since(start))
				}
				if tt.want == event.Errored && (got.Failure.Class != engine.ClassTimeout || !strings.Contains(got.Failure.Summary, "20m")) {
					t.Errorf("failure = %+v", got.Failure)
				}
			})
			w.checkEnds()
		})
	}
}

func TestClassesOfFailure(t *testing.T) {
	t.Parallel()
	crash := &engine.PluginError{Plugin: "fake", Class: "plugin_crashed", Err: errors.New("exit status 2"), LastWords: "panic: boom"}
	tests := []struct {
		name   string
		result *pluginv1.Result
		err    error
		want   event.Failure
		status event.Status
	}{
		{"failed", ended(pluginv1.Outcome_OUTCOME_FAILED, "2 tests failed", false), nil, event.Failure{Summary: "2 tests failed", Class: "scripted"}, event.Failed},
		{"error", ended(pluginv1.Outcome_OUTCOME_ERROR, "no network", false), nil, event.Failure{Summary: "no network", Class: "scripted"}, event.Errored},
		{"no outcome", &pluginv1.Result{}, nil, event.Failure{Summary: "the plugin gave no reason"}, event.Errored},
		{"no result", nil, nil, event.Failure{Summary: "the plugin gave no reason"}, event.Errored},
		{"stopped by itself", ended(pluginv1.Outcome_OUTCOME_STOPPED, "", false), nil,
			event.Failure{Summary: "plugin fake stopped the stage without being asked to", Class: engine.ClassProtocol}, event.Errored},
		{"crash", nil, crash, event.Failure{
			Summary: "plugin fake: exit status 2", Class: "plugin_crashed", Detail: "The last that it wrote to its standard error:\npanic: boom",
		}, event.Errored},
		{"our own", nil, errors.New("no sockets left"), event.Failure{Summary: "no sockets left", Class: engine.ClassInternal}, event.Errored},
		{"outputs of another type", &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_SUCCEEDED, Outputs: &pluginv1.DynamicValue{Msgpack: []byte{0xc1}}}, nil,
			event.Failure{Summary: "plugin fake gave outputs that do not fit its schema", Class: engine.ClassOutputInvalid}, event.Errored},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.stage("train", "builder")
			w.plugins.execute = func(context.Context, engine.Call, func(*pluginv1.Event) error) (*pluginv1.Result, error) {
				return tt.result, tt.err
			}
			got := stageOf(t, w.mustRun(), "train")
			if got.Failure != nil && tt.want.Detail == "" {
				got.Failure.Detail = ""
			}
			if diff := cmp.Diff(&tt.want, got.Failure); diff != "" || got.Status != tt.status {
				t.Errorf("%s (-want +got):\n%s", got.Status, diff)
			}
		})
	}
}

func TestScratchFolders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("a", "builder")
	w.stage("b", "builder")
	w.plugins.execute = func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		dir := call.Build.GetAttempt().GetScratchDir()
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			return nil, errors.Join(err, errors.New("not private"))
		}
		return succeeded(""), os.WriteFile(dir+"/left", nil, 0o400)
	}
	if out := w.mustRun(); out.Status != event.Succeeded {
		t.Errorf("outcome = %+v", out)
	}
	if left, err := os.ReadDir(w.options.Scratch); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	w = newWorld(t)
	w.stage("a", "builder")
	w.options.Scratch += "/gone"
	if got := stageOf(t, w.mustRun(), "a"); got.Failure.Class != engine.ClassScratch {
		t.Errorf("failure = %+v", got.Failure)
	}
}

func TestFullDiskUnderALog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("train", "builder")
	w.logs.fail = &os.PathError{Op: "write", Path: "log", Err: syscall.ENOSPC}
	w.plugins.execute = func(_ context.Context, _ engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		if err := sink(logEvent("out")); err != nil {
			return nil, errors.New("the sink is gone")
		}
		return succeeded(""), nil
	}
	if got := stageOf(t, w.mustRun(), "train"); got.Status != event.Errored || got.Failure.Class != engine.ClassDiskFull {
		t.Errorf("%s: %+v", got.Status, got.Failure)
	}
}

func logEvent(text string) *pluginv1.Event {
	return &pluginv1.Event{Body: &pluginv1.Event_Log{Log: &pluginv1.Log{Data: []byte(text)}}}
}
