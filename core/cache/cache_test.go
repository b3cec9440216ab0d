package cache_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/cache"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// world is a work folder, a store, and a stage that is asked about.
type world struct {
	t       *testing.T
	store   *runstate.FileStore
	options cache.Options
	query   engine.CacheQuery
	made    engine.MadeResult
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store, err := runstate.OpenFileStore(runstate.FileOptions{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: store}
	w.options = cache.Options{
		Results: store.Results(), Blobs: store.Blobs(), Root: t.TempDir(),
		Scope:   cache.Scope{Repository: "https://git.example.com/a", Pipeline: "p"},
		Plugins: map[string]string{"build": digest("plugin 1"), "other": digest("other 1")},
		Environ: map[string]string{"PATH": "/bin"},
	}
	w.query = engine.CacheQuery{
		Stage: &pipeline.Stage{
			Name: "train", Component: pipeline.ComponentRef{Plugin: "build", Name: "command"},
			Schema: &pluginv1.Component{Kind: pluginv1.Kind_KIND_BUILDER, Effect: pluginv1.Effect_EFFECT_PURE},
		},
		Config: config(nil), Inputs: &pluginv1.Inputs{Complete: true, Files: []string{"src"}},
	}
	w.write("src/a", "a")
	w.write("src/b", "b")
	return w
}

// config is a configuration; what is given is added to it, or replaces it.
func config(more map[string]cty.Value) cty.Value {
	fields := map[string]cty.Value{
		"epochs": cty.NumberIntVal(3), "none": cty.NullVal(cty.String),
		"env":   cty.MapVal(map[string]cty.Value{"A": cty.StringVal("1"), "B": cty.StringVal("2")}),
		"model": artifact("m", "weights", ""),
	}
	for k, v := range more {
		fields[k] = v
	}
	return cty.ObjectVal(fields)
}

func artifact(name, content, location string) cty.Value {
	return sdk.Artifact{Name: name, Digest: digest(content), MediaType: "text/plain", Size: 3, Location: location}.Value()
}

func digest(s string) string { return fmt.Sprintf("sha256:%064x", []byte(s)[:min(len(s), 32)]) }

func (w *world) write(name, content string) {
	w.t.Helper()
	path := filepath.Join(w.options.Root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) look() engine.Lookup {
	w.t.Helper()
	c, err := cache.New(w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.Look(w.t.Context(), w.query)
}

// learn has the stage executed once.
func (w *world) learn() {
	w.t.Helper()
	if err := w.look().Keep(w.t.Context(), "20261123-154200-k3x9", w.made); err != nil {
		w.t.Fatal(err)
	}
}

// misses checks that there is no result, and why.
func (w *world) misses(why ...string) {
	w.t.Helper()
	l := w.look()
	if found := l.Found(); found != nil {
		w.t.Fatalf("found %+v", found)
	}
	if diff := cmp.Diff(why, l.Why()); diff != "" {
		w.t.Errorf("why (-want +got):\n%s", diff)
	}
}

func (w *world) hits() *engine.FoundResult {
	w.t.Helper()
	l := w.look()
	if l.Found() == nil {
		w.t.Fatalf("not found: %q", l.Why())
	}
	if l.Why() != nil {
		w.t.Errorf("found, and yet there are reasons: %q", l.Why())
	}
	return l.Found()
}

func TestNothingIsKnownAtFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.misses("it has no earlier result")
	if l := w.look(); !l.Cacheable() || l.Restore(t.Context()) == nil {
		t.Error("it is not cacheable, or nothing was restored without an error")
	}
}

func TestFoundIsWhatWasKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sum, _, err := w.store.Blobs().Put(t.Context(), strings.NewReader("123"))
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := ctyjson.Marshal(cty.ObjectVal(map[string]cty.Value{
		"n": cty.NumberFloatVal(0.1), "m": cty.MapValEmpty(cty.String), "s": cty.SetVal([]cty.Value{cty.StringVal("x")}), "null": cty.NullVal(cty.Bool),
	}), cty.DynamicPseudoType)
	if err != nil {
		t.Fatal(err)
	}
	w.made = engine.MadeResult{StageResult: engine.StageResult{
		Outputs: outputs, Report: &event.Report{Metrics: []event.Metric{{Name: "accuracy", Value: 0.97}}, Subject: sum},
		Artifacts:    []event.Artifact{{Name: "m", Digest: sum, Size: 3, Location: "blob:" + sum, Annotations: map[string]string{"a": "b"}}},
		Attestations: []event.Attestation{{SubjectDigest: sum, PredicateType: "x", Digest: sum}},
	}, Duration: 1.5}
	w.learn()
	got := w.hits()
	if diff := cmp.Diff(w.made.StageResult, got.StageResult); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Cached.Run != "20261123-154200-k3x9" || got.Cached.Key == "" || got.Cached.Made.IsZero() || got.Duration != 1.5 {
		t.Errorf("got %+v", got)
	}
}

// Everything that may change the result changes the key, and is named.
func TestWhatChanges(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*world)
		why    []string
	}{
		"argument":         {func(w *world) { w.query.Config = config(map[string]cty.Value{"epochs": cty.NumberIntVal(4)}) }, []string{"config.epochs changed"}},
		"type of argument": {func(w *world) { w.query.Config = config(map[string]cty.Value{"epochs": cty.StringVal("3")}) }, []string{"config.epochs changed"}},
		"null becomes set": {func(w *world) { w.query.Config = config(map[string]cty.Value{"none": cty.StringVal("")}) }, []string{"config.none changed"}},
		"map element": {func(w *world) {
			w.query.Config = config(map[string]cty.Value{"env": cty.MapVal(map[string]cty.Value{"A": cty.StringVal("1"), "B": cty.StringVal("x"), "C": cty.StringVal("2")})})
		}, []string{`config.env["B"] changed`, `config.env["C"] changed`}},
		"artifact": {func(w *world) { w.query.Config = config(map[string]cty.Value{"model": artifact("m", "others", "")}) }, []string{"artifact m at config.model changed"}},
		"sensitive": {func(w *world) {
			w.query.Config = config(map[string]cty.Value{"epochs": cty.NumberIntVal(4).Mark(dynamic.Sensitive)})
		}, []string{"config.epochs changed"}},
		"file":          {func(w *world) { w.write("src/a", "A") }, []string{"file src/a changed"}},
		"new file":      {func(w *world) { w.write("src/deep/c", "c") }, []string{"file src/deep/c is new"}},
		"file gone":     {func(w *world) { w.remove("src/a") }, []string{"file src/a is gone"}},
		"file renamed":  {func(w *world) { w.remove("src/a"); w.write("src/c", "a") }, []string{"file src/a is gone", "file src/c is new"}},
		"contents swap": {func(w *world) { w.write("src/a", "b"); w.write("src/b", "a") }, []string{"file src/a changed", "file src/b changed"}},
		"executable":    {func(w *world) { w.executable("src/a") }, []string{"file src/a changed"}},
		"plugin":        {func(w *world) { w.options.Plugins["build"] = digest("plugin 2") }, []string{"plugin build was updated"}},
		"component":     {func(w *world) { w.query.Stage.Component.Name = "model" }, []string{"component changed"}},
		"environment":   {func(w *world) { w.query.Environment = "production" }, []string{"environment changed"}},
		"variable":      {func(w *world) { w.options.Environ["PATH"] = "/usr/bin" }, []string{"variable PATH of the runner's environment changed"}},
		"new variable":  {func(w *world) { w.options.Environ["TZ"] = "" }, []string{"variable TZ of the runner's environment changed"}},
		"needed artifact": {func(w *world) {
			w.query.Needs = []engine.NeededArtifact{{Stage: "data", Artifact: event.Artifact{Name: "set", Digest: digest("set")}}}
		}, []string{"artifact set of stage data changed"}},
		"several": {func(w *world) {
			w.options.Plugins["build"] = digest("plugin 2")
			w.write("src/a", "A")
			w.query.Config = config(map[string]cty.Value{"epochs": cty.NumberIntVal(4)})
		}, []string{"config.epochs changed", "file src/a changed", "plugin build was updated"}},
		"many": {func(w *world) {
			for i := range 8 {
				w.write(fmt.Sprintf("src/%d", i), "x")
			}
		}, []string{"file src/0 is new", "file src/1 is new", "file src/2 is new", "file src/3 is new", "file src/4 is new", "and 3 more"}},
		"stage":      {func(w *world) { w.query.Stage.Name = "other" }, []string{"it has no earlier result"}},
		"repository": {func(w *world) { w.options.Scope.Repository = "https://git.example.com/b" }, []string{"it has no earlier result"}},
		"pipeline":   {func(w *world) { w.options.Scope.Pipeline = "q" }, []string{"it has no earlier result"}},
		"pushed ref": {func(w *world) { w.options.Scope.Ref = "refs/heads/topic" }, []string{"it has no earlier result"}},
		"refresh":    {func(w *world) { w.options.Refresh = true }, []string{"the cache was not to be used"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.learn()
			w.hits()
			tc.change(w)
			w.misses(tc.why...)
			w.learn()
			w.options.Refresh = false
			w.hits()
		})
	}
}

// What does not count leaves the key alone.
func TestWhatDoesNotChange(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*world){
		"nothing":        func(*world) {},
		"other plugin":   func(w *world) { w.options.Plugins["other"] = digest("other 2") },
		"another file":   func(w *world) { w.write("README", "x") },
		"written again":  func(w *world) { w.write("src/a", "a") },
		"order of files": func(w *world) { w.query.Inputs.Files = []string{"src/b", "src/*", "src/a"} },
		"a mark": func(w *world) {
			w.query.Config = config(map[string]cty.Value{"epochs": cty.NumberIntVal(3).Mark(dynamic.Sensitive)})
		},
		"same number": func(w *world) { w.query.Config = config(map[string]cty.Value{"epochs": cty.MustParseNumberVal("3.0")}) },
		"timeout":     func(w *world) { w.query.Stage.Timeout = 1 },
		"moved": func(w *world) {
			old := w.options.Root
			w.options.Root = filepath.Join(w.t.TempDir(), "moved")
			if err := os.Rename(old, w.options.Root); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.learn()
			change(w)
			w.hits()
		})
	}
}

func (w *world) remove(name string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.options.Root, name)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) executable(name string) {
	w.t.Helper()
	if err := os.Chmod(filepath.Join(w.options.Root, name), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

func TestNeverCached(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*world)
		why    string
	}{
		"policy":         {func(w *world) { w.query.Stage.Schema.Kind = pluginv1.Kind_KIND_POLICY }, "only builders and testers are taken from the cache"},
		"deployer":       {func(w *world) { w.query.Stage.Schema.Kind = pluginv1.Kind_KIND_DEPLOYER }, "only builders and testers are taken from the cache"},
		"effect":         {func(w *world) { w.query.Stage.Schema.Effect = pluginv1.Effect_EFFECT_ONCE }, "build.command changes something outside"},
		"unknown effect": {func(w *world) { w.query.Stage.Schema.Effect = 0 }, "build.command changes something outside"},
		"cache = false":  {func(w *world) { w.query.Stage.NoCache = true }, "cache = false"},
		"always":         {func(w *world) { w.query.Stage.Run = pipeline.Always }, "it does not run on success alone"},
		"after":          {func(w *world) { w.query.After = "serve" }, "it comes after stage.serve, which changes something outside"},
		"says nothing":   {func(w *world) { w.query.Inputs = nil }, "build.command does not say what its result depends on"},
		"not complete":   {func(w *world) { w.query.Inputs = &pluginv1.Inputs{Reason: "it pushes"} }, "it pushes"},
		"no reason":      {func(w *world) { w.query.Inputs = &pluginv1.Inputs{} }, "build.command does not know all that its result depends on"},
		"sensitive": {func(w *world) {
			w.query.Stage.Schema.Outputs = []*pluginv1.Attribute{{Name: "token", Sensitive: true}}
		}, "its output token is sensitive, and never stored"},
		"unknown":      {func(w *world) { w.query.Config = config(map[string]cty.Value{"epochs": cty.UnknownVal(cty.Number)}) }, "its configuration is not known yet"},
		"NUL":          {func(w *world) { w.query.Config = config(map[string]cty.Value{"epochs": cty.StringVal("\x00root")}) }, "a string of it begins with a NUL character"},
		"no plugin":    {func(w *world) { w.options.Plugins = nil }, "the digest of plugin build is not known"},
		"missing file": {func(w *world) { w.query.Inputs.Files = []string{"src", "nothing"} }, `input "nothing": there is no such file`},
		"no match":     {func(w *world) { w.query.Inputs.Files = []string{"src/*.csv"} }, `input "src/*.csv": it matches no file`},
		"empty folder": {func(w *world) { w.remove("src/a"); w.remove("src/b") }, `input "src": it matches no file`},
		"outside":      {func(w *world) { w.query.Inputs.Files = []string{"../x"} }, `input "../x": it is not a name within the pipeline's folder`},
		"absolute":     {func(w *world) { w.query.Inputs.Files = []string{"/etc/passwd"} }, `input "/etc/passwd": it is not a name within the pipeline's folder`},
		"bad pattern":  {func(w *world) { w.query.Inputs.Files = []string{"a["} }, `input "a[": it is not a pattern`},
		"no root":      {func(w *world) { w.options.Root += "/nothing" }, "the pipeline's folder cannot be read: open "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tc.change(w)
			l := w.look()
			if l.Cacheable() || l.Found() != nil || len(l.Why()) != 1 || !strings.HasPrefix(l.Why()[0], tc.why) {
				t.Errorf("cacheable %t, because %q", l.Cacheable(), l.Why())
			}
			if err := l.Keep(t.Context(), "r", w.made); err == nil {
				t.Error("its result is kept")
			}
		})
	}
}

// Digests of what is kept do not tell a value to whoever tries all of them.
func TestNothingCanBeGuessed(t *testing.T) {
	t.Parallel()
	first, second := newWorld(t), newWorld(t)
	first.learn()
	second.learn()
	inputs := func(w *world) map[string]string {
		list, err := w.store.Results().List()
		if err != nil || len(list) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		out := make(map[string]string)
		for _, in := range list[0].Inputs {
			out[in.Name] = in.Digest
		}
		return out
	}
	one, two := inputs(first), inputs(second)
	for name, digest := range one {
		guessable := strings.HasPrefix(name, "file ") || strings.HasPrefix(name, "plugin ") || name == "component"
		if (digest == two[name]) != guessable {
			t.Errorf("%s is the same in two stores: %t", name, digest == two[name])
		}
	}
}
