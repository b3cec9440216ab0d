package oci

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/stagegate/stagegate/sdk"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// failure says what went wrong with a registry, in words for the user. Upload
// addresses are left out: they carry tokens.
func (r *Registry) failure(ctx context.Context, err error, task string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var failure *sdk.Failure
	var changed *ChangedError
	if errors.As(err, &failure) || errors.As(err, &changed) {
		return err
	}
	f := &sdk.Failure{
		Summary: fmt.Sprintf("cannot %s %s %s/%s", task, direction(task), r.opts.Host, r.opts.Repository),
		Class:   "registry_failed", Broken: true,
	}
	var response *errcode.ErrorResponse
	var stalled *stalledError
	var busy *busyError
	var lie *lieError
	var helper *helperError
	switch {
	case errors.As(err, &lie):
		f.Class, f.Cause = "registry_corrupt", lie
		f.Detail = "What it keeps cannot be relied upon, and nothing refers to it. Its operator has to look into that; a proxy in between may be the reason."
	case errors.Is(err, errChanged):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		f.Class, f.Transient, f.Cause = "registry_truncated", true, errors.New("the connection broke off, more than once at the same place")
		f.Detail = "The registry, or something on the way to it, cuts what it sends. Nothing of it was kept."
	case errors.As(err, &stalled):
		f.Class, f.Transient, f.Cause = "registry_stalled", true, stalled
		f.Detail = "The registry stopped answering. What it has taken so far is not sent again by the next attempt."
	case errors.As(err, &response):
		refused(f, response, r.opts.Host)
		if errors.As(err, &busy) {
			f.Cause = fmt.Errorf("%w, and asks to be left alone for %s", f.Cause, busy.after)
			f.Detail = "Try again then, or give the stage a `retry` block with a backoff as long."
		}
	case errors.As(err, &helper):
		f.Class, f.Cause, f.Detail = "credentials_failed", helper, helper.detail()
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		f.Class, f.Detail = "registry_denied", login(r.opts.Host)
		f.Cause = errors.New("it asks for credentials, and there are none for it")
	default:
		unreachable(f, err, r.opts)
	}
	return f
}

func direction(task string) string {
	if strings.HasPrefix(task, "push ") || strings.HasPrefix(task, "attach ") {
		return "to"
	}
	return "in"
}

// lieError says that a registry does not have what it should.
type lieError struct{ what string }

func (e *lieError) Error() string { return e.what }

// refused explains an answer of the registry.
func refused(f *sdk.Failure, response *errcode.ErrorResponse, host string) {
	status := fmt.Sprintf("%s answered %d", host, response.StatusCode)
	f.Cause = errors.New(status)
	if len(response.Errors) > 0 {
		// Only the first, and without its detail, which may be anything.
		first := response.Errors[0]
		f.Cause = fmt.Errorf("%s: %s: %.300s", status, first.Code, first.Message)
	}
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		f.Class = "registry_denied"
		f.Detail = login(host)
	case code == http.StatusNotFound:
		f.Detail = "The repository does not exist, or these credentials may not see it."
	case code == http.StatusTooManyRequests || code >= http.StatusInternalServerError:
		f.Class, f.Transient = "registry_unavailable", true
		f.Detail = "The registry is busy or broken. What it has taken so far is not sent again by the next attempt."
	}
}

func login(host string) string {
	return "Log in with `docker login " + host + "`, or point DOCKER_CONFIG at a folder with credentials that may push there."
}

// unreachable explains why there was no answer.
func unreachable(f *sdk.Failure, err error, opts RegistryOptions) {
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	f.Cause = err
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var network net.Error
	switch {
	case errors.As(err, &authority):
		f.Class = "registry_untrusted"
		f.Detail = "Its certificate is signed by an authority that is not trusted here. Name the authority's certificate with `ca_file`."
	case errors.As(err, &hostname):
		f.Class = "registry_untrusted"
		f.Detail = "Its certificate is made out to another name than " + opts.Host + "."
	case errors.Is(err, http.ErrSchemeMismatch):
		f.Class = "registry_untrusted"
		f.Detail = "The registry speaks HTTP without TLS. On loopback alone, `plain_http = true` allows that."
	case errors.As(err, &network):
		f.Class, f.Transient = "registry_unreachable", true
		f.Detail = "Is " + opts.Host + " the right address, and is the registry running?"
	}
}
