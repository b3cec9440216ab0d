package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// fakeCache knows the results that it is given.
type fakeCache struct {
	known      map[string]*engine.FoundResult // by stage
	never      map[string]bool
	restoreErr error
	keepErr    error

	mu       sync.Mutex
	asked    map[string]engine.CacheQuery
	kept     map[string]engine.MadeResult
	restored []string
	assumed  []string
}

func newCache(w *world) *fakeCache {
	c := &fakeCache{
		known: make(map[string]*engine.FoundResult), never: make(map[string]bool),
		asked: make(map[string]engine.CacheQuery), kept: make(map[string]engine.MadeResult),
	}
	w.options.Cache = c
	return c
}

func (c *fakeCache) Look(_ context.Context, q engine.CacheQuery) engine.Lookup {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[q.Stage.Name] = q
	return fakeLookup{c, q.Stage.Name}
}

type fakeLookup struct {
	cache *fakeCache
	stage string
}

func (l fakeLookup) Found() *engine.FoundResult { return l.cache.known[l.stage] }
func (l fakeLookup) Why() []string              { return []string{"config.a changed", "file b is new"} }
func (l fakeLookup) Cacheable() bool            { return !l.cache.never[l.stage] }

func (l fakeLookup) Assume() {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	l.cache.assumed = append(l.cache.assumed, l.stage)
}

func (l fakeLookup) Restore(context.Context) error {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	l.cache.restored = append(l.cache.restored, l.stage)
	return l.cache.restoreErr
}

func (l fakeLookup) Keep(_ context.Context, run string, made engine.MadeResult) error {
	l.cache.mu.Lock()
	defer l.cache.mu.Unlock()
	if run == "" {
		return errors.New("the run has no name")
	}
	l.cache.kept[l.stage] = made
	return l.cache.keepErr
}

// foundResult is a result with one of everything.
func foundResult(t *testing.T, word string) *engine.FoundResult {
	t.Helper()
	outputs, err := ctyjson.Marshal(cty.ObjectVal(map[string]cty.Value{"word": cty.StringVal(word), "key": cty.NullVal(cty.String)}), cty.DynamicPseudoType)
	if err != nil {
		t.Fatal(err)
	}
	sum := digestOf([]byte(word))
	return &engine.FoundResult{
		StageResult: engine.StageResult{
			Outputs: outputs, Report: &event.Report{Metrics: []event.Metric{{Name: "accuracy", Value: 0.97}}, Subject: sum},
			Artifacts:    []event.Artifact{{Name: word, Digest: sum, Location: "blob:" + sum}},
			Attestations: []event.Attestation{{SubjectDigest: sum, Digest: sum, PredicateType: "x"}},
		},
		Cached: event.Cached{Run: "20261122-101010-abcd", Key: sum, Made: time.Date(2026, 11, 22, 10, 10, 10, 0, time.UTC)},
	}
}

// open is a result with nothing sensitive in it.
func open(t *testing.T, word string) *pluginv1.Result {
	t.Helper()
	v := cty.ObjectVal(map[string]cty.Value{"word": cty.StringVal(word), "key": cty.NullVal(cty.String)})
	wire, err := dynamic.Encode(v, v.Type())
	if err != nil {
		t.Fatal(err)
	}
	return &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_SUCCEEDED, Outputs: wire}
}

// pureStage is a stage that may be taken from the cache.
func (w *world) pureStage(name, kind string, needs ...string) *pipeline.Stage {
	s := w.stage(name, kind, needs...)
	s.Schema.Effect = pluginv1.Effect_EFFECT_PURE
	return s
}

func (f *fakePlugins) ran() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, c := range f.executed {
		out = append(out, stageName(c))
	}
	return strings.Join(out, " ")
}

// What is known is not executed, and everything about it is on record as if it
// had been: outputs for the next stage, and evidence for policy.
func TestKnownResultIsTakenOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCache(w)
	w.pureStage("train", "builder")
	w.pureStage("check", "tester", "train")
	w.stage("compliance", "policy", "check")
	w.eval.with = map[string]withFunc{"check": using("train", "word")}
	c.known["train"] = foundResult(t, "model")
	out := w.mustRun()
	if out.Status != event.Succeeded || w.plugins.ran() != "check" || strings.Join(c.restored, " ") != "train" {
		t.Errorf("%+v; ran %q, restored %q", out, w.plugins.ran(), c.restored)
	}
	want := []event.Type{event.StageArtifact, event.StageAttestation, event.StageFinished}
	if diff := cmp.Diff(want, w.journal.types("train")); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
	var end *event.Finish
	for _, e := range w.journal.all() {
		if e.Type == event.StageFinished && e.Stage == "train" {
			end = e.Finish
		}
	}
	if end.Cached == nil || end.Cached.Run != "20261122-101010-abcd" || end.Report == nil || len(end.Outputs) == 0 || end.Uncached != "" {
		t.Errorf("finish %+v", end)
	}
	if got := c.asked["check"]; got.Config.GetAttr("value").AsString() != "model" || len(got.Needs) != 1 || got.Needs[0].Artifact.Name != "model" {
		t.Errorf("the next stage asks with %#v, %+v", got.Config, got.Needs)
	}
	seen := w.gate.requests[0].Evidence
	if len(seen.Artifacts) != 1 || seen.Artifacts[0].Name != "model" || len(seen.Reports) != 1 || seen.Reports[0].ArtifactDigest != digestOf([]byte("model")) {
		t.Errorf("evidence %+v", seen)
	}
}

func TestUnknownResultIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCache(w)
	w.pureStage("train", "builder")
	w.options.Inputs = map[string]*pluginv1.Inputs{"train": {Complete: true, Files: []string{"a"}}}
	w.plugins.execute = func(_ context.Context, _ engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		res := open(t, "model")
		res.Files = []*pluginv1.ResultFile{{Path: "out/m"}}
		return res, sink(artifactEvent("m"))
	}
	w.mustRun()
	kept := c.kept["train"]
	if len(kept.Artifacts) != 1 || kept.Artifacts[0].Name != "m" || len(kept.Files) != 1 || !strings.Contains(string(kept.Outputs), "model") {
		t.Errorf("kept %+v", kept)
	}
	if got := c.asked["train"].Inputs.GetFiles(); len(got) != 1 {
		t.Errorf("asked with the inputs %q", got)
	}
	if end := w.journal.last(t, event.StageFinished).Finish; end.Uncached != "config.a changed, file b is new" || end.Cached != nil {
		t.Errorf("finish %+v", end)
	}
}

// What was not known when the pipeline was checked is asked again.
func TestInputsOfALateConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCache(w)
	w.pureStage("train", "builder")
	w.pureStage("check", "tester", "train")
	w.eval.with = map[string]withFunc{"check": using("train", "word")}
	w.options.Inputs = map[string]*pluginv1.Inputs{"check": {Complete: true, Files: []string{"early"}}}
	w.plugins.validate = func(*pluginv1.ValidateRequest) (*pluginv1.ValidateResponse, error) {
		return &pluginv1.ValidateResponse{Inputs: &pluginv1.Inputs{Complete: true, Files: []string{"late"}}}, nil
	}
	w.mustRun()
	if got := c.asked["check"].Inputs.GetFiles(); len(got) != 1 || got[0] != "late" {
		t.Errorf("asked with the inputs %q", got)
	}
}

func TestWhatIsNotKept(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world, *fakeCache){
		"a failure": func(w *world, _ *fakeCache) {
			w.plugins.execute = func(context.Context, engine.Call, func(*pluginv1.Event) error) (*pluginv1.Result, error) {
				return ended(pluginv1.Outcome_OUTCOME_FAILED, "no", false), nil
			}
		},
		"what is never cached": func(_ *world, c *fakeCache) { c.never["train"] = true },
		"something sensitive": func(w *world, _ *fakeCache) {
			w.plugins.execute = func(context.Context, engine.Call, func(*pluginv1.Event) error) (*pluginv1.Result, error) {
				return &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_SUCCEEDED, Outputs: outputs("word", "secret")}, nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := newCache(w)
			w.pureStage("train", "builder")
			change(w, c)
			w.mustRun()
			if len(c.kept) != 0 {
				t.Errorf("kept %+v", c.kept)
			}
		})
	}
}

// A cache that does not work costs time, and nothing else.
func TestCacheThatFails(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testing.T, *fakeCache){
		"restore": func(t *testing.T, c *fakeCache) {
			c.known["train"], c.restoreErr = foundResult(t, "old"), errors.New("disk full")
		},
		"keep": func(_ *testing.T, c *fakeCache) { c.keepErr = errors.New("disk full") },
		"outputs of another schema": func(t *testing.T, c *fakeCache) {
			c.known["train"] = foundResult(t, "old")
			c.known["train"].Outputs = []byte(`{"value":7,"type":"number"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := newCache(w)
			w.pureStage("train", "builder")
			w.plugins.execute = func(context.Context, engine.Call, func(*pluginv1.Event) error) (*pluginv1.Result, error) {
				return open(t, "new"), nil
			}
			change(t, c)
			out := w.mustRun()
			if out.Status != event.Succeeded || w.plugins.ran() != "train" {
				t.Errorf("%+v, ran %q", out, w.plugins.ran())
			}
			if warnings := w.view.of(event.StageDiagnostic); len(warnings) != 1 {
				t.Errorf("warnings %+v", warnings)
			}
		})
	}
}

func TestPostconditionCountsForAKnownResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCache(w)
	w.pureStage("train", "builder")
	c.known["train"] = foundResult(t, "model")
	w.eval.postcondition = func(_ *pipeline.Stage, self cty.Value) (unmet, diags diag.List) {
		return diag.List{{Severity: diag.Error, Summary: "Not met", Detail: self.GetAttr("word").AsString() + " is not good enough"}}, nil
	}
	out := w.mustRun()
	failure := stageOf(t, out, "train").Failure
	if out.Status != event.Failed || failure == nil || !strings.Contains(failure.Summary, "model is not good enough") || w.plugins.ran() != "" {
		t.Errorf("%+v, %+v, ran %q", out, failure, w.plugins.ran())
	}
}

// A stage behind one that changes something outside says so when it asks, however
// far behind.
func TestStagesAfterAnEffect(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCache(w)
	w.pureStage("train", "builder")
	w.stage("ticket", "builder", "train") // its effect is not known to be pure
	w.stage("compliance", "policy", "train")
	w.stage("serve", "deployer", "compliance")
	w.pureStage("smoke", "tester", "serve")
	w.pureStage("report", "tester", "smoke")
	w.pureStage("note", "tester", "ticket")
	w.pureStage("judged", "tester", "compliance")
	w.mustRun()
	got := make(map[string]string)
	for name, q := range c.asked {
		got[name] = q.After
	}
	want := map[string]string{"train": "", "ticket": "", "smoke": "serve", "report": "serve", "note": "ticket", "judged": ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A runner that dies while it records a result from the cache leaves a part of
// it; the next one records all of it.
func TestRecallOfATornCachedResult(t *testing.T) {
	t.Parallel()
	made := event.Event{Type: event.StageArtifact, Stage: "train", Artifact: &event.Artifact{Name: "m"}}
	end := event.Event{Type: event.StageFinished, Stage: "train", Finish: &event.Finish{Status: event.Succeeded}}
	resumed := event.Event{Type: event.RunResumed}
	for name, events := range map[string][]event.Event{"torn": {made, resumed, made, end}, "whole": {made, end, resumed}} {
		if was := engine.Recall(events)["train"]; len(was.Artifacts) != 1 {
			t.Errorf("%s: %+v", name, was)
		}
	}
}
