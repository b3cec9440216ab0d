package graph

// Need is a node that another one needed, and what its visit gave.
type Need[R any] struct {
	Name   string
	Result R
}

// Walk visits every node exactly once, each after all that it needs, at most
// limit at the same time; a limit below one means one. Nodes that become ready
// start in the order in which they became so. A visit is told what the visits
// of its needs gave and decides for itself what to make of it: the walk goes on
// whatever a result says. The results are in the order in which the nodes were
// added. A cycle is a *CycleError, and nothing is visited.
func Walk[R any](g *Graph, limit int, visit func(name string, needs []Need[R]) R) ([]R, error) {
	return WalkPausing(g, limit, func(_ Turn, name string, needs []Need[R]) R { return visit(name, needs) })
}

// Turn is one of the visits that may happen at the same time.
type Turn struct {
	paused  chan<- struct{}
	resumed chan<- chan struct{}
}

// Pause waits for something and lets other nodes be visited meanwhile. It goes
// on once there is room again, before nodes that have not been started.
func (t Turn) Pause(wait func()) {
	t.paused <- struct{}{}
	wait()
	granted := make(chan struct{})
	t.resumed <- granted
	<-granted
}

// WalkPausing is Walk with visits that may pause.
func WalkPausing[R any](g *Graph, limit int, visit func(turn Turn, name string, needs []Need[R]) R) ([]R, error) {
	order, waiting := g.sort()
	if len(order) < len(g.names) {
		return nil, &CycleError{Cycle: g.cycleAmong(waiting)}
	}
	w := walk[R]{
		graph:   g,
		results: make([]R, len(g.names)),
		waiting: waiting,
		ready:   make([]int, 0, len(g.names)),
		done:    make(chan int),
		paused:  make(chan struct{}),
		resumed: make(chan chan struct{}),
		visit:   visit,
	}
	w.run(max(limit, 1))
	return w.results, nil
}

type walk[R any] struct {
	graph   *Graph
	results []R
	waiting []int // needs of each node that have not been visited
	ready   []int // a queue; what has been started stays in front
	done    chan int
	paused  chan struct{}
	resumed chan chan struct{} // of visits that want to go on
	visit   func(Turn, string, []Need[R]) R
}

func (w *walk[R]) run(limit int) {
	for i, needs := range w.graph.needs {
		w.waiting[i] = len(needs)
		if len(needs) == 0 {
			w.ready = append(w.ready, i)
		}
	}
	started, running := 0, 0
	var back []chan struct{} // visits that want to go on
	for finished := 0; finished < len(w.results); {
		for ; running < limit && len(back) > 0; running++ {
			close(back[0])
			back = back[1:]
		}
		for ; running < limit && started < len(w.ready); running++ {
			go w.start(w.ready[started])
			started++
		}
		select {
		case i := <-w.done:
			running--
			finished++
			w.release(i)
		case <-w.paused:
			running--
		case granted := <-w.resumed:
			back = append(back, granted)
		}
	}
}

// release makes ready what waited for a node alone.
func (w *walk[R]) release(i int) {
	for _, d := range w.graph.dependents[i] {
		if w.waiting[d]--; w.waiting[d] == 0 {
			w.ready = append(w.ready, d)
		}
	}
}

// start runs in a goroutine of its own. The results that it reads were written
// before their nodes were received from done.
func (w *walk[R]) start(i int) {
	needs := make([]Need[R], len(w.graph.needs[i]))
	for k, n := range w.graph.needs[i] {
		needs[k] = Need[R]{Name: w.graph.names[n], Result: w.results[n]}
	}
	w.results[i] = w.visit(Turn{w.paused, w.resumed}, w.graph.names[i], needs)
	w.done <- i
}
