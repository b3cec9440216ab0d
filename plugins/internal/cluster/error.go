package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kind says what sort of thing went wrong.
type Kind int

// The kinds of error.
const (
	Other        Kind = iota
	NoAccess          // no usable credentials were found
	Unreachable       // nobody answered
	Unauthorized      // the server does not know us
	Forbidden         // the server knows us, and says no
	NotFound          // the object, or its namespace, is not there
	Conflict          // another field manager holds a field
	Invalid           // the server refuses the object as it is
	Busy              // the server cannot serve now
)

// Error is a call that had no success.
type Error struct {
	Kind      Kind
	Op        string // for example: apply Deployment default/digits
	Source    string // of the credentials
	Address   string // of the API server
	Conflicts []FieldConflict
	Err       error
}

// FieldConflict is one field that somebody else manages.
type FieldConflict struct{ Manager, Field string }

// Error says what was tried and why it had no success.
func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Op, e.Err) }

// Unwrap is the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is the kind of an error, Other when it has none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Other
}

// wrap makes the Error of a call. The end of the caller's own context is
// passed on as it is: it is not the cluster's doing.
func (c *Client) wrap(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e := &Error{Kind: kindOf(err), Op: op, Source: c.source, Address: c.Address(), Err: err}
	if e.Kind == Conflict {
		e.Conflicts = fieldConflicts(err)
		if len(e.Conflicts) == 0 {
			e.Kind = Other // a changed resource version or UID
		}
	}
	return e
}

func kindOf(err error) Kind {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return kindOfTransport(err)
	}
	switch {
	case apierrors.IsUnauthorized(err):
		return Unauthorized
	case apierrors.IsForbidden(err):
		return Forbidden
	case apierrors.IsNotFound(err):
		return NotFound
	case apierrors.IsConflict(err):
		return Conflict
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return Invalid
	case apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsTooManyRequests(err),
		apierrors.IsInternalError(err), apierrors.IsServiceUnavailable(err), status.Status().Code >= 500:
		return Busy
	}
	return Other
}

func kindOfTransport(err error) Kind {
	var netErr net.Error
	var urlErr *url.Error
	if errors.As(err, &netErr) || errors.As(err, &urlErr) || errors.Is(err, context.DeadlineExceeded) {
		return Unreachable
	}
	return Other
}

// fieldConflicts reads the causes of a refused server-side apply. The manager
// is only in the message: conflict with "kubectl" using apps/v1.
func fieldConflicts(err error) []FieldConflict {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var out []FieldConflict
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		manager := cause.Message
		if _, rest, ok := strings.Cut(manager, `"`); ok {
			manager, _, _ = strings.Cut(rest, `"`)
		}
		out = append(out, FieldConflict{Manager: manager, Field: cause.Field})
	}
	return out
}
