package sdk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// blobChunk is the size of one piece of a blob.
const blobChunk = 256 << 10

// hostClient speaks to the host on behalf of one attempt.
type hostClient struct {
	client  pluginv1.HostServiceClient
	attempt string
}

func (h *hostClient) readBlob(ctx context.Context, digest string, offset, length int64) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := h.client.ReadBlob(ctx, &pluginv1.ReadBlobRequest{AttemptId: h.attempt, Digest: digest, Offset: offset, Length: length})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("read blob %s: %w", digest, err)
	}
	r := &blobReader{digest: digest, recv: stream.Recv, cancel: cancel}
	if offset == 0 && length == 0 {
		r.sum = sha256.New()
	}
	return r, nil
}

// blobReader checks a whole blob against its digest: the last byte is only
// handed out when everything fits.
type blobReader struct {
	digest string
	recv   func() (*pluginv1.ReadBlobResponse, error)
	cancel context.CancelFunc
	sum    hash.Hash
	next   []byte // received, not yet known to be followed by anything
	have   []byte // safe to hand out
	err    error
}

// Read fills p from the stream.
func (r *blobReader) Read(p []byte) (int, error) {
	for len(r.have) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.have)
	r.have = r.have[n:]
	return n, nil
}

func (r *blobReader) fill() {
	msg, err := r.recv()
	switch {
	case err == nil:
		if r.sum != nil {
			_, _ = r.sum.Write(msg.GetData()) // a hash never fails
		}
		r.have, r.next = r.next, msg.GetData()
	case errors.Is(err, io.EOF):
		if r.sum != nil {
			if got := "sha256:" + hex.EncodeToString(r.sum.Sum(nil)); got != r.digest {
				r.err = fmt.Errorf("read blob %s: its content has the digest %s", r.digest, got)
				return
			}
		}
		r.have, r.next, r.err = r.next, nil, io.EOF
	default:
		r.err = fmt.Errorf("read blob %s: %w", r.digest, err)
	}
}

// Close ends the stream.
func (r *blobReader) Close() error {
	r.cancel()
	return nil
}

func (h *hostClient) writeBlob(ctx context.Context, from io.Reader) (Artifact, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := h.client.WriteBlob(ctx)
	if err != nil {
		return Artifact{}, fmt.Errorf("write blob: %w", err)
	}
	if err := stream.Send(&pluginv1.WriteBlobRequest{AttemptId: h.attempt}); err != nil {
		return Artifact{}, fmt.Errorf("write blob: %w", sendError(stream, err))
	}
	sum, buf := sha256.New(), make([]byte, blobChunk)
	var size int64
	for {
		n, err := io.ReadFull(from, buf)
		if n > 0 {
			_, _ = sum.Write(buf[:n])
			size += int64(n)
			if sendErr := stream.Send(&pluginv1.WriteBlobRequest{Data: buf[:n]}); sendErr != nil {
				return Artifact{}, fmt.Errorf("write blob: %w", sendError(stream, sendErr))
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return Artifact{}, fmt.Errorf("write blob: %w", err)
		}
	}
	commit := &pluginv1.WriteBlobRequest_Commit{Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Size: size}
	if err := stream.Send(&pluginv1.WriteBlobRequest{Commit: commit}); err != nil {
		return Artifact{}, fmt.Errorf("write blob: %w", sendError(stream, err))
	}
	reply, err := stream.CloseAndRecv()
	if err != nil {
		return Artifact{}, fmt.Errorf("write blob: %w", err)
	}
	b := reply.GetBlob()
	return Artifact{Digest: b.GetDigest(), Size: b.GetSize(), Location: b.GetLocation(), MediaType: b.GetMediaType()}, nil
}

// sendError is the host's reason: Send itself only says io.EOF.
func sendError(stream interface {
	CloseAndRecv() (*pluginv1.WriteBlobResponse, error)
}, err error) error {
	if errors.Is(err, io.EOF) {
		if _, reason := stream.CloseAndRecv(); reason != nil {
			return reason
		}
	}
	return err
}

func (h *hostClient) resolveSecret(ctx context.Context, name string) ([]byte, error) {
	reply, err := h.client.ResolveSecret(ctx, &pluginv1.ResolveSecretRequest{AttemptId: h.attempt, Name: name})
	if err != nil {
		return nil, fmt.Errorf("resolve secret %s: %w", name, err)
	}
	return reply.GetValue(), nil
}
