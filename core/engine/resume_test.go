package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// outside is what stages change outside, as it stays when the runner dies.
type outside struct {
	mu      sync.Mutex
	effects map[string]int // how often each stage has had its effect
	ran     []string       // stages that were executed, observed ones as "see <name>"
}

func newOutside() *outside { return &outside{effects: make(map[string]int)} }

// execute has the effect of a stage, once the plugin is asked for it.
func (o *outside) execute(_ context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
	name := strings.TrimPrefix(attemptOf(call).GetStage(), "stage.")
	if call.Observe != nil {
		o.mu.Lock()
		o.ran = append(o.ran, "see "+name)
		there := o.effects[name] > 0
		o.mu.Unlock()
		if !there {
			return &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_STOPPED, Failure: &pluginv1.Failure{Class: "nothing_applied"}}, nil
		}
		return succeeded(name), nil
	}
	if call.Apply != nil {
		if err := sink(handleEvent(name)); err != nil {
			return nil, err
		}
	}
	o.mu.Lock()
	o.effects[name]++
	o.ran = append(o.ran, name)
	o.mu.Unlock()
	if call.Build != nil {
		if err := sink(artifactEvent(name)); err != nil {
			return nil, err
		}
	}
	return succeeded(name), nil
}

func attemptOf(c engine.Call) *pluginv1.Attempt {
	switch {
	case c.Build != nil:
		return c.Build.GetAttempt()
	case c.Test != nil:
		return c.Test.GetAttempt()
	case c.Apply != nil:
		return c.Apply.GetAttempt()
	default:
		return c.Observe.GetAttempt()
	}
}

func handleEvent(name string) *pluginv1.Event {
	return &pluginv1.Event{Body: &pluginv1.Event_Handle{Handle: &pluginv1.Handle{Data: []byte("handle of " + name)}}}
}

func artifactEvent(name string) *pluginv1.Event {
	return &pluginv1.Event{Body: &pluginv1.Event_Artifact{Artifact: &pluginv1.Artifact{
		Name: name, Digest: digestOf([]byte(name)), MediaType: "text/plain",
	}}}
}

// mortal is a journal whose runner dies after some events: nothing that comes
// later is kept, nor happens.
type mortal struct {
	mu     sync.Mutex
	left   int // negative: it lives on
	kept   []event.Event
	killed bool
}

var errDead = errors.New("the runner is dead")

func (m *mortal) Append(_ context.Context, events ...event.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		if m.left == 0 {
			m.killed = true
		}
		if m.killed {
			return errDead
		}
		m.left--
		m.kept = append(m.kept, e)
	}
	return nil
}

func (m *mortal) Note(ctx context.Context, events ...event.Event) error {
	return m.Append(ctx, events...)
}

func (m *mortal) dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.killed
}

// tenStages is a pipeline with one of everything. What is pure says so: the
// zero value is the cautious one.
func tenStages(w *world) {
	for _, s := range []*pipeline.Stage{
		w.stage("data", "builder"), w.stage("train", "builder", "data"),
		w.stage("accuracy", "tester", "train"),
	} {
		s.Schema.Effect = pluginv1.Effect_EFFECT_PURE
	}
	w.stage("ticket", "builder", "accuracy") // changes something outside
	w.stage("compliance", "policy", "accuracy").Schema.Effect = pluginv1.Effect_EFFECT_PURE
	w.stage("staging", "deployer", "train", "compliance")
	w.stage("smoke", "tester", "staging").Schema.Effect = pluginv1.Effect_EFFECT_PURE
	w.stage("release", "policy", "smoke").Schema.Effect = pluginv1.Effect_EFFECT_PURE
	w.stage("production", "deployer", "train", "release", "ticket")
	w.stage("canary", "tester", "production").Schema.Effect = pluginv1.Effect_EFFECT_PURE
	w.eval.with = map[string]withFunc{
		"train": using("data", "word"), "accuracy": using("train", "word"), "smoke": using("staging", "word"), "canary": using("production", "word"),
	}
}

// life is one life of the runner: it ends after some events, or with the run.
func life(t *testing.T, events int, o *outside, was *engine.Past) ([]event.Event, engine.Outcome) {
	t.Helper()
	w := newWorld(t)
	tenStages(w)
	journal := &mortal{left: events}
	w.options.Journal, w.options.Parallelism, w.options.Past = journal, 1, was
	w.plugins.execute = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		if journal.dead() {
			return nil, errDead
		}
		return o.execute(ctx, call, sink)
	}
	out, err := w.run(t.Context())
	if (err != nil) != journal.dead() {
		t.Fatalf("the run ended with %v", err)
	}
	return journal.kept, out
}

// finishes are the ends of all stages in a journal.
func finishes(events []event.Event) map[string]string {
	out := make(map[string]string)
	for name, was := range engine.Recall(events) {
		if was.Finish != nil {
			out[name] = fmt.Sprintf("%s %s %d artifacts", was.Finish.Status, was.Finish.Outputs, len(was.Artifacts))
		}
	}
	return out
}

// A runner that dies after any event of a run of ten stages, and again after
// any of the resumed one's first events, ends where an undisturbed one does,
// and nothing outside is changed twice.
func TestResumeAfterEveryEvent(t *testing.T) {
	t.Parallel()
	calm := newOutside()
	whole, out := life(t, -1, calm, nil)
	if out.Status != event.Succeeded || len(whole) < 40 {
		t.Fatalf("the undisturbed run is %s after %d events", out.Status, len(whole))
	}
	want := finishes(whole)
	for first := 1; first < len(whole); first++ {
		for _, second := range []int{-1, 1, 2, 4} {
			o := newOutside()
			journal, _ := life(t, first, o, nil)
			if second > 0 {
				more, _ := life(t, second, o, &engine.Past{Stages: engine.Recall(journal)})
				journal = append(journal, more...)
			}
			rest, out := life(t, -1, o, &engine.Past{Stages: engine.Recall(journal)})
			journal = append(journal, rest...)
			if out.Status == event.Errored && stageOf(t, out, "ticket").Failure.Class == engine.ClassInterrupted {
				if o.effects["ticket"] > 1 {
					t.Errorf("after %d and %d: the ticket was opened %d times", first, second, o.effects["ticket"])
				}
				continue
			}
			if diff := cmp.Diff(want, finishes(journal)); diff != "" || out.Status != event.Succeeded {
				t.Errorf("after %d and %d events it is %s (-want +got):\n%s", first, second, out.Status, diff)
			}
			for _, once := range []string{"ticket", "staging", "production"} {
				if o.effects[once] != 1 {
					t.Errorf("after %d and %d events %s had its effect %d times: %v", first, second, once, o.effects[once], o.ran)
				}
			}
		}
	}
}
