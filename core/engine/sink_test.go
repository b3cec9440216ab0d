package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func encoded(t *testing.T, e event.Event) []byte {
	t.Helper()
	if e.Log != nil {
		return e.Log.Data // JSON has bytes in base64
	}
	if e.Finish != nil {
		return append(e.Finish.Outputs, fmt.Sprintf("%+v", e.Finish.Failure)...)
	}
	data, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// saying makes every stage send events and then succeed.
func saying(events ...*pluginv1.Event) executeFunc {
	return func(_ context.Context, _ engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		for _, e := range events {
			if err := sink(e); err != nil {
				return nil, errors.New("stopped by the sink")
			}
		}
		return succeeded(""), nil
	}
}

func stderrEvent(text string) *pluginv1.Event {
	return &pluginv1.Event{Body: &pluginv1.Event_Log{Log: &pluginv1.Log{Stream: pluginv1.LogStream_LOG_STREAM_STDERR, Data: []byte(text)}}}
}

func TestLogGoesToFileAndView(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("train", "builder")
	w.plugins.execute = saying(logEvent("epoch 1\n"), stderrEvent("warning\n"))
	w.mustRun()
	if got, want := w.logs.files["train.1"].String(), "epoch 1\nwarning\n"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
	var shown []string
	for _, e := range w.view.of(event.StageLog) {
		shown = append(shown, e.Log.Stream+": "+string(e.Log.Data))
	}
	if diff := cmp.Diff([]string{"stdout: epoch 1\n", "stderr: warning\n"}, shown); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	if end := w.journal.last(t, event.AttemptFinished).Finish; end.LogBytes != 16 {
		t.Errorf("log bytes = %d, want 16", end.LogBytes)
	}
}

func TestLogQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.LogQuota = 10
	w.stage("flood", "builder")
	w.plugins.execute = saying(logEvent("1234567"), logEvent("89abcde"), stderrEvent("more"))
	if out := w.mustRun(); out.Status != event.Succeeded {
		t.Errorf("status = %s", out.Status)
	}
	if got, want := w.logs.files["flood.1"].String(), "123456789a\n[truncated at 10 of 18 bytes]\n"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
}

func TestLogOfACrashIsMarked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("train", "builder")
	w.plugins.execute = func(_ context.Context, _ engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		return nil, errors.Join(sink(logEvent("half a li")), &engine.PluginError{Plugin: "fake", Class: "plugin_crashed", Err: errors.New("killed")})
	}
	w.mustRun()
	if got := w.logs.files["train.1"].String(); !strings.HasPrefix(got, "half a li") || !strings.Contains(got, "[incomplete:") {
		t.Errorf("log = %q", got)
	}
}

// TestSecretsStayOut puts a secret everywhere a plugin can put one.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	const token, made = "swordfish-1", "made-by-the-stage"
	w := newWorld(t)
	w.stage("login", "builder")
	w.stage("use", "tester", "login")
	w.eval.with = map[string]withFunc{
		"login": func(map[string]cty.Value) (cty.Value, diag.List) {
			return config(cty.NullVal(cty.String), cty.StringVal(token).Mark(dynamic.Sensitive)), nil
		},
		"use": using("login", "key"),
	}
	var got cty.Value
	w.plugins.execute = func(_ context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		text := "token " + token
		if call.Test != nil {
			var err error
			got, err = dynamic.Decode(call.Test.GetConfig(), cty.Object(map[string]cty.Type{"value": cty.String, "token": cty.String}))
			if err != nil {
				return nil, err
			}
			text += made
		}
		for _, e := range []*pluginv1.Event{
			logEvent(text), stderrEvent(text),
			{Body: &pluginv1.Event_Progress{Progress: &pluginv1.Progress{Task: text, Unit: text}}},
			{Body: &pluginv1.Event_Artifact{Artifact: &pluginv1.Artifact{Name: text, Digest: digestOf(nil), Location: text, Annotations: map[string]string{text: text}}}},
			{Body: &pluginv1.Event_Metric{Metric: &pluginv1.Metric{Name: text, Unit: text}}},
			{Body: &pluginv1.Event_Diagnostic{Diagnostic: &pluginv1.Diagnostic{Summary: text, Detail: text}}},
		} {
			if err := sink(e); err != nil {
				return nil, err
			}
		}
		if call.Test != nil {
			res := ended(pluginv1.Outcome_OUTCOME_FAILED, text, false)
			res.Failure.Detail = text
			return res, nil
		}
		return &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_SUCCEEDED, Outputs: outputs("the word is "+token, made)}, nil
	}
	w.mustRun()
	if value, marks := got.GetAttr("value").Unmark(); value.AsString() != made || len(marks) != 1 {
		t.Errorf("the second stage got %#v", got)
	}
	all := fmt.Sprintf("%s %s", w.logs.files["login.1"], w.logs.files["use.1"])
	for _, e := range append(w.journal.all(), w.view.events...) {
		all += string(encoded(t, e))
	}
	for _, secret := range []string{token, made} {
		if at := strings.Index(all, secret); at >= 0 {
			t.Errorf("%s shows: …%s…", secret, all[max(0, at-200):at+40])
		}
	}
	kept := string(w.journal.last(t, event.StageFinished).Finish.Outputs)
	for _, e := range w.journal.all() {
		if e.Type == event.StageFinished && e.Stage == "login" {
			kept = string(e.Finish.Outputs)
		}
	}
	if want := `{"value":{"key":null,"word":"the word is ***"},"type":["object",{"key":"string","word":"string"}]}`; kept != want {
		t.Errorf("outputs = %s, want %s", kept, want)
	}
}

func TestShortSecretsAreReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("login", "builder")
	w.eval.with = map[string]withFunc{"login": func(map[string]cty.Value) (cty.Value, diag.List) {
		return config(cty.NullVal(cty.String), cty.StringVal("abc").Mark(dynamic.Sensitive)), nil
	}}
	w.mustRun()
	shown := w.view.of(event.StageDiagnostic)
	if len(shown) != 1 || !strings.Contains(shown[0].Diagnostic.Detail, "with.token") || strings.Contains(shown[0].Diagnostic.Detail, "abc") {
		t.Errorf("shown: %+v", shown)
	}
}

func TestAttestationsAreStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("test", "tester")
	w.plugins.execute = saying(&pluginv1.Event{Body: &pluginv1.Event_Attestation{Attestation: &pluginv1.Attestation{
		SubjectDigest: digestOf(nil), PredicateType: "https://in-toto.io/attestation/test-result/v0.1", Statement: []byte("{}"), Envelope: []byte(`{"a":1}`),
	}}})
	w.mustRun()
	got := w.journal.last(t, event.StageAttestation).Attestation
	if string(w.blobs.kept[got.Digest]) != "{}" || string(w.blobs.kept[got.EnvelopeDigest]) != `{"a":1}` {
		t.Errorf("attestation = %+v", got)
	}
}

func TestNonsenseFromPlugins(t *testing.T) {
	t.Parallel()
	artifact := func(digest string) *pluginv1.Event {
		return &pluginv1.Event{Body: &pluginv1.Event_Artifact{Artifact: &pluginv1.Artifact{Digest: digest}}}
	}
	many := make([]*pluginv1.Event, 1001)
	for i := range many {
		many[i] = artifact(digestOf(nil))
	}
	tests := map[string][]*pluginv1.Event{
		"digest":             {artifact("md5:1")},
		"too many artifacts": many,
		"metric":             {{Body: &pluginv1.Event_Metric{Metric: &pluginv1.Metric{Value: math.NaN()}}}},
		"handle":             {{Body: &pluginv1.Event_Handle{Handle: &pluginv1.Handle{Data: make([]byte, 64<<10+1)}}}},
		"subject":            {{Body: &pluginv1.Event_Attestation{Attestation: &pluginv1.Attestation{}}}},
	}
	for name, events := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.stage("train", "builder")
			w.plugins.execute = saying(events...)
			if got := stageOf(t, w.mustRun(), "train"); got.Status != event.Errored || got.Failure.Class != engine.ClassProtocol {
				t.Errorf("%s: %+v", got.Status, got.Failure)
			}
		})
	}
}

// TestSlowViewDoesNotHoldUpTheRun floods a view that shows nothing until the
// stages have ended.
func TestSlowViewDoesNotHoldUpTheRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.view.block = make(chan struct{})
	w.stage("flood", "builder")
	chunk := logEvent(strings.Repeat("x", 32<<10))
	w.plugins.execute = func(_ context.Context, _ engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		for range 1000 {
			if err := sink(chunk); err != nil {
				return nil, err
			}
		}
		return succeeded(""), nil
	}
	w.journal.fail = func(_ int, events []event.Event) error {
		if events[0].Type == event.RunFinished {
			close(w.view.block)
		}
		return nil
	}
	w.mustRun()
	shown, said := 0, false
	for _, e := range w.view.of(event.StageLog) {
		shown += len(e.Log.Data)
		said = said || strings.Contains(string(e.Log.Data), "bytes are not shown here")
	}
	if shown > 5<<20 || !said {
		t.Errorf("%d bytes waited for the view; the loss was said: %t", shown, said)
	}
	if n := len(w.view.of(event.StageFinished)); n != 1 {
		t.Errorf("%d ends were shown", n)
	}
	if got := w.logs.files["flood.1"].Len(); got != 1000*32<<10 {
		t.Errorf("%d bytes are in the log", got)
	}
}

func TestThousandStages(t *testing.T) { //nolint:paralleltest // it measures what the whole process allocates
	w := newWorld(t)
	for i := range 1000 {
		var needs []string
		if i > 0 {
			needs = []string{fmt.Sprint("s", i-1), fmt.Sprint("s", i/2)}[:1+i%2]
		}
		w.stage(fmt.Sprint("s", i), "builder", needs...)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	w.mustRun()
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 100<<20 {
		t.Errorf("%d MiB were allocated", grown>>20)
	}
	// Generous: quadratic behaviour takes much longer.
	if took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func BenchmarkTrivialStages(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				w := newWorld(b)
				for i := range n {
					w.stage(fmt.Sprint(i), "builder")
				}
				if _, err := w.run(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/stage")
		})
	}
}
