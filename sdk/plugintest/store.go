package plugintest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Store is a host in memory.
type Store struct {
	pluginv1.UnimplementedHostServiceServer

	mu      sync.Mutex
	blobs   map[string][]byte
	secrets map[string]string
}

func newStore() *Store {
	return &Store{blobs: make(map[string][]byte), secrets: make(map[string]string)}
}

// AddBlob stores content and returns its digest.
func (s *Store) AddBlob(content []byte) string {
	sum := sha256.Sum256(content)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[digest] = bytes.Clone(content)
	return digest
}

// AddSecret makes a secret resolvable.
func (s *Store) AddSecret(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets[name] = value
}

// Blob is the content stored under a digest, and whether there is any.
func (s *Store) Blob(digest string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[digest]
	return b, ok
}

// ReadBlob serves the plugin.
func (s *Store) ReadBlob(req *pluginv1.ReadBlobRequest, to grpc.ServerStreamingServer[pluginv1.ReadBlobResponse]) error {
	content, ok := s.Blob(req.GetDigest())
	if !ok {
		return status.Errorf(codes.NotFound, "there is no blob %s", req.GetDigest())
	}
	end := int64(len(content))
	if req.GetOffset() < 0 || req.GetOffset() > end {
		return status.Errorf(codes.OutOfRange, "offset %d is not within %d bytes", req.GetOffset(), end)
	}
	if n := req.GetLength(); n > 0 && req.GetOffset()+n < end {
		end = req.GetOffset() + n
	}
	for rest := content[req.GetOffset():end]; len(rest) > 0; {
		n := min(len(rest), 64<<10)
		if err := to.Send(&pluginv1.ReadBlobResponse{Data: rest[:n]}); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// WriteBlob serves the plugin.
func (s *Store) WriteBlob(from grpc.ClientStreamingServer[pluginv1.WriteBlobRequest, pluginv1.WriteBlobResponse]) error {
	var content bytes.Buffer
	for {
		m, err := from.Recv()
		if errors.Is(err, io.EOF) {
			return status.Error(codes.Aborted, "the stream ended without a commit")
		}
		if err != nil {
			return err
		}
		content.Write(m.GetData())
		if c := m.GetCommit(); c != nil {
			digest := s.AddBlob(content.Bytes())
			if c.GetDigest() != "" && c.GetDigest() != digest {
				return status.Errorf(codes.DataLoss, "the content has the digest %s, not %s", digest, c.GetDigest())
			}
			return from.SendAndClose(&pluginv1.WriteBlobResponse{Blob: &pluginv1.Artifact{
				Digest: digest, Size: int64(content.Len()), Location: "blob:" + digest,
			}})
		}
	}
}

// ResolveSecret serves the plugin.
func (s *Store) ResolveSecret(_ context.Context, req *pluginv1.ResolveSecretRequest) (*pluginv1.ResolveSecretResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, ok := s.secrets[req.GetName()]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "there is no secret %q", req.GetName())
	}
	return &pluginv1.ResolveSecretResponse{Value: []byte(v)}, nil
}
