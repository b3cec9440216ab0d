package engine

import (
	"fmt"
	"sync"

	"github.com/stagegate/stagegate/core/event"
)

// Bounds of what may wait for a slow view. What a plugin cannot repeat at will
// is always shown: it is bounded by the number of stages.
const (
	maxWaitingBytes = 4 << 20 // of output
	maxWaitingChats = 10_000  // chunks of output, progress, metrics, diagnostics
)

// viewQueue hands events to a view from a goroutine of its own, so that a slow
// terminal does not hold up the run. What waits is bounded: when the view is
// too slow, output and progress are left out and their loss is said; the log
// files have it all.
type viewQueue struct {
	view View
	done chan struct{}

	mu      sync.Mutex
	more    sync.Cond
	waiting []event.Event
	bytes   int
	chats   int
	lost    map[string]int // bytes left out, by stage
	closed  bool
}

func newViewQueue(v View) *viewQueue {
	q := &viewQueue{view: v, done: make(chan struct{}), lost: make(map[string]int)}
	q.more.L = &q.mu
	go q.run()
	return q
}

func (q *viewQueue) show(e event.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case e.Log != nil:
		if q.lost[e.Stage] > 0 || q.full(len(e.Log.Data)) {
			q.lost[e.Stage] += len(e.Log.Data)
			if q.bytes > maxWaitingBytes/2 || q.chats > maxWaitingChats/2 {
				return
			}
			e = q.gap(e)
		}
	case e.Type == event.AttemptFinished && q.lost[e.Stage] > 0:
		q.push(q.gap(e))
	case chat(e) && q.full(0):
		return
	}
	q.push(e)
}

// full reports whether so many more bytes of output are too many.
func (q *viewQueue) full(more int) bool {
	return q.bytes+more > maxWaitingBytes || q.chats >= maxWaitingChats
}

// gap says in the place of e's output what was left out.
func (q *viewQueue) gap(e event.Event) event.Event {
	text := fmt.Appendf(nil, "\n[%d bytes are not shown here; the log has them]\n", q.lost[e.Stage])
	delete(q.lost, e.Stage)
	return event.Event{
		Type: event.StageLog, Time: e.Time, RunID: e.RunID, Stage: e.Stage, Attempt: e.Attempt,
		Log: &event.Log{Stream: stderr, Data: text},
	}
}

func (q *viewQueue) push(e event.Event) {
	if e.Log != nil {
		q.bytes += len(e.Log.Data)
	}
	if chat(e) {
		q.chats++
	}
	q.waiting = append(q.waiting, e)
	q.more.Signal()
}

// chat is what a plugin may say as often as it likes.
func chat(e event.Event) bool {
	switch e.Type {
	case event.StageLog, event.StageProgress, event.StageMetric, event.StageDiagnostic:
		return true
	default:
		return false
	}
}

// run takes all that waits at a time and shows it.
func (q *viewQueue) run() {
	defer close(q.done)
	for {
		q.mu.Lock()
		for len(q.waiting) == 0 && !q.closed {
			q.more.Wait()
		}
		batch := q.waiting
		q.waiting = nil
		q.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		for _, e := range batch {
			q.view.Show(e)
			q.shown(e)
		}
	}
}

func (q *viewQueue) shown(e event.Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.Log != nil {
		q.bytes -= len(e.Log.Data)
	}
	if chat(e) {
		q.chats--
	}
}

// close waits until everything has been shown.
func (q *viewQueue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.more.Signal()
	<-q.done
}
