package cluster

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// resource is how the API serves one kind.
type resource struct {
	schema.GroupVersionResource
	wide bool // not in a namespace
}

// resourceOf knows the kinds that a release touches. They are all stable, so
// asking the server for its list first would only cost a round trip.
func resourceOf(kind string) (resource, error) {
	in := func(group, plural string) resource {
		return resource{GroupVersionResource: schema.GroupVersionResource{Group: group, Version: "v1", Resource: plural}}
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
