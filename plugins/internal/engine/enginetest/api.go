package enginetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
)

// api is HTTP to an engine.
type api struct {
	client *http.Client
	header http.Header // of every request
}

func newAPI(network, address string) api {
	return api{client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}}}
}

// with is the same with one more header.
func (a api) with(name, value string) api {
	a.header = http.Header{name: []string{value}}
	return a
}

func (a api) close() { a.client.CloseIdleConnections() }

// call sends body and reads the answer to its end, as JSON into a value where
// there is one.
func (a api) call(ctx context.Context, method, path string, body, into any) ([]byte, error) {
	var send bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&send).Encode(body); err != nil {
			return nil, err
		}
	}
	raw, err := a.do(ctx, method, path, "application/json", &send)
	if err == nil && into != nil {
		err = json.Unmarshal(raw, into)
	}
	return raw, err
}

// send posts an archive.
func (a api) send(ctx context.Context, path string, archive []byte) ([]byte, error) {
	return a.do(ctx, http.MethodPost, path, "application/x-tar", bytes.NewReader(archive))
}

func (a api) do(ctx context.Context, method, path, mediaType string, body io.Reader) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://engine"+path, body)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, a.header)
	req.Header.Set("Content-Type", mediaType)
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, raw)
	}
	return raw, nil
}
