package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// readPrivate reads a file that nobody else may read.
func readPrivate(path string, limit int64) ([]byte, error) {
	return readFile(path, limit, func(mode fs.FileMode) error {
		if mode&0o077 != 0 {
			return fmt.Errorf("the file %s can be read by group or others (mode %04o); run chmod 600 on it", path, mode)
		}
		return nil
	})
}

// readUnforged reads an encrypted file, which others may read and not replace:
// whoever knows the recipient can encrypt another value.
func readUnforged(path string, limit int64) ([]byte, error) {
	return readFile(path, limit, func(mode fs.FileMode) error {
		if mode&0o022 != 0 {
			return fmt.Errorf("the file %s can be written by group or others (mode %04o), who could put another value there; run chmod go-w on it", path, mode)
		}
		return nil
	})
}

func readFile(path string, limit int64, allowed func(fs.FileMode) error) ([]byte, error) {
	// Without O_NONBLOCK a named pipe would hold the run up for ever.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the file %s does not exist", path)
		}
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if err := allowed(info.Mode().Perm()); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("the file %s has more than %d bytes", path, limit)
	}
	return content, nil
}
