package keyless

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/sdk"
)

const (
	// patience is how long a service may take for one answer.
	patience = 30 * time.Second
	// maxAnswer bounds an answer. Certificates and entries have some kilobytes.
	maxAnswer = 1 << 20
	// maxAuthorities bounds their certificates.
	maxAuthorities = 1 << 20
	// maxSaid bounds how much of a refusal is repeated.
	maxSaid = 300
)

// CheckAddress refuses what is no address of a service: HTTPS, or HTTP on this
// machine alone.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%.200q is not https://<host>", address)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("it has more than a scheme, a host and a path")
	case u.Scheme == "http" && !oci.OnLoopback(u.Host):
		return fmt.Errorf("%s is not a loopback address, and without TLS anybody on the way can read and replace what is sent; write https://", u.Host)
	}
	return nil
}

// endpoint is a service that is asked one thing.
type endpoint struct {
	name   string // for people
	class  string // of failures
	base   string
	client *http.Client
	wait   time.Duration
}

// CheckAuthorities refuses what holds no certificate.
func CheckAuthorities(text string) error {
	_, err := poolOf(text)
	return err
}

func poolOf(text string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if len(text) > maxAuthorities {
		return nil, fmt.Errorf("there are more than %d bytes", maxAuthorities)
	}
	if !pool.AppendCertsFromPEM([]byte(text)) {
		return nil, errors.New("there is no certificate in PEM")
	}
	return pool, nil
}

// newTransport trusts the given authorities, and the system's without any.
func newTransport(authorities string) (*http.Transport, error) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the default HTTP transport was replaced")
	}
	transport := base.Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	transport.IdleConnTimeout = 10 * time.Second // those of ended stages would stay
	if authorities != "" {
		pool, err := poolOf(authorities)
		if err != nil {
			return nil, err
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return transport, nil
}

func newEndpoint(name, class, base string, transport http.RoundTripper, wait time.Duration) endpoint {
	return endpoint{
		name: name, class: class, base: strings.TrimSuffix(base, "/"), wait: wait,
		client: &http.Client{
			Transport: transport,
			// What is sent is for the address that was written down.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// post sends JSON and returns the answer when its status is 200 or 201. The token
// is sent when there is one, and is in no error.
func (e endpoint) post(ctx context.Context, path string, body []byte, token string) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, e.wait)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, e.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", e.name, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "stagegate")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := e.client.Do(req)
	var answer []byte
	if err == nil {
		answer, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
		err = errors.Join(err, resp.Body.Close())
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, e.silent(limited, err)
	case len(answer) > maxAnswer:
		return nil, e.lied(fmt.Errorf("the answer has more than %d bytes", maxAnswer))
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated:
		return nil, e.refused(resp.StatusCode, hide(string(answer), token))
	}
	return answer, nil
}

// silent explains why there was no answer.
func (e endpoint) silent(limited context.Context, err error) error {
	f := &sdk.Failure{
		Summary: e.name + " cannot be reached", Class: e.class + "_unreachable", Broken: true, Transient: true,
		Detail: "Is " + e.base + " the right address, and is the service running? Nothing was published.",
	}
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	f.Cause = err
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	switch {
	case limited.Err() != nil:
		f.Cause = fmt.Errorf("it has not answered for %s", e.wait)
	case errors.As(err, &authority):
		f.Class, f.Transient = e.class+"_untrusted", false
		f.Detail = "Its certificate is signed by an authority that is not trusted here. Give the authority's certificate with `ca`. Nothing was published."
	case errors.As(err, &hostname):
		f.Class, f.Transient = e.class+"_untrusted", false
		f.Detail = "Its certificate is made out to another name than that of " + e.base + ". Nothing was published."
	}
	return f
}

// refused explains an answer that is none.
func (e endpoint) refused(status int, said string) error {
	cause := fmt.Errorf("it answered %d", status)
	if said = strings.ToValidUTF8(strings.TrimSpace(said), "?"); said != "" {
		cause = fmt.Errorf("it answered %d: %.*q", status, maxSaid, said)
	}
	f := &sdk.Failure{Summary: e.name + " refuses", Class: e.class + "_refused", Cause: cause, Detail: "Nothing was published."}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		f.Class = e.class + "_denied"
		f.Detail = "The identity token is expired, or of an issuer or for an audience that " + e.name + " does not take. Have a new one made, for the audience that it wants (sigstore, if nothing else was set up). Nothing was published."
	case status == http.StatusTooManyRequests || status >= http.StatusInternalServerError:
		f.Summary, f.Class, f.Transient, f.Broken = e.name+" is busy or broken", e.class+"_unavailable", true, true
		f.Detail = "The same may work later; a block retry tries again. Nothing was published."
	case status >= 300 && status < 400:
		f.Detail = "It sends on to another address. What is signed is sent to none but " + e.base + ": write the address that answers. Nothing was published."
	}
	return f
}

// lied says that an answer is not what it has to be.
func (e endpoint) lied(cause error) error {
	return &sdk.Failure{
		Summary: "the answer of " + e.name + " is not to be believed", Class: e.class + "_lied", Broken: true, Cause: cause,
		Detail: "It is broken, or somebody else answers under " + e.base + ". Nothing was published.",
	}
}
