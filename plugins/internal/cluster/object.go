package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/plugins/internal/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// FieldManager is the name under which releases are applied.
const FieldManager = "stagegate"

// maxListed bounds a list; a cluster that has more is reported, not cut off.
const maxListed = 50_000

// ErrTooMany says that a list was longer than what is read.
var ErrTooMany = fmt.Errorf("more than %d objects", maxListed)

// Get reads one object.
func (c *Client) Get(ctx context.Context, ref kube.Ref) (kube.Object, error) {
	api, err := c.of(ref.Kind, ref.Namespace)
	if err != nil {
		return nil, err
	}
	var out kube.Object
	err = c.try(ctx, "get "+ref.String(), func(ctx context.Context) error {
		got, err := api.Get(ctx, ref.Name, metav1.GetOptions{})
		if err == nil {
			out = got.Object
		}
		return err
	})
	return out, err
}

// List reads the objects of a kind that carry the labels of a selector.
func (c *Client) List(ctx context.Context, kind, namespace, selector string) ([]kube.Object, error) {
	api, err := c.of(kind, namespace)
	if err != nil {
		return nil, err
	}
	var out []kube.Object
	next := ""
	for {
		var page *unstructured.UnstructuredList
		err := c.try(ctx, "list "+kind, func(ctx context.Context) (err error) {
			page, err = api.List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 500, Continue: next})
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			out = append(out, item.Object)
		}
		if next = page.GetContinue(); next == "" {
			return out, nil
		}
		if len(out) >= maxListed {
			return nil, c.wrap(ctx, "list "+kind, ErrTooMany)
		}
	}
}

// ApplyOptions says how an object is applied.
type ApplyOptions struct {
	DryRun  bool   // only ask what would become of it
	Force   bool   // take over fields that others manage
	Manager string // empty means FieldManager
}

// Apply makes the object's fields so, by server-side apply, and returns the
// whole object as it is then. Unknown fields are refused.
func (c *Client) Apply(ctx context.Context, o kube.Object, opts ApplyOptions) (kube.Object, error) {
	ref := o.Ref()
	api, err := c.of(ref.Kind, ref.Namespace)
	if err != nil {
		return nil, err
	}
	body, err := kube.Canonical(o)
	if err != nil {
		return nil, err
	}
	patch := metav1.PatchOptions{
		FieldManager:    FieldManager,
		Force:           &opts.Force,
		FieldValidation: metav1.FieldValidationStrict,
	}
	if opts.Manager != "" {
		patch.FieldManager = opts.Manager
	}
	op := "apply " + ref.String()
	if opts.DryRun {
		patch.DryRun = []string{metav1.DryRunAll}
		op = "try " + ref.String() + " without changing anything"
	}
	var out kube.Object
	err = c.try(ctx, op, func(ctx context.Context) error {
		got, err := api.Patch(ctx, ref.Name, types.ApplyPatchType, body, patch)
		if err == nil {
			out = got.Object
		}
		return err
	})
	return out, err
}

// Delete removes the object with that UID and what it owns, when the garbage
// collector comes to it. That it is gone already, or that another object bears
// its name, is no error.
func (c *Client) Delete(ctx context.Context, ref kube.Ref, uid string) error {
	api, err := c.of(ref.Kind, ref.Namespace)
	if err != nil {
		return err
	}
	policy, id := metav1.DeletePropagationBackground, types.UID(uid)
	opts := metav1.DeleteOptions{
		PropagationPolicy: &policy,
		Preconditions:     &metav1.Preconditions{UID: &id},
	}
	return c.try(ctx, "delete "+ref.String(), func(ctx context.Context) error {
		err := api.Delete(ctx, ref.Name, opts)
		if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
			return nil
		}
		return err
	})
}

// create posts a review; the server answers it with its verdict.
func (c *Client) create(ctx context.Context, o kube.Object) (kube.Object, error) {
	ref := o.Ref()
	api, err := c.of(ref.Kind, ref.Namespace)
	if err != nil {
		return nil, err
	}
	var out kube.Object
	err = c.try(ctx, "create "+ref.Kind, func(ctx context.Context) error {
		got, err := api.Create(ctx, &unstructured.Unstructured{Object: o}, metav1.CreateOptions{})
		if err == nil {
			out = got.Object
		}
		return err
	})
	return out, err
}

// IsNotFound reports whether an error says that the object is not there.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == NotFound
}
