package app

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
)

// writeWhole writes a file that the user has named: all of it or nothing. What
// is there and no file, a pipe for example, is written to as it is.
func writeWhole(path string, content []byte) error {
	const everybody = 0o644
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return usable(path, os.WriteFile(path, content, everybody))
	}
	mode := os.FileMode(everybody)
	if err == nil {
		mode = info.Mode().Perm()
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return usable(path, err)
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone after the rename
	_, err = file.Write(content)
	if err = cmp.Or(err, file.Chmod(mode), file.Close()); err != nil {
		return usable(path, err)
	}
	return usable(path, os.Rename(file.Name(), path))
}

// usable makes the failure to write a file that the user has named a matter of
// usage.
func usable(path string, err error) error {
	if err == nil {
		return nil
	}
	return usage(fmt.Errorf("write %s: %w", path, err))
}
