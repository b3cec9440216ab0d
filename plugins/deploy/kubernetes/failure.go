package kubernetes

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/sdk"
)

// The classes of failure that are not package rollout's.
const (
	classUnreachable = "cluster_unreachable"
	classAccess      = "access_missing"
	classNamespace   = "namespace_missing"
	classConflict    = "field_conflict"
	classRefused     = "object_refused"
	classMismatch    = "plan_mismatch"
	classSuperseded  = "superseded"
	classNotEnded    = "not_ended"
	classHandle      = "handle_unreadable"
)

// explain says what a cluster's answer means for the user. Errors that are not
// the cluster's pass through.
func explain(err error) error {
	e, ok := errors.AsType[*cluster.Error](err)
	if !ok {
		return err
	}
	switch e.Kind {
	case cluster.NoAccess:
		return &sdk.Failure{
			Summary: "no cluster can be used", Class: classUnreachable, Broken: true, Cause: e,
			Detail: fmt.Sprintf("The kubeconfig was looked for in: %s. Set the argument kubeconfig, or KUBECONFIG where the runner is started.", e.Source),
		}
	case cluster.Unreachable:
		return &sdk.Failure{
			Summary: fmt.Sprintf("the cluster at %s cannot be reached", e.Address),
			Class:   classUnreachable, Broken: true, Transient: true, Cause: e.Err,
			Detail: fmt.Sprintf("The address comes from %s. Check that the cluster runs, that the address is right, and that this machine may connect to it.", e.Source),
		}
	case cluster.Busy:
		return &sdk.Failure{
			Summary: fmt.Sprintf("the cluster at %s cannot serve now", e.Address),
			Class:   classUnreachable, Broken: true, Transient: true, Cause: e,
			Detail: "It was asked several times. Look at the health of its API server and admission webhooks.",
		}
	case cluster.Unauthorized:
		return &sdk.Failure{
			Summary: fmt.Sprintf("the cluster at %s does not accept the credentials", e.Address),
			Class:   classAccess, Broken: true, Cause: e,
			Detail: fmt.Sprintf("They come from %s and may have expired.", e.Source),
		}
	case cluster.Forbidden:
		return &sdk.Failure{
			Summary: "the cluster does not allow it", Class: classAccess, Broken: true, Cause: e,
			Detail: fmt.Sprintf("The credentials come from %s. A right may be missing, or an admission rule may forbid the object.", e.Source),
		}
	case cluster.Conflict:
		return conflict(e)
	case cluster.Invalid, cluster.NotFound:
		return &sdk.Failure{
			Summary: "the cluster refuses an object", Class: classRefused, Cause: e,
			Detail: "The API server's reason is above. A field that cannot be changed, such as a selector, means that an object of that name was made by something else: choose another name, or delete it.",
		}
	case cluster.Other:
	}
	return &sdk.Failure{
		Summary: "the cluster gave an answer that is not understood", Class: classRefused, Broken: true, Cause: e,
		Detail: fmt.Sprintf("The cluster is %s.", e.Address),
	}
}

// conflict names who holds what, field by field.
func conflict(e *cluster.Error) *sdk.Failure {
	var lines []string
	for _, c := range e.Conflicts {
		lines = append(lines, fmt.Sprintf("%s is managed by %q", c.Field, c.Manager))
	}
	return &sdk.Failure{
		Summary: fmt.Sprintf("cannot %s: %s", e.Op, strings.Join(lines, ", ")),
		Class:   classConflict,
		Detail: "The object was not made by stagegate, so its fields are not taken over. Delete the object, let its manager give up the fields, " +
			"choose another name, or make it ours with the labels app.kubernetes.io/managed-by=stagegate and app.kubernetes.io/name=<name>.",
	}
}

func mismatch(why string) *sdk.Failure {
	return &sdk.Failure{
		Summary: "the plan is not what was decided on", Class: classMismatch, Broken: true, Cause: errors.New(why),
		Detail: "Nothing was applied. Plan again, so that the policies judge what would be applied now.",
	}
}
