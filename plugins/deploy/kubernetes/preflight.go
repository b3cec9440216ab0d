package kubernetes

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// site is a cluster that was found fit for a release.
type site struct {
	client *cluster.Client
	target target
	actor  cluster.Actor
}

// preflight finds out which cluster it is and whether a release may go there.
// What is missing is reported together: rights are asked for by ticket, and one
// at a time takes a week.
func preflight(ctx context.Context, client *cluster.Client, namespace, environment string) (site, error) {
	s := site{client: client, target: target{Namespace: namespace, Environment: environment}}
	var err error
	if s.target.ClusterVersion, err = client.Version(ctx); err != nil {
		return site{}, explain(err)
	}
	if s.actor, err = client.Actor(ctx); err != nil {
		return site{}, explain(err)
	}
	denied, err := client.Denied(ctx, needed(namespace))
	if err != nil {
		return site{}, explain(err)
	}
	_, err = client.Get(ctx, kube.Ref{Kind: "Namespace", Name: namespace})
	gone := cluster.IsNotFound(err)
	if err != nil && !gone && cluster.KindOf(err) != cluster.Forbidden {
		return site{}, explain(err)
	}
	if gone || len(denied) > 0 {
		return site{}, s.unfit(gone, denied)
	}
	s.target.ClusterUID, err = client.UID(ctx)
	if err != nil {
		return site{}, explain(err)
	}
	return s, nil
}

func (s site) unfit(namespaceGone bool, denied []cluster.Right) *sdk.Failure {
	var what, remedies []string
	class := classAccess
	if namespaceGone {
		class = classNamespace
		what = append(what, fmt.Sprintf("there is no namespace %q", s.target.Namespace))
		remedies = append(remedies, fmt.Sprintf("Create the namespace: kubectl create namespace %s.", s.target.Namespace))
	}
	if len(denied) > 0 {
		list := make([]string, len(denied))
		for i, right := range denied {
			list[i] = right.String()
		}
		what = append(what, fmt.Sprintf("%s lacks %s", s.actor.Name, count(len(denied), "right")))
		remedies = append(remedies, fmt.Sprintf("Grant %s these rights: %s.", s.actor.Name, strings.Join(list, "; ")))
	}
	return &sdk.Failure{
		Summary: fmt.Sprintf("the cluster at %s is not ready for the release: %s", s.client.Address(), strings.Join(what, ", and ")),
		Class:   class, Broken: true,
		Detail: strings.Join(remedies, " ") + fmt.Sprintf(" The credentials come from %s.", s.client.Source()),
	}
}

// needed are the rights without which a rollout cannot be carried out or
// followed.
func needed(namespace string) []cluster.Right {
	rights := []cluster.Right{cluster.RightToUID()}
	add := func(kind string, verbs ...string) {
		for _, verb := range verbs {
			rights = append(rights, cluster.Right{Verb: verb, Kind: kind, Namespace: namespace})
		}
	}
	add("ServiceAccount", "get", "create", "patch")
	add("NetworkPolicy", "get", "create", "patch")
	add("Service", "get", "create", "patch")
	add("Deployment", "get", "create", "patch", "list", "watch")
	add("ReplicaSet", "list", "watch", "patch")
	add("Pod", "list", "watch")
	add("EndpointSlice", "list", "watch")
	return rights
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
