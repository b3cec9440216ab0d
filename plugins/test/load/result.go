package load

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"
)

// Result is what became of all measured requests.
type Result struct {
	Good, Failed int64
	// Dropped were due when as many were under way as may be, and not sent.
	Dropped int64
	Elapsed time.Duration // from the first that was due to the last answer
	Bytes   int64
	Events  int64
	// Latency is of good answers, and of requests that timed out: leaving these
	// out would make a slow server fast, and with what fails at once a broken one.
	Latency    *Histogram
	FirstByte  *Histogram // of good answers
	FirstEvent *Histogram
	Gap        *Histogram
	// Lag is how late requests were sent. Where it is not small, the machine that
	// measures is what is slow.
	Lag     *Histogram
	Reasons []Reason // the most frequent first
}

// Reason is why requests failed, and how many.
type Reason struct {
	Text  string
	Count int64
}

// All is how many requests were due.
func (r Result) All() int64 { return r.Good + r.Failed + r.Dropped }

// maxReasons is how many reasons are told apart.
const maxReasons = 50

// Other is the reason of what is not told apart.
const Other = "other reasons"

// tally counts, from many goroutines.
type tally struct {
	mu      sync.Mutex
	r       Result
	reasons map[string]int64
}

func newTally() *tally {
	return &tally{reasons: make(map[string]int64), r: Result{
		Latency: newHistogram(), FirstByte: newHistogram(), FirstEvent: newHistogram(), Gap: newHistogram(), Lag: newHistogram(),
	}}
}

// add counts one that was sent so late.
func (t *tally) add(o Outcome, late time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Bytes += o.Bytes
	t.r.Lag.record(late)
	if o.Reason != "" {
		t.r.Failed++
		if o.TimedOut {
			t.r.Latency.record(late + o.Took)
		}
		t.why(o.Reason)
		return
	}
	t.r.Good++
	t.r.Events += o.Events
	t.r.Latency.record(late + o.Took)
	if o.FirstByte > 0 {
		t.r.FirstByte.record(late + o.FirstByte)
	}
	if o.FirstEvent > 0 {
		t.r.FirstEvent.record(late + o.FirstEvent)
	}
	if o.Events > 1 { // several that arrive together have no gap, which is fast and not unknown
		t.r.Gap.record(o.Gap)
	}
}

func (t *tally) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.r.Dropped++
}

func (t *tally) why(reason string) {
	if _, known := t.reasons[reason]; !known && len(t.reasons) >= maxReasons {
		reason = Other
	}
	t.reasons[reason]++
}

func (t *tally) count() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.r.All()
}

// result is called when nothing is sent any more.
func (t *tally) result(elapsed time.Duration) Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, text := range slices.Sorted(maps.Keys(t.reasons)) {
		t.r.Reasons = append(t.r.Reasons, Reason{Text: text, Count: t.reasons[text]})
	}
	slices.SortStableFunc(t.r.Reasons, func(a, b Reason) int { return cmp.Compare(b.Count, a.Count) })
	t.r.Elapsed = elapsed
	return t.r
}
