package kubernetes

import (
	"context"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/plugins/internal/owner"
	"github.com/stagegate/stagegate/plugins/test/job"
)

const (
	// keeper is the field manager under which a living runner says that it lives.
	keeper = "stagegate-alive"
	// pulse is how often it does, and silence how long it may be until it is taken
	// for dead.
	pulse   = time.Minute
	silence = 15 * time.Minute
)

// earlier lists the Jobs of the namespace. It is called before the Job of this
// session is made: what a later attempt at the stage makes is not in the list, so
// an attempt that is slow to sweep takes nothing from the one that replaces it.
// Without an answer there is nothing to sweep, and the next session does it.
func (s *session) earlier(ctx context.Context) []kube.Object {
	jobs, err := s.client.List(ctx, "Job", s.spec.Namespace, job.Selector)
	if err != nil {
		return nil
	}
	return jobs
}

// sweep removes those of some Jobs that have outlived their runners: those of
// earlier attempts at this stage, of processes of this machine that are dead, and
// those that nobody has looked after for a while. Times are the server's, so that
// no clock of ours matters. What cannot be removed is for the next time.
func (s *session) sweep(ctx context.Context, jobs []kube.Object, made kube.Object) {
	me, err := owner.Self()
	if err != nil {
		return
	}
	now := created(made)
	for _, o := range jobs {
		if !s.left(o, me, now) {
			continue
		}
		if s.client.Delete(ctx, o.Ref(), o.Text("metadata", "uid")) == nil {
			fmt.Fprintf(s.out.Stderr(), "removed the Job %s/%s, which %s of run %s has left behind\n",
				o.Ref().Namespace, o.Ref().Name, o.Annotation(job.AnnotationStage), o.Annotation(job.AnnotationRun))
		}
	}
}

// left reports whether a Job has outlived its runner.
func (s *session) left(o kube.Object, me owner.Owner, now time.Time) bool {
	if o.Label(job.LabelKey) == s.spec.Key {
		return true
	}
	theirs, ok := owner.Parse(o.Annotation(job.AnnotationOwner))
	if !ok {
		return false
	}
	switch me.LifeOf(theirs) {
	case owner.Dead, owner.Rebooted:
		return true
	case owner.Unknown:
		return now.Sub(heard(o)) > silence
	case owner.Alive:
	}
	return false
}

// heard is when somebody last looked after a Job.
func heard(o kube.Object) time.Time {
	last := created(o)
	entries, _ := o.At("metadata", "managedFields").([]any)
	for _, entry := range entries {
		e, _ := entry.(map[string]any)
		if e["manager"] != keeper {
			continue
		}
		text, _ := e["time"].(string)
		if at, err := time.Parse(time.RFC3339, text); err == nil && at.After(last) {
			last = at
		}
	}
	return last
}

func created(o kube.Object) time.Time {
	at, _ := time.Parse(time.RFC3339, o.Text("metadata", "creationTimestamp"))
	return at
}

// keep says that the Job is looked after, until ctx ends.
func (s *session) keep(ctx context.Context) {
	beat := time.NewTicker(pulse)
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-beat.C:
			// Without an answer it is said again in a minute.
			_, _ = s.client.Apply(ctx, s.spec.Alive(s.uid, now.UTC().Format(time.RFC3339)), cluster.ApplyOptions{Manager: keeper, Force: true})
		}
	}
}
