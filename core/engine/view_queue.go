package engine

import (
	"fmt"
	"sync"

	"github.com/stagegate/stagegate/core/event"
)

// maxWaiting is how much output may wait for a slow view. At a thousand
// progress messages or less, memory is bounded by the number of stages.
const (
	maxWaitingBytes    = 4 << 20
	maxWaitingProgress = 1000
)

// viewQueue hands events to a view from a goroutine of its own, so that a slow
// terminal does not hold up the run. What waits is bounded: when the view is
// too slow, output and progress are left out and their loss is said; the log
// files have it all.
type viewQueue struct {
	view View
	done chan struct{}

	mu       sync.Mutex
	more     sync.Cond
	waiting  []event.Event
	bytes    int
	progress int
	lost     map[string]int // bytes left out, by stage
	closed   bool
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
		if q.lost[e.Stage] > 0 || q.bytes+len(e.Log.Data) > maxWaitingBytes {
			q.lost[e.Stage] += len(e.Log.Data)
			if q.bytes > maxWaitingBytes/2 {
				return
			}
			e.Log = &event.Log{Stream: stderr, Data: fmt.Appendf(nil, "\n[%d bytes are not shown here; the log has them]\n", q.lost[e.Stage])}
			delete(q.lost, e.Stage)
		}
		q.bytes += len(e.Log.Data)
	case e.Progress != nil:
		if q.progress >= maxWaitingProgress {
			return
		}
		q.progress++
	case e.Type == event.StageFinished:
		delete(q.lost, e.Stage)
	}
	q.waiting = append(q.waiting, e)
	q.more.Signal()
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
	if e.Progress != nil {
		q.progress--
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
