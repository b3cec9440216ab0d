package cluster

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// resource is how the API serves one kind.
type resource struct {
	schema.GroupVersionResource
	wide bool // not in a namespace
}

// KueueGroup is the API group of Kueue, which queues what runs on accelerators.
const KueueGroup = "kueue.x-k8s.io"

// resourceOf knows the kinds that a release or a job touches. They are all
// stable, so asking the server for its list first would only cost a round trip.
// Kueue's are not: their kind names the version as well.
func resourceOf(kind string) (resource, error) {
	at := func(group, version, plural string) resource {
		return resource{GroupVersionResource: schema.GroupVersionResource{Group: group, Version: version, Resource: plural}}
	}
	in := func(group, plural string) resource { return at(group, "v1", plural) }
	if name, version, ok := strings.Cut(kind, "."); ok {
		switch name {
		case "LocalQueue":
			return at(KueueGroup, version, "localqueues"), nil
		case "Workload":
			return at(KueueGroup, version, "workloads"), nil
		}
	}
	wide := func(r resource) resource {
		r.wide = true
		return r
	}
	switch kind {
	case "ServiceAccount":
		return in("", "serviceaccounts"), nil
	case "Service":
		return in("", "services"), nil
	case "Pod":
		return in("", "pods"), nil
	case "Node":
		return wide(in("", "nodes")), nil
	case "Namespace":
		return wide(in("", "namespaces")), nil
	case "ResourceQuota":
		return in("", "resourcequotas"), nil
	case "Secret":
		return in("", "secrets"), nil
	case "Event":
		return in("", "events"), nil
	case "Job":
		return in("batch", "jobs"), nil
	case "Deployment":
		return in("apps", "deployments"), nil
	case "ReplicaSet":
		return in("apps", "replicasets"), nil
	case "NetworkPolicy":
		return in("networking.k8s.io", "networkpolicies"), nil
	case "EndpointSlice":
		return in("discovery.k8s.io", "endpointslices"), nil
	case "StorageClass":
		return wide(in("storage.k8s.io", "storageclasses")), nil
	case "RoleBinding":
		return in("rbac.authorization.k8s.io", "rolebindings"), nil
	case "ClusterRoleBinding":
		return wide(in("rbac.authorization.k8s.io", "clusterrolebindings")), nil
	case "Role":
		return in("rbac.authorization.k8s.io", "roles"), nil
	case "ClusterRole":
		return wide(in("rbac.authorization.k8s.io", "clusterroles")), nil
	case "PeerAuthentication": // of Istio, where it is installed
		return in("security.istio.io", "peerauthentications"), nil
	case "SelfSubjectReview":
		return wide(in("authentication.k8s.io", "selfsubjectreviews")), nil
	case "SelfSubjectAccessReview":
		return wide(in("authorization.k8s.io", "selfsubjectaccessreviews")), nil
	}
	return resource{}, fmt.Errorf("kind %q is not known to this plugin", kind)
}

func (c *Client) of(kind, namespace string) (dynamic.ResourceInterface, error) {
	r, err := resourceOf(kind)
	if err != nil {
		return nil, err
	}
	if r.wide || namespace == "" {
		return c.objects.Resource(r.GroupVersionResource), nil
	}
	return c.objects.Resource(r.GroupVersionResource).Namespace(namespace), nil
}
