package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
)

// Identity tells one cluster from all others.
type Identity struct {
	UID     string `json:"uid"`     // of the namespace kube-system, which is never made anew
	Version string `json:"version"` // of the API server
}

// Identity asks the cluster who it is.
func (c *Client) Identity(ctx context.Context) (Identity, error) {
	raw, err := c.read(ctx, "ask for the version", "/version", 64<<10)
	if err != nil {
		return Identity{}, err
	}
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if err := json.Unmarshal(raw, &version); err != nil || version.GitVersion == "" {
		return Identity{}, &Error{
			Kind: Unreachable, Op: "ask for the version", Source: c.source, Address: c.Address(),
			Err: fmt.Errorf("what answers there is no Kubernetes API server: %q", truncate(raw, 80)),
		}
	}
	system, err := c.Get(ctx, manifest.Ref{Kind: "Namespace", Name: "kube-system"})
	if err != nil {
		return Identity{}, err
	}
	return Identity{UID: system.Text("metadata", "uid"), Version: version.GitVersion}, nil
}

// Logs is the end of a container's output; of the run before the present one
// when previous is set.
func (c *Client) Logs(ctx context.Context, pod manifest.Ref, container string, lines int, previous bool) ([]byte, error) {
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
		defer resp.Body.Close()
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
