package load_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagegate/stagegate/plugins/test/load"
)

// answers takes so long for request n, in the time of the bubble.
func answers(took func(n int64) time.Duration) load.Send {
	return func(ctx context.Context, n int64) load.Outcome {
		begin := time.Now()
		select {
		case <-time.After(took(n)):
			return load.Outcome{Took: time.Since(begin), FirstByte: time.Since(begin)}
		case <-ctx.Done():
			return load.Outcome{Took: time.Since(begin), Reason: "broken off"}
		}
	}
}

func run(t *testing.T, plan load.Plan, send load.Send) load.Result {
	t.Helper()
	r, err := load.Run(t.Context(), plan, send, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got < want-want/500 || got > want+want/500 {
		t.Errorf("%s is %s, want %s", what, got, want)
	}
}

// A server that stalls for two seconds is measured by all who would have waited.
func TestNoCoordinatedOmission(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var free time.Time // the server answers one at a time
		send := func(ctx context.Context, n int64) load.Outcome {
			begin := time.Now()
			mu.Lock()
			if free.Before(begin) {
				free = begin
			}
			free = free.Add(time.Millisecond)
			if n == 100 {
				free = free.Add(2 * time.Second)
			}
			mine := free
			mu.Unlock()
			time.Sleep(time.Until(mine)) //nolint:forbidigo // the time of the bubble: nothing waits
			return load.Outcome{Took: time.Since(begin)}
		}
		open := run(t, load.Plan{Rate: 100, InFlight: 1000, Requests: 1000}, send)
		if open.Good != 1000 || open.Dropped != 0 {
			t.Errorf("%+v", open)
		}
		// 200 of 1000 requests were due during the stall.
		if p90 := open.Latency.Quantile(0.9); p90 < 900*time.Millisecond {
			t.Errorf("p90 is %s: those who would have waited are left out", p90)
		}
		near(t, "the longest", open.Latency.Max(), 2001*time.Millisecond)
		near(t, "the median", open.Latency.Quantile(0.5), time.Millisecond)
	})
}

func TestLateRequestsAreDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, load.Plan{Rate: 10, InFlight: 2, Duration: 10 * time.Second}, answers(func(int64) time.Duration { return time.Second }))
		// Two at a time that take a second each: of ten a second, two are sent.
		if r.All() != 100 || r.Good+r.Dropped != 100 || r.Dropped < 79 || r.Dropped > 81 {
			t.Errorf("%d good, %d dropped of %d", r.Good, r.Dropped, r.All())
		}
		if r.Elapsed < 10*time.Second || r.Elapsed > 11*time.Second {
			t.Errorf("elapsed is %s", r.Elapsed)
		}
	})
}

func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		plan := load.Plan{Rate: 50, InFlight: 10, Duration: 4 * time.Second, WarmUp: 2 * time.Second}
		r := run(t, plan, func(ctx context.Context, n int64) load.Outcome {
			if n != sent.Load() {
				t.Errorf("request %d has the number %d", sent.Load(), n)
			}
			sent.Add(1)
			return answers(func(int64) time.Duration { return time.Millisecond })(ctx, n)
		})
		if sent.Load() != 300 || r.Good != 200 || plan.Expected() != 200 {
			t.Errorf("%d sent, %d measured, %d expected", sent.Load(), r.Good, plan.Expected())
		}
	})
}

// No more are under way than may be, and a warm-up is not measured.
func TestBounds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		plan load.Plan
		good int64
		sent int64
	}{
		"duration": {load.Plan{Rate: 40, InFlight: 4, Duration: 5 * time.Second}, 200, 200},
		"requests": {load.Plan{Rate: 40, InFlight: 4, Requests: 50}, 50, 50},
		"warm up":  {load.Plan{Rate: 40, InFlight: 4, Requests: 50, WarmUp: time.Second}, 50, 90},
		"one":      {load.Plan{Rate: 1, InFlight: 1, Requests: 1}, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				var now, most, sent int64
				r := run(t, tc.plan, func(ctx context.Context, n int64) load.Outcome {
					mu.Lock()
					sent, now = sent+1, now+1
					most = max(most, now)
					mu.Unlock()
					defer func() {
						mu.Lock()
						defer mu.Unlock()
						now--
					}()
					return answers(func(int64) time.Duration { return 99 * time.Millisecond })(ctx, n)
				})
				if r.Good != tc.good || sent != tc.sent || most > int64(tc.plan.InFlight) || r.Dropped != 0 || tc.plan.Expected() != tc.good {
					t.Errorf("%d measured, %d sent, %d at once, %d dropped, %d expected", r.Good, sent, most, r.Dropped, tc.plan.Expected())
				}
			})
		})
	}
}

// What times out counts with the time that it took, what fails at once does not.
func TestFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, load.Plan{Rate: 0.1, InFlight: 1, Requests: 100}, func(_ context.Context, n int64) load.Outcome {
			switch {
			case n < 10:
				return load.Outcome{Took: 5 * time.Second, Reason: "timeout", TimedOut: true}
			case n < 30:
				return load.Outcome{Took: time.Microsecond, Reason: "refused"}
			}
			return load.Outcome{Took: time.Second}
		})
		if r.Failed != 30 || r.Good != 70 || r.Latency.Count() != 80 || len(r.Reasons) != 2 || r.Reasons[0] != (load.Reason{Text: "refused", Count: 20}) {
			t.Errorf("%+v", r)
		}
		near(t, "the median", r.Latency.Quantile(0.5), time.Second)
		near(t, "p95", r.Latency.Quantile(0.95), 5*time.Second)
	})
}

func TestReasonsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, load.Plan{Rate: 0.1, InFlight: 1, Requests: 1000}, func(_ context.Context, n int64) load.Outcome {
			return load.Outcome{Took: time.Second, Reason: fmt.Sprint(n)}
		})
		if len(r.Reasons) != 51 || r.Reasons[0] != (load.Reason{Text: load.Other, Count: 950}) {
			t.Errorf("%d reasons, the first %v", len(r.Reasons), r.Reasons[0])
		}
	})
}

// A cancelled run ends at once, and nothing of it is left.
func TestCancel(t *testing.T) {
	t.Parallel()
	for name, plan := range map[string]load.Plan{
		"under way":   {Rate: 100, InFlight: 50, Duration: time.Hour},
		"between two": {Rate: 0.001, InFlight: 1, Duration: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				enough := errors.New("enough")
				ctx, cancel := context.WithCancelCause(t.Context())
				begin := time.Now()
				time.AfterFunc(10*time.Second, func() { cancel(enough) })
				_, err := load.Run(ctx, plan, answers(func(int64) time.Duration { return time.Minute }), nil)
				if !errors.Is(err, enough) || time.Since(begin) != 10*time.Second {
					t.Errorf("%v after %s", err, time.Since(begin))
				}
			})
		})
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said []int64
		_, err := load.Run(t.Context(), load.Plan{Rate: 10, InFlight: 5, Duration: 2500 * time.Millisecond},
			answers(func(int64) time.Duration { return time.Millisecond }), func(done int64) { said = append(said, done) })
		if err != nil || len(said) != 3 || said[0] != 10 || said[2] != 25 {
			t.Errorf("%v, %v", said, err)
		}
	})
}
