package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

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

// read is a GET of something that is no object.
func (c *Client) read(ctx context.Context, op, path string, limit int64) ([]byte, error) {
	var out []byte
	err := c.try(ctx, op, func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.JoinPath("/").String(), nil)
		if err != nil {
			return err
		}
		if req.URL, err = c.base.Parse(c.base.JoinPath("/").Path + path[1:]); err != nil {
			return err
		}
		resp, err := c.plain.Do(req)
		if err != nil {
			return err
		}
		defer func() { _ = resp.Body.Close() }() // read only: nothing can be lost
		if out, err = io.ReadAll(io.LimitReader(resp.Body, limit)); err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return errors.NewGenericServerResponse(resp.StatusCode, http.MethodGet,
				schema.GroupResource{}, "", truncate(out, 200), 0, true)
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
