package engine_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is everything around the engine, scripted.
type world struct {
	t       testing.TB
	options engine.Options
	plugins *fakePlugins
	eval    *fakeEvaluator
	journal *fakeJournal
	logs    *fakeLogs
	blobs   *fakeBlobs
	view    *fakeView
	gate    *fakeGate
	stages  []*pipeline.Stage
	block   pipeline.Pipeline // what the pipeline's own block says
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, plugins: &fakePlugins{}, eval: &fakeEvaluator{}, journal: &fakeJournal{},
		logs: &fakeLogs{files: make(map[string]*bytes.Buffer)}, blobs: &fakeBlobs{kept: make(map[string][]byte)},
		view: &fakeView{}, gate: &fakeGate{},
	}
	w.options = engine.Options{
		Plugins: w.plugins, Evaluator: w.eval, Journal: w.journal, Groups: &fakeGroups{}, CancelRun: func(context.Context, string, string) error { return nil }, Logs: w.logs, Blobs: w.blobs,
		View: w.view, Redactor: &fakeRedactor{}, Gate: w.gate,
		RunID: "20261123-154210-k3x9", Scratch: t.TempDir(), Parallelism: 4,
		Repository: "https://git.example/digits",
	}
	return w
}

// stage adds a stage; kind is builder, tester, policy or deployer.
func (w *world) stage(name, kind string, needs ...string) *pipeline.Stage {
	s := &pipeline.Stage{
		Name: name, Needs: needs, Retry: pipeline.Retry{Attempts: 1},
		Component: pipeline.ComponentRef{Plugin: "fake", Name: kind},
		Schema: &pluginv1.Component{
			Name: kind, Kind: pluginv1.Kind(pluginv1.Kind_value["KIND_"+strings.ToUpper(kind)]),
			Config: &pluginv1.Block{Attributes: []*pluginv1.Attribute{
				{Name: "value", Type: []byte(`"string"`), Optional: true},
				{Name: "token", Type: []byte(`"string"`), Optional: true, Sensitive: true},
			}},
			Outputs: []*pluginv1.Attribute{
				{Name: "word", Type: []byte(`"string"`), Computed: true},
				{Name: "key", Type: []byte(`"string"`), Computed: true, Sensitive: true},
			},
		},
		Range: hcl.Range{Filename: "pipeline.hcl", Start: hcl.Pos{Line: len(w.stages) + 1, Column: 1, Byte: len(w.stages)}},
	}
	w.stages = append(w.stages, s)
	return s
}

func (w *world) run(ctx context.Context) (engine.Outcome, error) {
	w.t.Helper()
	e, err := engine.New(w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	p := w.block
	p.Name, p.Root, p.Digest, p.Stages = "digits", "/tree", "sha256:"+strings.Repeat("0", 64), w.stages
	return e.Run(ctx, &p, event.Run{Commit: "c0ffee", Ref: "refs/heads/main", Clean: true})
}

// mustRun is run where the runner itself has no trouble.
func (w *world) mustRun() engine.Outcome {
	w.t.Helper()
	out, err := w.run(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.checkEnds()
	return out
}

// checkEnds checks that each stage has one terminal event and the run one end.
func (w *world) checkEnds() {
	w.t.Helper()
	ends := make(map[string]int)
	open := make(map[string]int)
	finished := 0
	for _, e := range w.journal.all() {
		switch e.Type {
		case event.StageFinished, event.StageSkipped:
			ends[e.Stage]++
		case event.StageWaiting:
			if e.Waiting.Group == "" { // it is the end, unless it goes on
				ends[e.Stage]++
			}
		case event.AttemptStarted:
			open[e.Stage]++
			ends[e.Stage] = 0
		case event.AttemptFinished:
			open[e.Stage]--
		case event.RunFinished:
			finished++
		}
		if finished > 0 && e.Type != event.RunFinished {
			w.t.Errorf("%s of %q after the end of the run", e.Type, e.Stage)
		}
	}
	for _, s := range w.stages {
		if ends[s.Name] != 1 || open[s.Name] != 0 {
			w.t.Errorf("stage %s has %d ends and %d open attempts", s.Name, ends[s.Name], open[s.Name])
		}
	}
	if finished != 1 {
		w.t.Errorf("the run has %d ends", finished)
	}
}

// statuses are the statuses of an outcome by stage.
func statuses(out engine.Outcome) map[string]event.Status {
	m := make(map[string]event.Status)
	for _, s := range out.Stages {
		m[s.Name] = s.Status
	}
	return m
}

func stageOf(t *testing.T, out engine.Outcome, name string) engine.StageOutcome {
	t.Helper()
	i := slices.IndexFunc(out.Stages, func(s engine.StageOutcome) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no stage %s in the outcome", name)
	}
	return out.Stages[i]
}

func succeeded(word string) *pluginv1.Result {
	return &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_SUCCEEDED, Outputs: outputs(word, "")}
}

// ended is a result that is not a success.
func ended(outcome pluginv1.Outcome, summary string, transient bool) *pluginv1.Result {
	return &pluginv1.Result{Outcome: outcome, Failure: &pluginv1.Failure{Summary: summary, Class: "scripted", Transient: transient}}
}

type fakePlugins struct {
	execute  func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error)
	plan     func(ctx context.Context, req *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error)
	validate func(req *pluginv1.ValidateRequest) (*pluginv1.ValidateResponse, error)
	attach   func(ctx context.Context, req *pluginv1.AttachRequest) (*pluginv1.AttachResponse, error)

	mu        sync.Mutex
	executed  []engine.Call
	validated int
	planned   []*pluginv1.PlanRequest
}

func (f *fakePlugins) Validate(_ context.Context, _ pipeline.ComponentRef, _ pluginv1.Kind, req *pluginv1.ValidateRequest) (*pluginv1.ValidateResponse, error) {
	f.mu.Lock()
	f.validated++
	f.mu.Unlock()
	if f.validate == nil {
		return &pluginv1.ValidateResponse{}, nil
	}
	return f.validate(req)
}

func (f *fakePlugins) Execute(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
	f.mu.Lock()
	f.executed = append(f.executed, call)
	f.mu.Unlock()
	if f.execute == nil {
		return succeeded("done"), nil
	}
	return f.execute(ctx, call, sink)
}

func (f *fakePlugins) Plan(ctx context.Context, _ pipeline.ComponentRef, req *pluginv1.PlanRequest, _ engine.Scope) (*pluginv1.PlanResponse, error) {
	f.mu.Lock()
	f.planned = append(f.planned, req)
	f.mu.Unlock()
	if f.plan == nil {
		return planned("objects"), nil
	}
	return f.plan(ctx, req)
}

func (f *fakePlugins) Evaluate(context.Context, pipeline.ComponentRef, *pluginv1.EvaluateRequest, engine.Scope) (*pluginv1.EvaluateResponse, error) {
	return nil, errors.New("the engine leaves policies to the gate")
}

func (f *fakePlugins) Attach(ctx context.Context, _ pipeline.ComponentRef, req *pluginv1.AttachRequest, _ engine.Scope) (*pluginv1.AttachResponse, error) {
	if f.attach == nil {
		return nil, errors.New("nobody said that it can attach")
	}
	return f.attach(ctx, req)
}

// applied are the names of the stages whose plan was applied.
func (f *fakePlugins) applied() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	for _, c := range f.executed {
		if c.Apply != nil {
			out = append(out, stageName(c))
		}
	}
	return out
}

// stageName is the stage that a call is for.
func stageName(c engine.Call) string {
	a := c.Build.GetAttempt()
	for _, other := range []*pluginv1.Attempt{c.Test.GetAttempt(), c.Apply.GetAttempt()} {
		if other != nil {
			a = other
		}
	}
	return strings.TrimPrefix(a.GetStage(), "stage.")
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func planned(content string, changes ...*pluginv1.Change) *pluginv1.PlanResponse {
	return &pluginv1.PlanResponse{Plan: &pluginv1.Plan{
		Notes:  []string{"there is room\xff"},
		Digest: digestOf([]byte(content)), Content: []byte(content), MediaType: "application/json", Changes: changes,
	}}
}

// withFunc is a configuration as a function of outputs.
type withFunc func(outputs map[string]cty.Value) (cty.Value, diag.List)

// fakeEvaluator gives configurations from functions of the outputs.
type fakeEvaluator struct {
	when      map[string]string // stages that are not wanted, and why
	whenDiags map[string]diag.List
	// precondition has what is not met, by stage.
	precondition  map[string]diag.List
	postcondition func(s *pipeline.Stage, self cty.Value) (unmet, diags diag.List)
	environment   string
	with          map[string]withFunc
}

func (f *fakeEvaluator) When(s *pipeline.Stage, _ map[string]cty.Value) (bool, string, diag.List) {
	why, unwanted := f.when[s.Name]
	return !unwanted, why, f.whenDiags[s.Name]
}

func (f *fakeEvaluator) Precondition(s *pipeline.Stage, _ map[string]cty.Value) (unmet, diags diag.List) {
	return f.precondition[s.Name], nil
}

func (f *fakeEvaluator) Postcondition(s *pipeline.Stage, _ map[string]cty.Value, self cty.Value) (unmet, diags diag.List) {
	if f.postcondition != nil {
		return f.postcondition(s, self)
	}
	return nil, nil
}

func (f *fakeEvaluator) Environment(*pipeline.Stage, map[string]cty.Value) (string, diag.List) {
	return f.environment, nil
}

func (f *fakeEvaluator) With(s *pipeline.Stage, outputs map[string]cty.Value) (cty.Value, diag.List) {
	if with, ok := f.with[s.Name]; ok {
		return with(outputs)
	}
	return config(cty.NullVal(cty.String), cty.NullVal(cty.String)), nil
}

func (f *fakeEvaluator) Place(s *pipeline.Stage, d *pluginv1.Diagnostic) diag.Diagnostic {
	severity := diag.Error
	if d.GetSeverity() == pluginv1.Severity_SEVERITY_WARNING {
		severity = diag.Warning
	}
	return diag.Diagnostic{Severity: severity, Summary: d.GetSummary(), Detail: d.GetDetail(), Subject: &s.Range}
}

func config(value, token cty.Value) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{"value": value, "token": token})
}

// using makes a configuration from an output of a stage.
func using(stage, output string) withFunc {
	return func(outputs map[string]cty.Value) (cty.Value, diag.List) {
		v := cty.UnknownVal(cty.String)
		if of, ok := outputs[stage]; ok {
			v = of.GetAttr(output)
		}
		return config(v, cty.NullVal(cty.String)), nil
	}
}

type fakeJournal struct {
	fail func(appended int, events []event.Event) error

	mu      sync.Mutex
	events  []event.Event
	appends int
}

func (f *fakeJournal) Append(_ context.Context, events ...event.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.appends++
	if f.fail != nil {
		if err := f.fail(f.appends, events); err != nil {
			return err
		}
	}
	f.events = append(f.events, slices.Clone(events)...)
	return nil
}

func (f *fakeJournal) Note(ctx context.Context, events ...event.Event) error {
	return f.Append(ctx, events...)
}

func (f *fakeJournal) all() []event.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events)
}

// types lists what happened to a stage.
func (f *fakeJournal) types(stage string) []event.Type {
	var out []event.Type
	for _, e := range f.all() {
		if e.Stage == stage {
			out = append(out, e.Type)
		}
	}
	return out
}

// last is the last event of a type.
func (f *fakeJournal) last(t *testing.T, ty event.Type) event.Event {
	t.Helper()
	for _, e := range slices.Backward(f.all()) {
		if e.Type == ty {
			return e
		}
	}
	t.Fatalf("no %s in the journal", ty)
	return event.Event{}
}

type fakeLogs struct {
	mu    sync.Mutex
	files map[string]*bytes.Buffer
	fail  error
}

type fakeLog struct {
	logs *fakeLogs
	buf  *bytes.Buffer
}

func (f *fakeLogs) StageLog(stage string, attempt int) (io.WriteCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	buf := new(bytes.Buffer)
	f.files[stage+"."+string(rune('0'+attempt))] = buf
	return fakeLog{f, buf}, nil
}

func (l fakeLog) Write(p []byte) (int, error) {
	l.logs.mu.Lock()
	defer l.logs.mu.Unlock()
	if l.logs.fail != nil {
		return 0, l.logs.fail
	}
	return l.buf.Write(p)
}

func (l fakeLog) Close() error { return nil }

type fakeBlobs struct {
	mu   sync.Mutex
	kept map[string][]byte
	fail error
}

func (f *fakeBlobs) Put(_ context.Context, r io.Reader) (string, int64, error) {
	data, err := io.ReadAll(r)
	if err = errors.Join(err, f.fail); err != nil {
		return "", 0, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.kept[digestOf(data)] = data
	return digestOf(data), int64(len(data)), nil
}

type fakeView struct {
	block chan struct{}

	mu     sync.Mutex
	events []event.Event
}

func (f *fakeView) Show(e event.Event) {
	if f.block != nil {
		<-f.block
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, e)
}

func (f *fakeView) of(ty event.Type) []event.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.events), func(e event.Event) bool { return e.Type != ty })
}

// fakeGate allows everything, unless told otherwise.
type fakeGate struct {
	decide func(req engine.DecisionRequest) (*engine.Decision, error)
	// approvals are none without a script.
	approvals func(req engine.ApprovalRequest) (*engine.Tally, error)

	mu       sync.Mutex
	requests []engine.DecisionRequest
}

func (f *fakeGate) Approvals(_ context.Context, req engine.ApprovalRequest) (*engine.Tally, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.approvals == nil {
		return &engine.Tally{}, nil
	}
	return f.approvals(req)
}

func (f *fakeGate) Decide(_ context.Context, req engine.DecisionRequest) (*engine.Decision, error) {
	f.mu.Lock()
	f.requests = append(f.requests, req)
	f.mu.Unlock()
	if f.decide == nil {
		return allow(req), nil
	}
	return f.decide(req)
}

func allow(req engine.DecisionRequest) *engine.Decision {
	return &engine.Decision{
		Event:    event.Decision{Verdict: "allow", PlanDigest: req.Plan.GetDigest(), Rules: []string{"images_pinned"}},
		Envelope: []byte(`{"payload":"` + req.Plan.GetDigest() + `"}`),
	}
}

func deny(req engine.DecisionRequest) *engine.Decision {
	return &engine.Decision{Event: event.Decision{
		Verdict: "deny", PlanDigest: req.Plan.GetDigest(), Rules: []string{"images_pinned"},
		Violations: []event.Violation{{Rule: "images_pinned", Message: "the image has no digest", Subject: "Deployment/digits", Remedy: "Name it by digest."}},
	}}
}

// fakeRedactor masks whole values within a chunk.
type fakeRedactor struct {
	mu      sync.Mutex
	secrets map[string]bool
}

func (f *fakeRedactor) Add(secret string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(secret) < 6 {
		return errors.New("is too short to be masked")
	}
	if f.secrets == nil {
		f.secrets = make(map[string]bool)
	}
	f.secrets[secret] = true
	return nil
}

func (f *fakeRedactor) Text(s string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, secret := range slices.Sorted(maps.Keys(f.secrets)) {
		s = strings.ReplaceAll(s, secret, "***")
	}
	return s
}

func (f *fakeRedactor) Stream(next func([]byte) error) engine.RedactedStream {
	return &fakeStream{f, next}
}

type fakeStream struct {
	redactor *fakeRedactor
	next     func([]byte) error
}

func (s *fakeStream) Write(p []byte) (int, error) {
	return len(p), s.next([]byte(s.redactor.Text(string(p))))
}

func (s *fakeStream) Flush() error { return nil }
