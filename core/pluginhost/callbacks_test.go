package pluginhost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestSecretsReachTheAttemptThatNamesThem(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	s := newStep(t, h, "fake", args{"secret": "token"})
	if _, err := s.run(t.Context(), h); err != nil || s.log.String() != "the secret is hunter2\n" {
		t.Errorf("got %q, %v", s.log.String(), err)
	}
	s = newStep(t, h, "fake", args{"secret": "token"})
	s.call.Scope.Secrets = nil
	result, err := s.run(t.Context(), h)
	if err != nil || !strings.Contains(result.GetFailure().GetSummary(), "does not name the secret") || s.log.Len() > 0 {
		t.Errorf("got %v, %q, %v", result, s.log.String(), err)
	}
}

// testCallbacks serve the attempt "a", which names the secret "token".
func testCallbacks(t *testing.T) (*callbacks, *memoryBlobs) {
	t.Helper()
	blobs := &memoryBlobs{dir: t.TempDir()}
	c := &callbacks{blobs: blobs, secrets: fixedSecrets{"token": "hunter2", "big": strings.Repeat("x", maxSecret+1)}, scopes: make(map[string]engine.Scope)}
	if err := c.enter(engine.Scope{AttemptID: "a", Secrets: []string{"token", "absent", "big"}}); err != nil {
		t.Fatal(err)
	}
	return c, blobs
}

func TestCallbacksAreScoped(t *testing.T) {
	t.Parallel()
	c, _ := testCallbacks(t)
	for name, tc := range map[string]struct {
		attempt, secret string
		code            codes.Code
	}{
		"named":           {"a", "token", codes.OK},
		"not named":       {"a", "other", codes.PermissionDenied},
		"absent":          {"a", "absent", codes.NotFound},
		"too big":         {"a", "big", codes.ResourceExhausted},
		"unknown attempt": {"b", "token", codes.PermissionDenied},
		"no attempt":      {"", "token", codes.PermissionDenied},
	} {
		_, err := c.ResolveSecret(t.Context(), &pluginv1.ResolveSecretRequest{AttemptId: tc.attempt, Name: tc.secret})
		if status.Code(err) != tc.code {
			t.Errorf("%s: got %v, want %s", name, err, tc.code)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error holds a secret", name)
		}
	}
	if c.enter(engine.Scope{AttemptID: "a"}) == nil || c.enter(engine.Scope{}) == nil {
		t.Error("a second or nameless attempt was let in")
	}
	c.leave(engine.Scope{AttemptID: "a"})
	if _, err := c.ResolveSecret(t.Context(), &pluginv1.ResolveSecretRequest{AttemptId: "a", Name: "token"}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("after the attempt got %v", err)
	}
}

// download collects a ReadBlob stream.
type download struct {
	grpc.ServerStream
	ctx  context.Context
	data []byte
}

func (d *download) Context() context.Context { return d.ctx }

func (d *download) Send(r *pluginv1.ReadBlobResponse) error {
	if len(r.GetData()) > maxBlobPiece {
		return errors.New("a piece is too big")
	}
	d.data = append(d.data, r.GetData()...)
	return nil
}

func TestReadBlob(t *testing.T) {
	t.Parallel()
	c, blobs := testCallbacks(t)
	content := strings.Repeat("0123456789", 200_000)
	digest, _, err := blobs.Put(t.Context(), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		attempt, digest string
		offset, length  int64
		code            codes.Code
		want            string
	}{
		"whole":           {"a", digest, 0, 0, codes.OK, content},
		"range":           {"a", digest, 5, 7, codes.OK, content[5:12]},
		"tail":            {"a", digest, int64(len(content) - 3), 0, codes.OK, "789"},
		"beyond":          {"a", digest, int64(len(content) + 3), 0, codes.OK, ""},
		"negative":        {"a", digest, -1, 0, codes.InvalidArgument, ""},
		"absent":          {"a", "sha256:00", 0, 0, codes.NotFound, ""},
		"unknown attempt": {"b", digest, 0, 0, codes.PermissionDenied, ""},
	} {
		to := &download{ctx: t.Context()}
		err := c.ReadBlob(&pluginv1.ReadBlobRequest{AttemptId: tc.attempt, Digest: tc.digest, Offset: tc.offset, Length: tc.length}, to)
		if status.Code(err) != tc.code || string(to.data) != tc.want {
			t.Errorf("%s: got %d bytes, %v; want %d, %s", name, len(to.data), err, len(tc.want), tc.code)
		}
	}
	c.blobs = nil
	if err := c.ReadBlob(&pluginv1.ReadBlobRequest{AttemptId: "a"}, &download{ctx: t.Context()}); status.Code(err) != codes.Unimplemented {
		t.Errorf("without a store got %v", err)
	}
}

// uploading is a WriteBlob stream of fixed messages.
type uploading struct {
	grpc.ServerStream
	ctx      context.Context
	messages []*pluginv1.WriteBlobRequest
	end      error
	stored   *pluginv1.Artifact
}

func (u *uploading) Context() context.Context { return u.ctx }

func (u *uploading) SetHeader(metadata.MD) error { return nil }

func (u *uploading) Recv() (*pluginv1.WriteBlobRequest, error) {
	if len(u.messages) == 0 {
		return nil, u.end
	}
	m := u.messages[0]
	u.messages = u.messages[1:]
	return m, nil
}

func (u *uploading) SendAndClose(r *pluginv1.WriteBlobResponse) error {
	u.stored = r.GetBlob()
	return nil
}

func TestWriteBlob(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("hello world"))
	digest := "sha256:" + hex.EncodeToString(sum[:])
	begin := &pluginv1.WriteBlobRequest{AttemptId: "a", Data: []byte("hello ")}
	rest := &pluginv1.WriteBlobRequest{Data: []byte("world")}
	commit := func(digest string, size int64) *pluginv1.WriteBlobRequest {
		return &pluginv1.WriteBlobRequest{Commit: &pluginv1.WriteBlobRequest_Commit{Digest: digest, Size: size}}
	}
	type messages = []*pluginv1.WriteBlobRequest
	for name, tc := range map[string]struct {
		messages messages
		end      error
		code     codes.Code
	}{
		"good":            {messages{begin, rest, commit(digest, 11)}, io.EOF, codes.OK},
		"any digest":      {messages{begin, rest, commit("", 11)}, io.EOF, codes.OK},
		"wrong digest":    {messages{begin, rest, commit("sha256:00", 11)}, io.EOF, codes.DataLoss},
		"wrong size":      {messages{begin, rest, commit(digest, 12)}, io.EOF, codes.DataLoss},
		"no commit":       {messages{begin, rest}, io.EOF, codes.Aborted},
		"broken off":      {messages{begin}, status.Error(codes.Canceled, "gone"), codes.Canceled},
		"big piece":       {messages{begin, {Data: make([]byte, maxBlobPiece+1)}, commit("", 6)}, io.EOF, codes.ResourceExhausted},
		"unknown attempt": {messages{{AttemptId: "b"}, commit("", 0)}, io.EOF, codes.PermissionDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, blobs := testCallbacks(t)
			from := &uploading{ctx: t.Context(), messages: tc.messages, end: tc.end}
			err := c.WriteBlob(from)
			if status.Code(err) != tc.code {
				t.Fatalf("got %v, want %s", err, tc.code)
			}
			if tc.code != codes.OK {
				if blobs.count() > 0 {
					t.Error("something was stored")
				}
				return
			}
			got := []any{from.stored.GetDigest(), from.stored.GetSize(), from.stored.GetLocation()}
			if diff := cmp.Diff([]any{digest, int64(11), "blob:" + digest}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
