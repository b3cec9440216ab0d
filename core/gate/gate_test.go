package gate

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/decision"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

var update = flag.Bool("update", false, "write the golden files")

var testNow = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var (
	modelDigest  = digestOf([]byte("model"))
	bundleDigest = digestOf([]byte("bundle"))
)

// fakePlugins answers Evaluate; every other call is a bug of the test.
type fakePlugins struct {
	engine.Plugins
	answer func(ctx context.Context, c pipeline.ComponentRef, req *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error)

	mu    sync.Mutex
	calls []*pluginv1.EvaluateRequest
}

func (f *fakePlugins) Evaluate(ctx context.Context, c pipeline.ComponentRef, req *pluginv1.EvaluateRequest, _ engine.Scope) (*pluginv1.EvaluateResponse, error) {
	f.mu.Lock()
	f.calls = append(f.calls, req)
	f.mu.Unlock()
	if f.answer == nil {
		return passing(), nil
	}
	return f.answer(ctx, c, req)
}

func passing() *pluginv1.EvaluateResponse {
	return &pluginv1.EvaluateResponse{
		Verdict: pluginv1.PolicyVerdict_POLICY_VERDICT_PASS,
		Rules:   []string{"a", "b"},
		Bundles: []*pluginv1.PolicyBundle{{Name: "compliance", Revision: "1.0.0", Digest: bundleDigest}},
	}
}

func denying(rule string) *pluginv1.EvaluateResponse {
	resp := passing()
	resp.Verdict = pluginv1.PolicyVerdict_POLICY_VERDICT_DENY
	resp.Violations = []*pluginv1.Violation{{Rule: rule, Message: "no"}}
	return resp
}

func describe(_ context.Context, c pipeline.ComponentRef) (*pluginv1.Component, error) {
	stringType, err := cty.String.MarshalJSON()
	if err != nil {
		return nil, err
	}
	switch c.String() {
	case "policy.opa":
		return &pluginv1.Component{Name: "opa", Kind: pluginv1.Kind_KIND_POLICY, Config: &pluginv1.Block{
			Attributes: []*pluginv1.Attribute{{Name: "bundle", Type: stringType}},
		}}, nil
	case "acme.policy":
		return &pluginv1.Component{Name: "policy", Kind: pluginv1.Kind_KIND_POLICY, Config: &pluginv1.Block{}}, nil
	case "acme.bundled":
		return &pluginv1.Component{Name: "bundled", Kind: pluginv1.Kind_KIND_POLICY, Config: &pluginv1.Block{
			Attributes: []*pluginv1.Attribute{{Name: "bundle", Type: stringType}},
		}}, nil
	case "acme.builder":
		return &pluginv1.Component{Name: "builder", Kind: pluginv1.Kind_KIND_BUILDER, Config: &pluginv1.Block{}}, nil
	}
	return nil, errors.New("no such component")
}

func newGate(t *testing.T, plugins engine.Plugins, change func(*Options)) (*Gate, Options) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home")
	opts := Options{
		KeyFile: filepath.Join(dir, "decision.key"), TrustRoot: filepath.Join(dir, "trust-root.pem"),
		Version: "0.1.0", Actor: "ada", Describe: describe, Now: func() time.Time { return testNow },
	}
	if change != nil {
		change(&opts)
	}
	g, err := New(plugins, opts)
	if err != nil {
		t.Fatal(err)
	}
	return g, opts
}

func request() engine.DecisionRequest {
	min := 0.9
	return engine.DecisionRequest{
		RunID: "r1",
		Stage: &pipeline.Stage{Name: "serve", Component: pipeline.ComponentRef{Plugin: "deploy", Name: "kubernetes"}},
		Attempt: &pluginv1.Attempt{
			Id: "a1", Run: "r1", Stage: "stage.serve", IdempotencyKey: "r1/serve", WorkDir: "/src", Environment: "production",
			Source: &pluginv1.Source{Repository: "https://git.example/digits"},
		},
		Plan: &pluginv1.Plan{Digest: digestOf([]byte("plan")), Content: []byte("plan"), MediaType: "x/y", Environment: "production"},
		Facts: []*pluginv1.Fact{
			{Name: "workload.objects", State: pluginv1.FactState_FACT_STATE_VERIFIED, Value: []byte(`[{"kind":"Service","UPPER":1,"upper":2}]`), Source: "deploy.kubernetes"},
			{Name: "cluster.version", State: pluginv1.FactState_FACT_STATE_UNKNOWN, Source: "kubernetes api"},
			{Name: "acme.rack", State: pluginv1.FactState_FACT_STATE_DECLARED, Value: []byte(`"r7"`), Source: "acme"},
		},
		Evidence: engine.Evidence{
			Artifacts: []event.Artifact{{
				Name: "digits", Digest: modelDigest, MediaType: "application/vnd.oci.image.manifest.v1+json", Size: 10,
				Location: "oci://registry.example/digits@" + modelDigest,
				Annotations: map[string]string{
					sdk.AnnotationFormat: "safetensors", sdk.AnnotationRegistryTLS: "1.3", sdk.AnnotationEncryption: "absent",
					sdk.AnnotationSignatures: "oms cosign", sdk.AnnotationSigner: "sha256:0123",
				},
			}},
			Reports: []engine.StageReport{{Stage: "accuracy", ArtifactDigest: modelDigest, Report: event.Report{
				Metrics:    []event.Metric{{Name: "accuracy", Value: 0.95}},
				Thresholds: []event.Threshold{{Metric: "accuracy", Min: &min, Met: true}},
				Cases:      &event.CaseCounts{Passed: 3},
			}}},
			Run: event.Run{Pipeline: "digits", Digest: digestOf([]byte("p")), Commit: "0123", Ref: "refs/heads/main", Clean: true},
		},
	}
}

func want() decision.Want {
	return decision.Want{
		PlanDigest: digestOf([]byte("plan")), Environment: "production", Run: "r1",
		Stage: "stage.serve", Nonce: "r1/serve", Now: testNow,
	}
}

func TestAllowIsSignedForThisPlanAlone(t *testing.T) {
	t.Parallel()
	plugins := &fakePlugins{}
	g, opts := newGate(t, plugins, nil)
	got, err := g.Decide(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if got.Event.Verdict != allow || got.Event.Error != "" || !got.Event.Expires.Equal(testNow.Add(time.Hour)) {
		t.Errorf("event: %+v", got.Event)
	}
	root, err := decision.LoadTrustRoot(opts.TrustRoot)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := decision.Check(root, []byte("plan"), [][]byte{got.Envelope}, want())
	if err != nil {
		t.Fatal(err)
	}
	if signed[0].Rules != 2 || signed[0].InputDigest != digestOf(plugins.calls[0].GetInput()) {
		t.Errorf("signed: %+v", signed[0])
	}

	// The attacks of a swapped plan, a replay elsewhere, and a late use.
	for name, attack := range map[string]struct {
		content string
		change  func(*decision.Want)
		want    error
	}{
		"swapped content":   {"evil", func(*decision.Want) {}, decision.ErrPlanTampered},
		"swapped plan":      {"evil", func(w *decision.Want) { w.PlanDigest = digestOf([]byte("evil")) }, decision.ErrPlanDigest},
		"other environment": {"plan", func(w *decision.Want) { w.Environment = "staging" }, decision.ErrEnvironment},
		"other run":         {"plan", func(w *decision.Want) { w.Run = "r2" }, decision.ErrRun},
		"late":              {"plan", func(w *decision.Want) { w.Now = testNow.Add(time.Hour) }, decision.ErrExpired},
	} {
		w := want()
		attack.change(&w)
		if _, err := decision.Check(root, []byte(attack.content), [][]byte{got.Envelope}, w); !errors.Is(err, attack.want) {
			t.Errorf("%s: got %v, want %v", name, err, attack.want)
		}
	}
}

func TestInputDocument(t *testing.T) {
	t.Parallel()
	plugins := &fakePlugins{}
	g, _ := newGate(t, plugins, func(o *Options) {
		o.Declared = []Declaration{
			{Name: "registry.hosts", Value: json.RawMessage(`[{"host":"nvcr.io"}]`), By: "platform team"},
			{Name: "workload.objects", Value: json.RawMessage(`[]`), By: "nobody: it is verified"},
			{Name: "cluster.etcd_encryption", Value: json.RawMessage(`true`), By: "platform team"},
		}
	})
	if _, err := g.Decide(t.Context(), request()); err != nil {
		t.Fatal(err)
	}
	var got bytesIndented
	if err := got.set(plugins.calls[0].GetInput()); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "input.json")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wanted, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(wanted), string(got)); diff != "" {
		t.Errorf("the input document changed (-want +got):\n%s\nall of it:\n%s", diff, got)
	}
}

// The rules of the policy plugin are tested with a document of this schema, or
// they would be tested with nothing real.
func TestSchemaTakesTheDocumentThatRulesAreTestedWith(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../plugins/policy/opa/testdata/release.json")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSchema()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.check(data); err != nil {
		t.Error(err)
	}
}

// Whatever key is missing, anywhere but inside a fact's value, the document is
// refused before any rule sees it.
func TestSchemaRefusesEveryMissingKey(t *testing.T) {
	t.Parallel()
	s, err := newSchema()
	if err != nil {
		t.Fatal(err)
	}
	plugins := &fakePlugins{}
	g, _ := newGate(t, plugins, nil)
	if _, err := g.Decide(t.Context(), request()); err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(plugins.calls[0].GetInput(), &doc); err != nil {
		t.Fatal(err)
	}
	tried := 0
	var walk func(value any, path string)
	walk = func(value any, path string) {
		switch v := value.(type) {
		case map[string]any:
			for key, below := range v {
				if path != "/facts" { // a fact without a place may be there or not
					delete(v, key)
					data, err := json.Marshal(doc)
					if err != nil {
						t.Fatal(err)
					}
					if tried++; s.check(data) == nil {
						t.Errorf("without %s/%s it is taken", path, key)
					}
					v[key] = below
				}
				if key != "value" {
					walk(below, path+"/"+key)
				}
			}
		case []any:
			for _, below := range v {
				walk(below, path+"/-")
			}
		}
	}
	walk(doc, "")
	if tried < 100 {
		t.Errorf("only %d keys tried", tried)
	}
}

// bytesIndented is JSON for golden files.
type bytesIndented string

func (b *bytesIndented) set(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	out, err := json.MarshalIndent(v, "", "  ")
	*b = bytesIndented(out) + "\n"
	return err
}

func TestArtifactsAloneAreJudgedAndNothingIsSigned(t *testing.T) {
	t.Parallel()
	plugins := &fakePlugins{}
	g, opts := newGate(t, plugins, nil)
	req := request()
	req.Stage, req.Plan, req.Facts = nil, nil, nil
	got, err := g.Decide(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if got.Event.Verdict != allow || got.Envelope != nil {
		t.Errorf("got %+v with %d bytes of envelope", got.Event, len(got.Envelope))
	}
	if _, err := os.Stat(opts.KeyFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key was made for nothing: %v", err)
	}
	var in Input
	if err := json.Unmarshal(plugins.calls[0].GetInput(), &in); err != nil {
		t.Fatal(err)
	}
	if in.Scope != ScopeArtifacts || in.Workload.Objects.State != Absent {
		t.Errorf("scope %s, objects %s", in.Scope, in.Workload.Objects.State)
	}
}

func TestNothingPassesWhenAPolicyIsNotWhole(t *testing.T) {
	t.Parallel()
	type response = pluginv1.EvaluateResponse
	broken := func(change func(*response)) func() (*response, error) {
		return func() (*response, error) {
			resp := passing()
			change(resp)
			return resp, nil
		}
	}
	tests := map[string]struct {
		answer  func() (*response, error)
		verdict string
		says    string
	}{
		"denies": {func() (*response, error) { return denying("r"), nil }, deny, ""},
		"plugin crashes": {func() (*response, error) {
			return nil, &engine.PluginError{Plugin: "policy", Class: "plugin_crashed", Err: errors.New("exit status 2")}
		}, fault, "exit status 2"},
		"no answer":       {func() (*response, error) { return nil, nil }, fault, "no verdict"},
		"empty answer":    {func() (*response, error) { return &response{}, nil }, fault, "no verdict"},
		"strange verdict": {broken(func(r *response) { r.Verdict = 77 }), fault, "no verdict (77)"},
		"error":           {broken(func(r *response) { r.Verdict, r.Error = pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR, "undefined" }), fault, "undefined"},
		"error by diagnostic": {broken(func(r *response) {
			r.Verdict = pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR
			r.Diagnostics = []*pluginv1.Diagnostic{{Summary: "Unusable bundle", Detail: "it is empty"}}
		}), fault, "Unusable bundle: it is empty"},
		"error, no reason":   {broken(func(r *response) { r.Verdict = pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR }), fault, "could not be evaluated"},
		"no rule":            {broken(func(r *response) { r.Rules = nil }), fault, "evaluated no rule"},
		"no bundle":          {broken(func(r *response) { r.Bundles = nil }), fault, "no bundle"},
		"bundle undigested":  {broken(func(r *response) { r.Bundles[0].Digest = "latest" }), fault, "no digest"},
		"pass and violation": {broken(func(r *response) { r.Violations = denying("r").Violations }), deny, "passes and names violations"},
		"denies, no reason":  {broken(func(r *response) { r.Verdict = pluginv1.PolicyVerdict_POLICY_VERDICT_DENY }), fault, "denies without a reason"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, opts := newGate(t, &fakePlugins{answer: func(context.Context, pipeline.ComponentRef, *pluginv1.EvaluateRequest) (*response, error) {
				return test.answer()
			}}, nil)
			got, err := g.Decide(t.Context(), request())
			if err != nil {
				t.Fatal(err)
			}
			if got.Event.Verdict != test.verdict || !strings.Contains(got.Event.Error, test.says) || got.Envelope != nil {
				t.Errorf("got %+v, envelope of %d bytes; want %s with %q and none", got.Event, len(got.Envelope), test.verdict, test.says)
			}
			if _, err := os.Stat(opts.KeyFile); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a key was made though nothing is signed: %v", err)
			}
		})
	}
}

func TestPolicyThatHangsIsLeft(t *testing.T) {
	t.Parallel()
	g, _ := newGate(t, &fakePlugins{answer: func(ctx context.Context, _ pipeline.ComponentRef, _ *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
		<-ctx.Done()
		return passing(), nil // too late, whatever it says
	}}, func(o *Options) { o.Timeout = time.Millisecond })
	got, err := g.Decide(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if got.Event.Verdict != fault || !strings.Contains(got.Event.Error, "too long") {
		t.Errorf("got %+v", got.Event)
	}
}

func TestStoppedRunHasNoVerdict(t *testing.T) {
	t.Parallel()
	stop := errors.New("stopped by Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	g, _ := newGate(t, &fakePlugins{answer: func(context.Context, pipeline.ComponentRef, *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
		cancel(stop)
		return passing(), nil
	}}, nil)
	if _, err := g.Decide(ctx, request()); !errors.Is(err, stop) {
		t.Errorf("got %v, want %v", err, stop)
	}
}

func TestPlansThatAreNotWhatTheySay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*engine.DecisionRequest)
		says   string
	}{
		"no plan":            {func(r *engine.DecisionRequest) { r.Plan = nil }, "has no plan"},
		"swapped content":    {func(r *engine.DecisionRequest) { r.Plan.Content = []byte("evil") }, "claims the digest"},
		"other environment":  {func(r *engine.DecisionRequest) { r.Plan.Environment = "staging" }, "for environment"},
		"plan without stage": {func(r *engine.DecisionRequest) { r.Stage = nil }, "no stage"},
		"fact twice":         {func(r *engine.DecisionRequest) { r.Facts = append(r.Facts, r.Facts[0]) }, "twice"},
		"fact is no JSON":    {func(r *engine.DecisionRequest) { r.Facts[0].Value = []byte("[") }, "not plain JSON"},
		"fact with two keys": {func(r *engine.DecisionRequest) { r.Facts[0].Value = []byte(`[{"a":1,"a":2}]`) }, "twice"},
		"fact is null":       {func(r *engine.DecisionRequest) { r.Facts[0].Value = []byte(" null ") }, "is null"},
		"fact of other type": {func(r *engine.DecisionRequest) { r.Facts[0].Value = []byte(`"x"`) }, "schema"},
		"fact without name":  {func(r *engine.DecisionRequest) { r.Facts[0].Name = "" }, "with the name"},
		"too many facts":     {func(r *engine.DecisionRequest) { r.Facts = make([]*pluginv1.Fact, maxFacts+1) }, "more than 256"},
		"too large": {func(r *engine.DecisionRequest) {
			r.Facts[0].Value = []byte(`[{"x":"` + strings.Repeat("x", maxInput) + `"}]`)
		}, "more than 1048576"},
		"artifact undigested": {func(r *engine.DecisionRequest) { r.Evidence.Artifacts[0].Digest = "latest" }, "schema"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plugins := &fakePlugins{}
			g, _ := newGate(t, plugins, nil)
			req := request()
			test.change(&req)
			got, err := g.Decide(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if got.Event.Verdict != fault || !strings.Contains(got.Event.Error, test.says) || got.Envelope != nil || len(plugins.calls) > 0 {
				t.Errorf("got %+v after %d calls, want %q", got.Event, len(plugins.calls), test.says)
			}
		})
	}
}

// A deployer cannot speak of what the runner knows itself.
func TestFactsOfAPluginStayInTheirPlace(t *testing.T) {
	t.Parallel()
	plugins := &fakePlugins{}
	g, _ := newGate(t, plugins, nil)
	req := request()
	req.Evidence.Run.Clean = false
	req.Facts = append(req.Facts, &pluginv1.Fact{Name: "run.git.clean", State: pluginv1.FactState_FACT_STATE_VERIFIED, Value: []byte("true")})
	if _, err := g.Decide(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	var in Input
	if err := json.Unmarshal(plugins.calls[0].GetInput(), &in); err != nil {
		t.Fatal(err)
	}
	if string(in.Run.Git.Clean.Value) != "false" || in.Facts["run.git.clean"].State != Verified {
		t.Errorf("clean is %s, the other fact %+v", in.Run.Git.Clean.Value, in.Facts["run.git.clean"])
	}
}

func opaConfig(t *testing.T, bundle cty.Value) *pluginv1.DynamicValue {
	t.Helper()
	v := cty.ObjectVal(map[string]cty.Value{"bundle": bundle})
	out, err := dynamic.Encode(v, cty.Object(map[string]cty.Type{"bundle": cty.String}))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOwnPoliciesOnlyAddDenials(t *testing.T) {
	t.Parallel()
	opa := pipeline.ComponentRef{Plugin: "policy", Name: "opa"}
	acme := pipeline.ComponentRef{Plugin: "acme", Name: "policy"}
	own := func(c pipeline.ComponentRef, config *pluginv1.DynamicValue) engine.PolicyCall {
		return engine.PolicyCall{Stage: "own", Component: c, Config: config}
	}
	tests := map[string]struct {
		operatorDenies, ownDenies bool
		calls                     []engine.PolicyCall
		verdict                   string
		asked                     int
	}{
		"none":                      {false, false, nil, allow, 1},
		"without a bundle":          {false, true, []engine.PolicyCall{own(opa, opaConfig(t, cty.NullVal(cty.String)))}, allow, 1},
		"own denies":                {false, true, []engine.PolicyCall{own(opa, opaConfig(t, cty.StringVal("rules")))}, deny, 2},
		"own passes, operator not":  {true, false, []engine.PolicyCall{own(opa, opaConfig(t, cty.StringVal("rules")))}, deny, 2},
		"vendor without that idea":  {false, true, []engine.PolicyCall{own(acme, opaConfig(t, cty.NullVal(cty.String)))}, deny, 2},
		"vendor with a default":     {false, true, []engine.PolicyCall{own(pipeline.ComponentRef{Plugin: "acme", Name: "bundled"}, opaConfig(t, cty.NullVal(cty.String)))}, deny, 2},
		"both pass":                 {false, false, []engine.PolicyCall{own(acme, nil)}, allow, 2},
		"own is no policy":          {false, false, []engine.PolicyCall{own(pipeline.ComponentRef{Plugin: "acme", Name: "builder"}, nil)}, fault, 1},
		"own cannot be read":        {false, false, []engine.PolicyCall{own(opa, &pluginv1.DynamicValue{Msgpack: []byte("x")})}, fault, 1},
		"own has no such component": {false, false, []engine.PolicyCall{own(pipeline.ComponentRef{Plugin: "no", Name: "no"}, nil)}, fault, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plugins := &fakePlugins{answer: func(_ context.Context, _ pipeline.ComponentRef, req *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
				operator := req.GetAttempt().GetWorkDir() == operatorDir
				if operator && test.operatorDenies || !operator && test.ownDenies {
					return denying("r"), nil
				}
				return passing(), nil
			}}
			g, _ := newGate(t, plugins, nil)
			req := request()
			req.Policies = test.calls
			got, err := g.Decide(t.Context(), req)
			if err != nil {
				t.Fatal(err)
			}
			if got.Event.Verdict != test.verdict || len(plugins.calls) != test.asked || (got.Envelope != nil) != (test.verdict == allow) {
				t.Errorf("got %+v after %d calls, want %s after %d", got.Event, len(plugins.calls), test.verdict, test.asked)
			}
		})
	}
}

func TestOperatorPoliciesReplaceTheBuiltIn(t *testing.T) {
	t.Parallel()
	plugins := &fakePlugins{}
	g, _ := newGate(t, plugins, func(o *Options) {
		o.Policies = []Policy{
			{Component: pipeline.ComponentRef{Plugin: "policy", Name: "opa"}, Config: cty.ObjectVal(map[string]cty.Value{"bundle": cty.StringVal("/etc/rules")})},
			{Component: pipeline.ComponentRef{Plugin: "acme", Name: "policy"}},
		}
	})
	got, err := g.Decide(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	wanted := []string{"policy.opa/compliance@1.0.0 " + bundleDigest, "acme.policy/compliance@1.0.0 " + bundleDigest}
	if diff := cmp.Diff(wanted, got.Event.Policies); diff != "" || len(plugins.calls) != 2 {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
}

func TestFindingsAreSortedAndBounded(t *testing.T) {
	t.Parallel()
	resp := denying("z")
	for range maxShown + 10 {
		resp.Violations = append(resp.Violations, &pluginv1.Violation{Rule: "a", Message: "no"})
	}
	g, _ := newGate(t, &fakePlugins{answer: func(context.Context, pipeline.ComponentRef, *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
		return resp, nil
	}}, nil)
	got, err := g.Decide(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	list := got.Event.Violations
	if len(list) != maxShown+1 || list[0].Rule != "a" || list[maxShown].Message != "11 further findings are not shown" {
		t.Errorf("%d violations, last %+v", len(list), list[len(list)-1])
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := New(&fakePlugins{}, Options{Describe: describe, Now: time.Now}); err == nil {
		t.Error("a gate without key files was made")
	}
	if _, err := New(&fakePlugins{}, Options{KeyFile: "k", TrustRoot: "t"}); err == nil {
		t.Error("a gate without a clock was made")
	}
}

// A builder that says nothing of signatures is not one that has made none.
func TestSignaturesOfAnArtifact(t *testing.T) {
	t.Parallel()
	for note, want := range map[string]State{"": Unknown, "absent": Absent, "cosign": Verified} {
		a := artifactOf(event.Artifact{Name: "digits", Annotations: map[string]string{sdk.AnnotationSignatures: note, sdk.AnnotationSigner: ""}})
		if a.Signatures.State != want || note == "absent" && a.Signer.State != Absent || note != "absent" && a.Signer.State != Unknown {
			t.Errorf("%q: %+v, signer %+v", note, a.Signatures, a.Signer)
		}
	}
}
