package seal

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const keySize = 32

// Sealer makes seals with one key.
type Sealer struct{ key []byte }

// Open reads the key in a file that only its owner may read, or makes it.
func Open(path string) (*Sealer, error) {
	key, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = create(path); err == nil {
			key, err = read(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open key for sensitive values: %w", err)
	}
	return &Sealer{key: key}, nil
}

// Seal is the keyed hash of some parts, each with its length, so that no two
// lists of parts have the same.
func (s *Sealer) Seal(parts ...string) string {
	h := hmac.New(sha256.New, s.key)
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write([]byte(part))
	}
	return "hmac-sha256:" + hex.EncodeToString(h.Sum(nil))
}

// Fits reports whether the parts have that seal.
func (s *Sealer) Fits(seal string, parts ...string) bool {
	return hmac.Equal([]byte(seal), []byte(s.Seal(parts...)))
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s may be read by others (mode %04o): take that away with chmod 600", path, info.Mode().Perm())
	}
	key, err := io.ReadAll(io.LimitReader(f, keySize+1))
	if err != nil {
		return nil, err
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("%s does not hold a key of %d bytes", path, keySize)
	}
	return key, nil
}

// create writes the key beside its place and links it there, so that of two
// runners that do so at once one wins and both use its key.
func create(path string) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var key [keySize]byte
	_, _ = rand.Read(key[:])                  // never fails since Go 1.24
	f, err := os.CreateTemp(dir, ".inputs-*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(key[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
