package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/kube"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Version is that of the API server.
func (c *Client) Version(ctx context.Context) (string, error) {
	raw, err := c.read(ctx, "ask for the version", "/version", 64<<10)
	if err != nil {
		return "", err
	}
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(raw, &version); err != nil || version.GitVersion == "" {
		return "", &Error{
			Kind: Unreachable, Op: "ask for the version", Source: c.source, Address: c.Address(),
			Err: fmt.Errorf("what answers there is no Kubernetes API server: %q", truncate(raw, 80)),
		}
	}
	return version.GitVersion, nil
}

// Versions are those of an API group that the server has, none when it does not
// know the group.
func (c *Client) Versions(ctx context.Context, group string) ([]string, error) {
	raw, err := c.read(ctx, "ask for the versions of "+group, "/apis/"+group, 64<<10)
	if IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var answer struct {
		Versions []struct {
			Version string `json:"version"`
		} `json:"versions"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, &Error{Kind: Other, Op: "ask for the versions of " + group, Source: c.source, Address: c.Address(), Err: err}
	}
	found := make([]string, len(answer.Versions))
	for i, v := range answer.Versions {
		found[i] = v.Version
	}
	return found, nil
}

// UID tells one cluster from all others: it is that of the namespace
// kube-system, which is made once and never again.
func (c *Client) UID(ctx context.Context) (string, error) {
	system, err := c.Get(ctx, systemNamespace())
	if err != nil {
		return "", err
	}
	return system.Text("metadata", "uid"), nil
}

// RightToUID is what UID needs.
func RightToUID() Right {
	return Right{Verb: "get", Kind: systemNamespace().Kind, Name: systemNamespace().Name}
}

func systemNamespace() kube.Ref { return kube.Ref{Kind: "Namespace", Name: "kube-system"} }

// Logs is the end of a container's output; of the run before the present one
// when previous is set.
func (c *Client) Logs(ctx context.Context, pod kube.Ref, container string, lines int, previous bool) ([]byte, error) {
	const maxBytes = 64 << 10
	path := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/log?container=%s&tailLines=%d&limitBytes=%d&previous=%s",
		pod.Namespace, pod.Name, container, lines, maxBytes, strconv.FormatBool(previous))
	return c.read(ctx, "read the log of "+pod.String(), path, maxBytes)
}

// Follow is a container's output as it is written, each line with the time of it
// before it, from a moment on when since is not zero. It lasts until the output
// ends, or ctx does. The caller closes it.
func (c *Client) Follow(ctx context.Context, pod kube.Ref, container string, since time.Time) (io.ReadCloser, error) {
	path := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/log?container=%s&follow=true&timestamps=true", pod.Namespace, pod.Name, container)
	if !since.IsZero() {
		path += "&sinceTime=" + url.QueryEscape(since.UTC().Format(time.RFC3339))
	}
	op := "follow the output of " + pod.String()
	resp, err := c.get(ctx, path)
	if err != nil {
		return nil, c.wrap(ctx, op, err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp.Body, nil
	}
	defer func() { _ = resp.Body.Close() }() // read only: nothing can be lost
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return nil, c.wrap(ctx, op, refusal(resp.StatusCode, text))
}

// get is a GET of a path below the server's address.
func (c *Client) get(ctx context.Context, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("/").String(), nil)
	if err != nil {
		return nil, err
	}
	if req.URL, err = c.base.Parse(c.base.JoinPath("/").Path + path[1:]); err != nil {
		return nil, err
	}
	return c.plain.Do(req)
}

// refusal is an answer that says no, in the server's words where it has any.
func refusal(status int, text []byte) error {
	var said struct {
		Message string `json:"message"`
	}
	e := errors.NewGenericServerResponse(status, http.MethodGet, schema.GroupResource{}, "", truncate(text, 200), 0, true)
	if json.Unmarshal(text, &said) == nil && said.Message != "" {
		e.ErrStatus.Message = said.Message
	}
	return e
}

// read is a GET of something that is no object.
func (c *Client) read(ctx context.Context, op, path string, limit int64) ([]byte, error) {
	var out []byte
	err := c.try(ctx, op, func(ctx context.Context) error {
		resp, err := c.get(ctx, path)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }() // read only: nothing can be lost
		if out, err = io.ReadAll(io.LimitReader(resp.Body, limit)); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return refusal(resp.StatusCode, out)
		}
		return nil
	})
	return out, err
}

func truncate(b []byte, n int) string {
	if len(b) > n {
		return string(b[:n]) + "…"
	}
	return string(b)
}
