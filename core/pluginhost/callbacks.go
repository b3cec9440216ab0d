package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/stagegate/stagegate/core/engine"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// callbacks serves HostService to one plugin process, for its attempts in
// flight alone.
type callbacks struct {
	pluginv1.UnimplementedHostServiceServer
	blobs   BlobStore
	secrets SecretResolver

	mu     sync.Mutex
	scopes map[string]engine.Scope
}

// enter opens the door for an attempt; leave closes it.
func (c *callbacks) enter(scope engine.Scope) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if scope.AttemptID == "" {
		return errors.New("the attempt has no identity")
	}
	if _, taken := c.scopes[scope.AttemptID]; taken {
		return fmt.Errorf("attempt %s is in flight already", scope.AttemptID)
	}
	c.scopes[scope.AttemptID] = scope
	return nil
}

func (c *callbacks) leave(scope engine.Scope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.scopes, scope.AttemptID)
}

func (c *callbacks) scope(attempt string) (engine.Scope, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	scope, ok := c.scopes[attempt]
	if !ok {
		return engine.Scope{}, status.Error(codes.PermissionDenied, "the attempt is not in flight")
	}
	return scope, nil
}

// ReadBlob streams a stored blob, or a part of it.
func (c *callbacks) ReadBlob(req *pluginv1.ReadBlobRequest, to grpc.ServerStreamingServer[pluginv1.ReadBlobResponse]) error {
	if _, err := c.scope(req.GetAttemptId()); err != nil {
		return err
	}
	if c.blobs == nil {
		return status.Error(codes.Unimplemented, "the runner keeps no blobs")
	}
	if req.GetOffset() < 0 || req.GetLength() < 0 {
		return status.Error(codes.InvalidArgument, "offset and length cannot be negative")
	}
	blob, err := c.blobs.Open(req.GetDigest())
	if errors.Is(err, fs.ErrNotExist) {
		return status.Errorf(codes.NotFound, "there is no blob %s", quote(req.GetDigest()))
	}
	if err != nil {
		return status.Errorf(codes.Internal, "open blob %s: %v", quote(req.GetDigest()), err)
	}
	defer func() { _ = blob.Close() }() // read only: nothing can be lost
	if _, err := blob.Seek(req.GetOffset(), io.SeekStart); err != nil {
		return status.Errorf(codes.Internal, "read blob: %v", err)
	}
	var from io.Reader = blob
	if req.GetLength() > 0 {
		from = io.LimitReader(blob, req.GetLength())
	}
	buf := make([]byte, maxBlobPiece/4)
	for {
		n, err := io.ReadFull(from, buf)
		if n > 0 {
			if err := to.Send(&pluginv1.ReadBlobResponse{Data: buf[:n]}); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return status.Errorf(codes.Internal, "read blob: %v", err)
		}
	}
}

// WriteBlob stores a blob once its commit fits.
func (c *callbacks) WriteBlob(from grpc.ClientStreamingServer[pluginv1.WriteBlobRequest, pluginv1.WriteBlobResponse]) error {
	first, err := from.Recv()
	if err != nil {
		return err
	}
	if _, err := c.scope(first.GetAttemptId()); err != nil {
		return err
	}
	if c.blobs == nil {
		return status.Error(codes.Unimplemented, "the runner keeps no blobs")
	}
	upload := newUpload(first, from.Recv)
	digest, size, err := c.blobs.Put(from.Context(), upload)
	if refusal := upload.refusal; refusal != nil {
		return refusal
	}
	if err != nil {
		return status.Errorf(codes.Internal, "store blob: %v", err)
	}
	return from.SendAndClose(&pluginv1.WriteBlobResponse{Blob: &pluginv1.Artifact{
		Digest: digest, Size: size, Location: "blob:" + digest,
	}})
}

// ResolveSecret gives a secret that the stage names.
func (c *callbacks) ResolveSecret(ctx context.Context, req *pluginv1.ResolveSecretRequest) (*pluginv1.ResolveSecretResponse, error) {
	scope, err := c.scope(req.GetAttemptId())
	if err != nil {
		return nil, err
	}
	if !slices.Contains(scope.Secrets, req.GetName()) {
		return nil, status.Errorf(codes.PermissionDenied, "the stage does not name the secret %q", quote(req.GetName()))
	}
	if c.secrets == nil {
		return nil, status.Error(codes.Unimplemented, "the runner has no secrets")
	}
	value, err := c.secrets.Resolve(ctx, req.GetName())
	if err != nil {
		return nil, status.Errorf(codes.NotFound, "resolve secret %s: %v", quote(req.GetName()), err)
	}
	if len(value) > maxSecret {
		return nil, status.Errorf(codes.ResourceExhausted, "the secret %s has more than %d bytes", quote(req.GetName()), maxSecret)
	}
	return &pluginv1.ResolveSecretResponse{Value: value}, nil
}
