package encryption

import (
	"bytes"
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"filippo.io/age"
	"github.com/opencontainers/go-digest"
	"golang.org/x/crypto/chacha20poly1305"
)

// Parts of age's format.
const (
	chunkSize = 64 << 10 // of plaintext
	overhead  = chacha20poly1305.Overhead
	nonceSize = 16 // of the payload
	lastChunk = 1
)

// Open reads the plaintext from an offset on.
type Open func(ctx context.Context, offset int64) (io.ReadCloser, error)

// Envelope is one file, encrypted under a key of its own. It can be read more
// than once, from any offset, and has the same bytes each time: that lets an
// upload go on where it was, which age's own writer does not. The header is
// age's; the payload is made here, because only who has the key can make it
// again.
//
// The same key and place must never meet other plaintext. Whoever reads an
// envelope again therefore compares it with what was read before, before it
// leaves.
type Envelope struct {
	head []byte
	aead cipher.AEAD
	size int64 // of the plaintext
	open Open

	mu     sync.Mutex
	sum    hash.Hash // of the plaintext
	summed int64
}

// Seal prepares the encryption of size bytes for recipients and, if it has
// arguments, for whoever may use a KMS.
func Seal(ctx context.Context, to []Recipient, kms Command, size int64, open Open) (*Envelope, error) {
	all := make([]age.Recipient, 0, len(to)+1)
	for _, r := range to {
		all = append(all, r.recipient)
	}
	if len(kms.Args) > 0 {
		all = append(all, &wrapper{ctx: ctx, command: kms})
	}
	if len(all) == 0 {
		return nil, errors.New("encrypt: there is nobody to encrypt for")
	}
	head, key, err := header(ctx, all)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	stream, err := hkdf.Key(sha256.New, key, head[len(head)-nonceSize:], "payload", chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	defer clear(stream)
	aead, err := chacha20poly1305.New(stream)
	if err != nil {
		return nil, fmt.Errorf("prepare cipher: %w", err)
	}
	return &Envelope{head: head, aead: aead, size: size, open: open, sum: sha256.New()}, nil
}

// header has age make the beginning of a file, and notes the key. A plugin of
// age cannot be told that ctx has ended; it dies with the stage.
func header(ctx context.Context, to []age.Recipient) (head, key []byte, err error) {
	note := &noting{Recipient: to[0]}
	to = append([]age.Recipient{note}, to[1:]...)
	var file bytes.Buffer
	done := make(chan error, 1)
	go func() {
		w, err := age.Encrypt(&file, to...)
		if err == nil {
			err = w.Close()
		}
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("encrypt: %w", err)
	}
	raw := file.Bytes()
	if head, err = age.ExtractHeader(bytes.NewReader(raw)); err != nil {
		return nil, nil, fmt.Errorf("encrypt: %w", err)
	}
	if len(raw) != len(head)+nonceSize+overhead || len(note.key) != fileKeySize {
		return nil, nil, errors.New("encrypt: age has changed its format")
	}
	return raw[:len(head)+nonceSize], note.key, nil
}

// noting is a recipient that remembers the key.
type noting struct {
	age.Recipient
	key []byte
}

// WrapWithLabels implements age.RecipientWithLabels for any recipient.
func (n *noting) WrapWithLabels(fileKey []byte) ([]*age.Stanza, []string, error) {
	n.key = bytes.Clone(fileKey)
	if labelled, ok := n.Recipient.(age.RecipientWithLabels); ok {
		return labelled.WrapWithLabels(fileKey)
	}
	stanzas, err := n.Wrap(fileKey)
	return stanzas, nil, err
}

// Size is that of the encrypted file.
func (e *Envelope) Size() int64 {
	return int64(len(e.head)) + e.size + overhead*chunksOf(e.size)
}

// chunksOf is how many there are; nothing is one as well.
func chunksOf(size int64) int64 { return max(1, (size+chunkSize-1)/chunkSize) }

// Plain is the digest of the plaintext, once all of it was read.
func (e *Envelope) Plain() (digest.Digest, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.summed != e.size {
		return "", errors.New("the weights have not been encrypted to their end")
	}
	return digest.NewDigest(digest.SHA256, e.sum), nil
}

// note digests plaintext that was not read before.
func (e *Envelope) note(at int64, plain []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if known := e.summed - at; known >= 0 && known < int64(len(plain)) {
		_, _ = e.sum.Write(plain[known:]) // a hash never fails
		e.summed = at + int64(len(plain))
	}
}

// seal appends a chunk, encrypted.
func (e *Envelope) seal(to []byte, number int64, plain []byte) []byte {
	var nonce [chacha20poly1305.NonceSize]byte
	binary.BigEndian.PutUint64(nonce[3:11], uint64(number)) //nolint:gosec // G115: it counts up from 0
	if number == chunksOf(e.size)-1 {
		nonce[11] = lastChunk
	}
	return e.aead.Seal(to, nonce[:], plain, nil)
}
