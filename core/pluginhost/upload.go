package pluginhost

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// upload is a blob on its way in. It ends with io.EOF only when the commit
// fits what has arrived; any other end is an error, so that nothing is stored.
type upload struct {
	recv    func() (*pluginv1.WriteBlobRequest, error)
	next    *pluginv1.WriteBlobRequest
	data    []byte
	sum     hash.Hash
	size    int64
	refusal error // what the plugin hears
	ended   bool
}

func newUpload(first *pluginv1.WriteBlobRequest, recv func() (*pluginv1.WriteBlobRequest, error)) *upload {
	return &upload{recv: recv, next: first, sum: sha256.New()}
}

// Read gives what has arrived.
func (u *upload) Read(p []byte) (int, error) {
	for len(u.data) == 0 {
		if u.refusal != nil {
			return 0, u.refusal
		}
		if u.ended {
			return 0, io.EOF
		}
		u.refusal = u.advance()
	}
	n := copy(p, u.data)
	u.data = u.data[n:]
	return n, nil
}

// advance takes the next message.
func (u *upload) advance() error {
	msg := u.next
	u.next = nil
	if msg == nil {
		var err error
		if msg, err = u.recv(); errors.Is(err, io.EOF) {
			return status.Error(codes.Aborted, "the blob ended without a commit; nothing was stored")
		} else if err != nil {
			return err
		}
	}
	if len(msg.GetData()) > maxBlobPiece {
		return status.Errorf(codes.ResourceExhausted, "a piece of a blob has more than %d bytes", maxBlobPiece)
	}
	u.data = msg.GetData()
	_, _ = u.sum.Write(u.data) // a hash never fails
	u.size += int64(len(u.data))
	if msg.GetCommit() != nil {
		u.ended = true
		return u.check(msg.GetCommit())
	}
	return nil
}

func (u *upload) check(commit *pluginv1.WriteBlobRequest_Commit) error {
	if commit.GetSize() != u.size {
		return status.Error(codes.DataLoss, fmt.Sprintf("the commit counts %d bytes, %d arrived; nothing was stored", commit.GetSize(), u.size))
	}
	digest := "sha256:" + hex.EncodeToString(u.sum.Sum(nil))
	if want := commit.GetDigest(); want != "" && want != digest {
		return status.Error(codes.DataLoss, fmt.Sprintf("the commit names the digest %s, what arrived has %s; nothing was stored", quote(want), digest))
	}
	return nil
}
