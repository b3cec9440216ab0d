package oci

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"github.com/opencontainers/go-digest"
)

func random(size int) []byte {
	raw := make([]byte, size)
	var seed [32]byte
	_, _ = rand.NewChaCha8(seed).Read(raw) // never fails
	return raw
}

func TestPump(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, pieceSize - 1, pieceSize, pieceSize + 1, 3*pieceCount*pieceSize + 7} {
		content := random(size)
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(content), "halves": iotest.HalfReader(bytes.NewReader(content)),
			"data with end": iotest.DataErrReader(bytes.NewReader(content)),
		} {
			var to bytes.Buffer
			sum := sha256.New()
			n, err := pump(&to, sum, r)
			if err != nil || n != int64(size) || !bytes.Equal(to.Bytes(), content) {
				t.Errorf("%s, %d bytes: %d written, %v", name, size, n, err)
			}
			if got := digest.NewDigest(digest.SHA256, sum); got != digest.FromBytes(content) {
				t.Errorf("%s, %d bytes: digest %s", name, size, got)
			}
		}
	}
}

func TestPumpFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is on fire")
	content := random(2*pieceSize + 5)
	if _, err := pump(io.Discard, sha256.New(), io.MultiReader(bytes.NewReader(content), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("reading: %v", err)
	}
	if _, err := pump(full{}, sha256.New(), bytes.NewReader(content)); !errors.Is(err, errFull) {
		t.Errorf("writing: %v", err)
	}
	if _, err := pump(short{}, sha256.New(), bytes.NewReader(content)); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("writing less: %v", err)
	}
}

var errFull = errors.New("the disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) - 1, nil }
