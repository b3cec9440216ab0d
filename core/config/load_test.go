package config_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty"
)

// load loads what must have no errors.
func load(tb testing.TB, path string, in config.Inputs) (*config.Source, *config.Loaded) {
	tb.Helper()
	source, diags := config.Parse(config.Options{Path: path, RunnerVersion: "0.1.0"})
	clean(tb, diags)
	if in.Plugins == nil {
		in.Plugins = plugins(tb)
	}
	loaded, diags := source.Load(in)
	clean(tb, diags)
	return source, loaded
}

func clean(tb testing.TB, diags diag.List) {
	tb.Helper()
	for _, d := range diags {
		tb.Errorf("unexpected diagnostic at %v: %s: %s", d.Subject, d.Summary, d.Detail)
	}
	if len(diags) > 0 {
		tb.FailNow()
	}
}

func stageOf(tb testing.TB, l *config.Loaded, name string) *pipeline.Stage {
	tb.Helper()
	for _, s := range l.Pipeline.Stages {
		if s.Name == name {
			return s
		}
	}
	tb.Fatalf("there is no stage %s", name)
	return nil
}

func TestLoadTheDesignsExample(t *testing.T) {
	t.Parallel()
	source, loaded := load(t, filepath.Join("testdata", "digits"), config.Inputs{})

	var required []string
	for _, p := range source.Plugins() {
		required = append(required, p.Name+" "+p.Source+" "+p.Version)
	}
	if diff := cmp.Diff([]string{
		"acme registry.acme.example/runner/acme ~> 1.2", "build  ", "deploy  ", "policy  ", "test  ",
	}, required); diff != "" {
		t.Errorf("plugins (-want +got):\n%s", diff)
	}
	if got := loaded.Pipeline; got.Name != "digits" || got.Description != "Handwritten-digit classifier" || len(got.Digest) != 71 {
		t.Errorf("pipeline = %q, %q, %q", got.Name, got.Description, got.Digest)
	}
	if diff := cmp.Diff(map[string]string{"environment": `"staging"`}, loaded.VariablesShown()); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	var needs [][]string
	for _, s := range loaded.Pipeline.Stages {
		needs = append(needs, append([]string{s.Name}, s.Needs...))
	}
	if diff := cmp.Diff([][]string{
		{"weights"}, {"accuracy", "weights"}, {"compliance", "accuracy"}, {"serve", "compliance", "weights"},
	}, needs); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
	accuracy := stageOf(t, loaded, "accuracy")
	if accuracy.Timeout != 20*time.Minute || accuracy.Retry != (pipeline.Retry{Attempts: 3, Backoff: 5 * time.Second}) {
		t.Errorf("timeout, retry = %v, %+v", accuracy.Timeout, accuracy.Retry)
	}
}

func TestWithBeforeAndAfterItsNeeds(t *testing.T) {
	t.Parallel()
	_, loaded := load(t, filepath.Join("testdata", "digits"), config.Inputs{})
	want := func(artifact cty.Value) cty.Value {
		return cty.ObjectVal(map[string]cty.Value{
			"artifact": artifact,
			"replicas": cty.NumberIntVal(2),
			"gpu":      cty.ObjectVal(map[string]cty.Value{"resource": cty.StringVal("nvidia.com/gpu"), "count": cty.NumberIntVal(1)}),
			"strategy": cty.MapVal(map[string]cty.Value{"blue_green": cty.EmptyObjectVal}),
			"port":     cty.ListValEmpty(cty.Object(map[string]cty.Type{"number": cty.Number})),
		})
	}
	if got, want := loaded.With["serve"], want(cty.UnknownVal(artifactType())); !got.RawEquals(want) {
		t.Errorf("before: got %#v\nwant %#v", got, want)
	}

	artifact := cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal("digits"), "digest": cty.StringVal("sha256:1")})
	outputs := map[string]cty.Value{"weights": cty.ObjectVal(map[string]cty.Value{
		"artifact": artifact, "key": cty.StringVal("k"),
	})}
	got, diags := loaded.Evaluator.With(stageOf(t, loaded, "serve"), outputs)
	clean(t, diags)
	if want := want(artifact); !got.RawEquals(want) {
		t.Errorf("after: got %#v\nwant %#v", got, want)
	}
	environment, diags := loaded.Evaluator.Environment(stageOf(t, loaded, "serve"), outputs)
	clean(t, diags)
	if environment != "staging" {
		t.Errorf("environment = %q, want staging", environment)
	}
}
