package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// maxAnswer is how much is read of an answer that is not content.
const maxAnswer = 8 << 10

// partingTime is how long giving an upload up may take.
const partingTime = 5 * time.Second

// upload is a blob on its way to a registry. Its address carries a token, and
// is shown to nobody.
type upload struct {
	registry *Registry
	address  *url.URL
}

// begin opens an upload.
func (r *Registry) begin(ctx context.Context) (*upload, error) {
	resp, err := r.call(ctx, http.MethodPost, r.uploads(), nil)
	if err != nil {
		return nil, err
	}
	return r.opened(resp)
}

// mount asks for a blob of another repository of the same registry. When the
// registry does not give it, it has opened an upload instead.
func (r *Registry) mount(ctx context.Context, d digest.Digest, from string) (*upload, error) {
	ref := r.repo.Reference
	ref.Repository = from
	ctx = auth.AppendRepositoryScope(ctx, ref, auth.ActionPull)
	address := r.uploads()
	address.RawQuery = url.Values{"mount": {d.String()}, "from": {from}}.Encode()
	resp, err := r.call(ctx, http.MethodPost, address, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusCreated {
		return nil, errors.Join(confirms(resp, d), resp.Body.Close())
	}
	return r.opened(resp)
}

func (r *Registry) uploads() *url.URL {
	scheme := "https"
	if r.opts.PlainHTTP {
		scheme = "http"
	}
	return &url.URL{Scheme: scheme, Host: r.repo.Reference.Host(), Path: "/v2/" + r.opts.Repository + "/blobs/uploads/"}
}

func (r *Registry) opened(resp *http.Response) (*upload, error) {
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusAccepted {
		return nil, fmt.Errorf("it answered %d where an upload should have begun", resp.StatusCode)
	}
	u := &upload{registry: r, address: r.uploads()}
	if resp.Header.Get("Location") == "" {
		return nil, errors.New("it does not say where to send the content")
	}
	return u, u.follow(resp)
}

// follow takes over where the upload goes on. Another host would get the
// credentials of this one.
func (u *upload) follow(resp *http.Response) error {
	location, err := resp.Location()
	if errors.Is(err, http.ErrNoLocation) {
		return nil
	}
	if err != nil {
		return errors.New("it sends the content to an address that is none")
	}
	// Some leave out the port that the scheme has anyway.
	if u.address.Port() == "443" && location.Port() == "" && location.Hostname() == u.address.Hostname() {
		location.Host += ":443"
	}
	if location.Host != u.address.Host || location.Scheme != u.address.Scheme {
		return fmt.Errorf("it sends the content to %s://%.100s, which is not the registry", location.Scheme, location.Host)
	}
	u.address = location
	return nil
}

// append sends content from an offset on, and returns how far the registry has
// come.
func (u *upload) append(ctx context.Context, src Source, l *ledger, offset int64) (int64, error) {
	if offset == src.Size {
		return offset, nil
	}
	at := offset
	task := "pushing " + src.Name
	open := func() *feed {
		at = offset
		return newFeed(ctx, src, l, offset, func(n int) {
			if at += int64(n); u.registry.opts.Progress != nil {
				u.registry.opts.Progress(task, at, src.Size)
			}
		})
	}
	body := open()
	resp, err := u.registry.call(ctx, http.MethodPatch, u.address, func(req *http.Request) {
		req.Body, req.ContentLength = body, src.Size-offset
		req.GetBody = func() (io.ReadCloser, error) {
			_ = body.Close() // it never fails
			body = open()
			return body, nil
		}
		req.Header.Set("Content-Type", "application/octet-stream")
		if offset > 0 {
			req.Header.Set("Content-Range", fmt.Sprintf("%d-%d", offset, src.Size-1))
		}
	})
	_ = body.Close() // it never fails; the transport may go on reading after an early answer
	if err != nil {
		return offset, err
	}
	err = errors.Join(u.follow(resp), resp.Body.Close())
	if reached, ok := rangeOf(resp); ok && reached < src.Size {
		return reached, err
	}
	return src.Size, err
}

// reached asks how far an upload has come.
func (u *upload) reached(ctx context.Context) (int64, error) {
	resp, err := u.registry.call(ctx, http.MethodGet, u.address, nil)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(u.follow(resp), resp.Body.Close()); err != nil {
		return 0, err
	}
	at, _ := rangeOf(resp)
	return at, nil
}

// rangeOf reads a Range: its last byte counts. Nothing and one byte look the
// same in it; to send the one again is refused, so it is taken for nothing.
func rangeOf(resp *http.Response) (int64, bool) {
	_, last, ok := strings.Cut(strings.TrimPrefix(resp.Header.Get("Range"), "bytes="), "-")
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(last, 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	if n == 0 {
		return 0, true
	}
	return n + 1, true
}

// finish closes an upload: the registry compares digests.
func (u *upload) finish(ctx context.Context, d digest.Digest, body *feed, size int64) error {
	address := *u.address
	query := address.Query()
	query.Set("digest", d.String())
	address.RawQuery = query.Encode()
	resp, err := u.registry.call(ctx, http.MethodPut, &address, func(req *http.Request) {
		req.Header.Set("Content-Type", "application/octet-stream")
		if body != nil {
			req.Body, req.ContentLength = body, size
			if size == 0 {
				req.Body = http.NoBody
			}
		}
	})
	if err != nil {
		return err
	}
	return errors.Join(confirms(resp, d), resp.Body.Close())
}

// abandon lets the registry forget an upload. Where that does not work it does
// so by itself some day.
func (u *upload) abandon(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingTime)
	defer cancel()
	if resp, err := u.registry.call(ctx, http.MethodDelete, u.address, nil); err == nil {
		_ = resp.Body.Close()
	}
}

// confirms checks that a registry says that it has the blob that was meant.
func confirms(resp *http.Response, d digest.Digest) error {
	if said := resp.Header.Get("Docker-Content-Digest"); said != "" && said != d.String() {
		return &lieError{what: fmt.Sprintf("it was sent %s and says that it has taken %.100s", d, said)}
	}
	if resp.StatusCode != http.StatusCreated {
		return fmt.Errorf("it answered %d where the blob should have been stored", resp.StatusCode)
	}
	return nil
}

// call sends a request with the rights to push, and turns refusals into errors.
func (r *Registry) call(ctx context.Context, method string, address *url.URL, prepare func(*http.Request)) (*http.Response, error) {
	return r.do(auth.AppendRepositoryScope(ctx, r.repo.Reference, auth.ActionPull, auth.ActionPush), method, address, prepare)
}

func (r *Registry) do(ctx context.Context, method string, address *url.URL, prepare func(*http.Request)) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address.String(), nil)
	if err != nil {
		return nil, errors.New("the address is not usable")
	}
	if prepare != nil {
		prepare(req)
	}
	resp, err := r.repo.Client.Do(req)
	if err != nil {
		return nil, causeOf(ctx, err)
	}
	if resp.StatusCode/100 != 2 {
		return nil, errors.Join(refusal(resp), resp.Body.Close())
	}
	return resp, nil
}

// refusal is an answer that says no.
func refusal(resp *http.Response) error {
	answer := &errcode.ErrorResponse{Method: resp.Request.Method, URL: resp.Request.URL, StatusCode: resp.StatusCode}
	var body struct {
		Errors errcode.Errors `json:"errors"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&body); err == nil {
		answer.Errors = body.Errors
	}
	if after, ok := retryAfter(resp, time.Now()); ok && after > maxWait {
		return &busyError{after: after, cause: answer}
	}
	return answer
}

// statusOf is the status of a refusal; 0 when an error is none.
func statusOf(err error) int {
	var answer *errcode.ErrorResponse
	if errors.As(err, &answer) {
		return answer.StatusCode
	}
	return 0
}
