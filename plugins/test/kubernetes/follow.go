package kubernetes

import (
	"context"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/plugins/test/job"
)

const (
	// drain is how long the rest of the output may take after the end.
	drain = 15 * time.Second
	// outage is how long the cluster may be away.
	outage = 5 * time.Minute
)

// The queries of a watch, by their index; the optional ones follow.
const (
	watchJob = iota
	watchPods
	watchEvents
	watchWorkloads
)

// queries are what is watched, and where each of them is among those.
func (s *session) queries() ([]cluster.Query, map[int]int) {
	namespace := s.spec.Namespace
	list := []cluster.Query{
		{Kind: "Job", Namespace: namespace, Name: s.spec.Name},
		{Kind: "Pod", Namespace: namespace, Labels: job.LabelAttempt + "=" + s.spec.Attempt},
	}
	at := map[int]int{watchJob: 0, watchPods: 1}
	if s.events {
		at[watchEvents] = len(list)
		list = append(list, cluster.Query{Kind: "Event", Namespace: namespace, Fields: "involvedObject.uid=" + s.uid})
	}
	if s.workload != "" {
		at[watchWorkloads] = len(list)
		list = append(list, cluster.Query{Kind: s.workload, Namespace: namespace})
	}
	return list, at
}

// follow waits until the Job has ended, one way or the other. Its output is
// passed on meanwhile.
func (s *session) follow(ctx context.Context) (job.State, error) {
	queries, at := s.queries()
	watch, err := s.client.Watch(ctx, queries...)
	if err != nil {
		return job.State{}, explain(err)
	}
	defer watch.Close()
	patience := job.NewPatience(s.spec.Limits, time.Now())
	said := ""
	var away time.Time
	for {
		if err := s.trouble(watch.Err(), &away); err != nil {
			return job.State{}, err
		}
		again := 10 * time.Second
		snapshot, listed, err := look(watch, at)
		if err == nil && listed && snapshot.Job == nil {
			// The picture may be older than our own write, so the server is asked.
			snapshot.Job, err = s.ask(ctx)
		}
		if err != nil {
			return job.State{}, err
		}
		if listed {
			state := job.Judge(snapshot)
			if line := s.line(state); line != said {
				said = line
				fmt.Fprintln(s.out.Stderr(), line)
			}
			if state.Pod != "" && state.Phase >= job.Running {
				s.output.follow(ctx, kube.Ref{Kind: "Pod", Namespace: s.spec.Namespace, Name: state.Pod})
			}
			if state.Phase == job.Ended {
				s.output.finish(drain)
				return state, nil
			}
			verdict := patience.Look(state, time.Now())
			if verdict.Failed != nil {
				s.output.finish(time.Second)
				return state, s.held(state, *verdict.Failed, verdict.Waited)
			}
			again = min(again, verdict.Again)
		}
		if !wait(ctx, watch.Changed(), again) {
			return job.State{}, context.Cause(ctx)
		}
	}
}

// trouble is nil while a watch that fails may be taken up again.
func (s *session) trouble(err error, away *time.Time) error {
	switch kind := cluster.KindOf(err); {
	case err == nil:
		*away = time.Time{}
		return nil
	case kind == cluster.Forbidden || kind == cluster.Unauthorized:
		return explain(err)
	case away.IsZero():
		*away = time.Now()
		fmt.Fprintf(s.out.Stderr(), "the cluster cannot be watched: %v\n", err)
	case time.Since(*away) > outage:
		return explain(err)
	}
	return nil
}

// look is a snapshot of what the watch has seen; listed is false while parts of
// it are missing.
func look(watch *cluster.Watch, at map[int]int) (s job.Snapshot, listed bool, err error) {
	var jobs []job.Job
	listed = true
	for _, err := range []error{
		fill(watch, at, watchJob, &jobs, &listed),
		fill(watch, at, watchPods, &s.Pods, &listed),
		fill(watch, at, watchEvents, &s.Events, &listed),
		fill(watch, at, watchWorkloads, &s.Workload, &listed),
	} {
		if err != nil {
			return s, false, err
		}
	}
	if len(jobs) == 1 {
		s.Job = &jobs[0]
	}
	return s, listed, nil
}

// ask is the Job as the server has it, or nil when it has none.
func (s *session) ask(ctx context.Context) (*job.Job, error) {
	found, err := s.client.Get(ctx, s.spec.Ref())
	if cluster.IsNotFound(err) || err == nil && found.Text("metadata", "uid") != s.uid {
		return nil, nil //nolint:nilnil // that there is none is an answer
	}
	if err != nil {
		return nil, explain(err)
	}
	list, err := job.DecodeAll[job.Job]([]kube.Object{found})
	if err != nil {
		return nil, err
	}
	return &list[0], nil
}

func fill[T any](watch *cluster.Watch, at map[int]int, query int, into *[]T, listed *bool) error {
	index, asked := at[query]
	if !asked {
		return nil
	}
	objects, ok := watch.Objects(index)
	*listed = *listed && ok
	all, err := job.DecodeAll[T](objects)
	*into = all
	return err
}

// line says how the Job stands.
func (s *session) line(state job.State) string {
	name := fmt.Sprintf("job %s/%s", s.spec.Namespace, s.spec.Name)
	if state.Node != "" {
		name += " on " + state.Node
	}
	words := map[job.Phase]string{
		job.Queued: "waits for quota", job.Making: "waits for its pod", job.Placing: "waits for a node",
		job.Starting: "starts", job.Running: "runs", job.Ended: "has ended", job.Lost: "is lost",
	}[state.Phase]
	if state.Hold != nil {
		words += ": " + state.Hold.String()
	}
	return name + " " + words
}

// wait reports whether there is a reason to look again: a change, or that the
// time is up.
func wait(ctx context.Context, changed <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(max(d, time.Millisecond))
	defer timer.Stop()
	select {
	case <-changed:
		return true
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
