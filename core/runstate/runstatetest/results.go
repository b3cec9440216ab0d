package runstatetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// Key is a key for tests.
func Key(n int) string { return fmt.Sprintf("sha256:%064x", n) }

// Result is a result for tests.
func Result(stage string, n int) runstate.Result {
	return runstate.Result{
		Scope: "scope", Pipeline: "p", Stage: stage, Uses: "build.command", Key: Key(n), Run: "r",
		Made: time.Date(2026, 11, 23, 15, 42, 0, 0, time.UTC), Duration: 1.5,
		Inputs:    []runstate.ResultInput{{Name: "file a", Digest: Key(n)}},
		Outputs:   []byte(`{"a":"<b>&\u2028"}`),
		Report:    &event.Report{Metrics: []event.Metric{{Name: "accuracy", Value: 0.97}}},
		Artifacts: []event.Artifact{{Name: "m", Digest: Key(n), Size: 3}},
		Files:     []runstate.ResultFile{{Path: "out/m", Digest: Key(n), Size: 3, Executable: true, Shared: true}},
	}
}

func put(t *testing.T, s runstate.Store, results ...runstate.Result) {
	t.Helper()
	for _, r := range results {
		if err := s.Results().Put(r); err != nil {
			t.Fatal(err)
		}
	}
}

func results(t *testing.T, open func() runstate.Store) {
	put(t, open(), Result("a", 1), Result("a", 2), Result(`m["x/../y"]`, 1))
	for _, want := range []runstate.Result{Result("a", 1), Result("a", 2), Result(`m["x/../y"]`, 1)} {
		got, err := open().Results().Find("scope", want.Stage, want.Key)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	for name, ask := range map[string]struct{ scope, stage, key string }{
		"key": {"scope", "a", Key(3)}, "stage": {"scope", "b", Key(1)}, "scope": {"other", "a", Key(1)},
		"no key": {"scope", "a", ""}, "a path": {"scope", "a", "sha256:../../../secret"},
		"shifted": {"scopea", "", Key(1)},
	} {
		if _, err := open().Results().Find(ask.scope, ask.stage, ask.key); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("another %s: %v, want ErrNotFound", name, err)
		}
	}
	if err := open().Results().Put(runstate.Result{Scope: "scope", Stage: "a", Key: "../x"}); err == nil {
		t.Error("a result with a path for a key is kept")
	}
}

// latest is what explains a miss: the result that was made or used last.
func latest(t *testing.T, open func() runstate.Store) {
	if _, err := open().Results().Latest("scope", "a"); !errors.Is(err, runstate.ErrNotFound) {
		t.Errorf("of no result: %v", err)
	}
	// Times of files advance in steps.
	again := func(n int, do func(runstate.Results) error) {
		t.Helper()
		for range 1000 {
			if err := do(open().Results()); err != nil {
				t.Fatal(err)
			}
			got, err := open().Results().Latest("scope", "a")
			if err != nil {
				t.Fatal(err)
			}
			if got.Key == Key(n) {
				return
			}
		}
		t.Errorf("result %d is not the latest", n)
	}
	again(1, func(r runstate.Results) error { return r.Put(Result("a", 1)) })
	again(2, func(r runstate.Results) error { return r.Put(Result("a", 2)) })
	again(1, func(r runstate.Results) error { return r.Use("scope", "a", Key(1)) })
	if err := open().Results().Use("scope", "a", Key(9)); err != nil {
		t.Errorf("using what was pruned meanwhile: %v", err)
	}
}

func pruned(t *testing.T, open func() runstate.Store) {
	for n := range 6 {
		put(t, open(), Result(fmt.Sprint("s", n), n))
	}
	count := func(limits runstate.ResultLimits, removed, left int) {
		t.Helper()
		got, err := open().Results().Prune(limits)
		if err != nil || got != removed {
			t.Errorf("Prune(%+v) = %d, %v, want %d", limits, got, err, removed)
		}
		list, err := open().Results().List()
		if err != nil || len(list) != left {
			t.Errorf("%d results after Prune(%+v), %v, want %d", len(list), limits, err, left)
		}
	}
	now := time.Now()
	count(runstate.ResultLimits{Now: now}, 0, 6)
	count(runstate.ResultLimits{Now: now, Count: 1, Every: time.Hour}, 0, 6)
	count(runstate.ResultLimits{Now: now, Count: 4}, 2, 4)
	count(runstate.ResultLimits{Now: now, Age: time.Hour}, 0, 4)
	count(runstate.ResultLimits{Now: now.Add(2 * time.Hour), Age: time.Hour}, 4, 0)
}

// shelves holds no more than some results of one stage, however often it
// changes.
func shelves(t *testing.T, open func() runstate.Store) {
	for n := range 100 {
		put(t, open(), Result("a", n))
	}
	list, err := open().Results().List()
	if err != nil || len(list) > 50 || len(list) < 2 {
		t.Errorf("%d results of one stage are kept, %v", len(list), err)
	}
	if list[0].Size == 0 || list[0].Used.IsZero() || list[0].Damage != nil {
		t.Errorf("listed %+v", list[0])
	}
}

func secret(t *testing.T, open func() runstate.Store) {
	var mu sync.Mutex
	seen := make(map[string]bool)
	var asking sync.WaitGroup
	for range 8 {
		asking.Go(func() {
			got, err := open().Results().Secret()
			mu.Lock()
			defer mu.Unlock()
			if err != nil || len(got) < 32 {
				t.Errorf("a secret of %d bytes, %v", len(got), err)
			}
			seen[string(got)] = true
		})
	}
	asking.Wait()
	if len(seen) != 1 {
		t.Errorf("%d different secrets", len(seen))
	}
}

// concurrentResults lets many write and read the same results.
func concurrentResults(t *testing.T, open func() runstate.Store) {
	var working sync.WaitGroup
	for w := range 8 {
		working.Go(func() {
			for n := range 20 {
				r := Result("a", n%5)
				r.Run = strings.Repeat(fmt.Sprint(w), 10_000)
				if err := open().Results().Put(r); err != nil {
					t.Error(err)
				}
				got, err := open().Results().Find("scope", "a", r.Key)
				if err != nil || strings.Trim(got.Run, got.Run[:1]) != "" {
					t.Errorf("read half a result, %v", err)
				}
			}
		})
	}
	working.Wait()
}
