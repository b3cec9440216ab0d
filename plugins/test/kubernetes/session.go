package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/plugins/test/job"
	"github.com/stagegate/stagegate/sdk"
)

// session is one Job on one cluster.
type session struct {
	client *cluster.Client
	spec   job.Spec
	uid    string // of the Job
	out    *sdk.Emitter
	output *output

	events   bool   // may be read
	workload string // kind of Kueue's objects, empty where they may not be read
}

// preflight finds out whether the Job can be made and followed. What is missing
// is reported together: rights are asked for by ticket, and one at a time takes a
// week.
func (s *session) preflight(ctx context.Context, hidden bool) error {
	if _, err := s.client.Version(ctx); err != nil {
		return explain(err)
	}
	denied, err := s.client.Denied(ctx, needed(s.spec.Namespace, hidden))
	if err != nil {
		return explain(err)
	}
	if len(denied) > 0 {
		actor, err := s.client.Actor(ctx)
		if err != nil {
			return explain(err)
		}
		list := make([]string, len(denied))
		for i, right := range denied {
			list[i] = right.String()
		}
		return &sdk.Failure{
			Summary: fmt.Sprintf("%s lacks %d rights in the cluster at %s", actor.Name, len(denied), s.client.Address()), Class: classAccess, Broken: true,
			Detail: fmt.Sprintf("Grant these: %s. The credentials come from %s.", strings.Join(list, "; "), s.client.Source()),
		}
	}
	if _, err = s.client.Get(ctx, kube.Ref{Kind: "Namespace", Name: s.spec.Namespace}); cluster.IsNotFound(err) {
		return &sdk.Failure{
			Summary: fmt.Sprintf("There is no namespace %q in the cluster at %s", s.spec.Namespace, s.client.Address()), Class: classNamespace, Broken: true,
			Detail: fmt.Sprintf("Create it: kubectl create namespace %s.", s.spec.Namespace),
		}
	}
	if s.events, err = s.may(ctx, "Event", "list", "watch"); err != nil {
		return explain(err)
	}
	return s.queue(ctx)
}

// needed are the rights without which a Job cannot be carried out.
func needed(namespace string, hidden bool) []cluster.Right {
	var rights []cluster.Right
	add := func(kind, sub string, verbs ...string) {
		for _, verb := range verbs {
			rights = append(rights, cluster.Right{Verb: verb, Kind: kind, Namespace: namespace, Subresource: sub})
		}
	}
	add("Job", "", "create", "get", "patch", "list", "watch", "delete")
	add("Pod", "", "list", "watch")
	add("Pod", "log", "get")
	if hidden {
		add("Secret", "", "create", "patch")
	}
	return rights
}

// may reports whether all of some verbs are allowed that one can do without.
func (s *session) may(ctx context.Context, kind string, verbs ...string) (bool, error) {
	rights := make([]cluster.Right, len(verbs))
	for i, verb := range verbs {
		rights[i] = cluster.Right{Verb: verb, Kind: kind, Namespace: s.spec.Namespace}
	}
	denied, err := s.client.Denied(ctx, rights)
	return len(denied) == 0, err
}

// queue looks for the queue that the Job is to wait in. Without one nothing would
// ever let it go, or nothing would hold it.
func (s *session) queue(ctx context.Context) error {
	if s.spec.Queue == "" {
		return nil
	}
	missing := &sdk.Failure{
		Class: classQueue, Broken: true, Summary: fmt.Sprintf("There is no queue %q in the namespace %q", s.spec.Queue, s.spec.Namespace),
		Detail: "It is the name of a LocalQueue: kubectl get localqueues. Leave queue out to run without one.",
	}
	versions, err := s.client.Versions(ctx, cluster.KueueGroup)
	if err != nil {
		return explain(err)
	}
	if len(versions) == 0 {
		missing.Summary = fmt.Sprintf("The cluster at %s has no Kueue", s.client.Address())
		missing.Detail = "Nothing would let the Job go. Leave queue out to run without one."
		return missing
	}
	version := versions[0] // the one that the server prefers
	_, err = s.client.Get(ctx, kube.Ref{Kind: "LocalQueue." + version, Namespace: s.spec.Namespace, Name: s.spec.Queue})
	if cluster.IsNotFound(err) {
		return missing
	}
	if err != nil && cluster.KindOf(err) != cluster.Forbidden {
		return explain(err)
	}
	allowed, err := s.may(ctx, "Workload."+version, "list", "watch")
	if allowed {
		s.workload = "Workload." + version
	}
	return explain(err)
}

// make makes the Job, and what it needs.
func (s *session) make(ctx context.Context, hidden map[string]string) (kube.Object, error) {
	made, err := s.client.Apply(ctx, s.spec.Job(), cluster.ApplyOptions{})
	if err != nil {
		return nil, explain(err)
	}
	s.uid = made.Text("metadata", "uid")
	if len(hidden) == 0 {
		return made, nil
	}
	if _, err := s.client.Apply(ctx, s.spec.Secret(s.uid, hidden), cluster.ApplyOptions{}); err != nil {
		// The server's words could hold a value.
		if e, ok := errors.AsType[*cluster.Error](err); ok && e.Kind == cluster.Invalid {
			e.Err = errors.New("it is not valid")
		}
		return nil, explain(err)
	}
	return made, nil
}

// Bounds of the end: the runner gives a stage ten seconds.
const removal = 8 * time.Second

// remove takes the Job away, with its pod and its Secret, whatever has become of
// the stage.
func (s *session) remove(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
	defer cancel()
	if s.uid == "" {
		// The answer may be lost of a Job that was made.
		found, err := s.client.Get(ctx, s.spec.Ref())
		if err != nil {
			return
		}
		s.uid = found.Text("metadata", "uid")
	}
	if err := s.client.Delete(ctx, s.spec.Ref(), s.uid); err != nil {
		fmt.Fprintf(s.out.Stderr(), "the Job %s/%s could not be removed, and ends by its own deadline: %v\n", s.spec.Namespace, s.spec.Name, err)
	}
}
