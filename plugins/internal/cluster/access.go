package cluster

import (
	"context"
	"fmt"
	"sync"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// Right is something that one may be allowed to do.
type Right struct {
	Verb, Kind, Namespace, Name, Subresource string
}

// String is the right for people, for example: patch deployments.apps in
// namespace default.
func (r Right) String() string {
	resource, err := resourceOf(r.Kind)
	if err != nil {
		return r.Verb + " " + r.Kind
	}
	s := r.Verb + " " + resource.GroupResource().String()
	if r.Subresource != "" {
		s += "/" + r.Subresource
	}
	if r.Name != "" {
		s += " " + r.Name
	}
	if resource.wide || r.Namespace == "" {
		return s + " in the whole cluster"
	}
	return s + " in namespace " + r.Namespace
}

// Denied returns those of the rights that we do not have, in their order.
func (c *Client) Denied(ctx context.Context, rights []Right) ([]Right, error) {
	allowed := make([]bool, len(rights))
	errs := make([]error, len(rights))
	slots := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for i, right := range rights {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			allowed[i], errs[i] = c.allowed(ctx, right)
		})
	}
	wg.Wait()
	var denied []Right
	for i, right := range rights {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if !allowed[i] {
			denied = append(denied, right)
		}
	}
	return denied, nil
}

func (c *Client) allowed(ctx context.Context, r Right) (bool, error) {
	resource, err := resourceOf(r.Kind)
	if err != nil {
		return false, err
	}
	attributes := map[string]any{
		"verb": r.Verb, "group": resource.Group, "version": resource.Version, "resource": resource.Resource,
	}
	for key, value := range map[string]string{"namespace": r.Namespace, "name": r.Name, "subresource": r.Subresource} {
		if value != "" {
			attributes[key] = value
		}
	}
	answer, err := c.create(ctx, kube.Object{
		"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
		"spec": map[string]any{"resourceAttributes": attributes},
	})
	if err != nil {
		return false, err
	}
	allowed, ok := answer.At("status", "allowed").(bool)
	if !ok {
		return false, fmt.Errorf("ask whether one may %s: the answer holds no verdict", r)
	}
	return allowed, nil
}

// Actor is who the API server takes us for.
type Actor struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups"`
}

// Actor asks the cluster who we are.
func (c *Client) Actor(ctx context.Context) (Actor, error) {
	answer, err := c.create(ctx, kube.Object{
		"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview",
	})
	if err != nil {
		return Actor{}, err
	}
	actor := Actor{Name: answer.Text("status", "userInfo", "username"), Groups: []string{}}
	groups, _ := answer.At("status", "userInfo", "groups").([]any)
	for _, g := range groups {
		if s, ok := g.(string); ok {
			actor.Groups = append(actor.Groups, s)
		}
	}
	return actor, nil
}
