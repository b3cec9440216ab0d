package workspace

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Tree is an open folder. All its names are relative to it and stay in it.
type Tree struct {
	root *os.Root
	path string
}

// Open opens the work folder of an attempt. The caller closes it.
func Open(dir string) (*Tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open work folder: %w", err)
	}
	return &Tree{root: root, path: dir}, nil
}

// Close releases the folder.
func (t *Tree) Close() error { return t.root.Close() }

// Path is the absolute path of the folder, for messages and locations.
func (t *Tree) Path() string { return t.path }

// Root gives access to the folder itself.
func (t *Tree) Root() *os.Root { return t.root }

// Clean is the package's Clean for this folder.
func (t *Tree) Clean(name string) (string, error) { return Clean(t.path, name) }

// File opens a regular file for reading and says how it looked then. Anything
// else (a folder, a pipe, a device) is refused without waiting for it.
func (t *Tree) File(name string) (*os.File, fs.FileInfo, error) {
	local, err := t.Clean(name)
	if err != nil {
		return nil, nil, err
	}
	// O_NONBLOCK: opening a named pipe would otherwise wait for its writer.
	f, err := t.root.OpenFile(local, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, explain(name, err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read %q: %w", name, err), f.Close())
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.Join(fmt.Errorf("%q is %s, not a regular file", name, describe(info.Mode())), f.Close())
	}
	return f, info, nil
}

// Folder opens a folder below this one. The caller closes it.
func (t *Tree) Folder(name string) (*Tree, error) {
	local, err := t.Clean(name)
	if err != nil {
		return nil, err
	}
	sub, err := t.root.OpenRoot(local)
	if err != nil {
		return nil, explain(name, err)
	}
	return &Tree{root: sub, path: filepath.Join(t.path, local)}, nil
}

// MakeFolder opens a folder below this one and creates it where it is missing.
func (t *Tree) MakeFolder(name string) (*Tree, error) {
	local, err := t.Clean(name)
	if err != nil {
		return nil, err
	}
	if err := t.root.MkdirAll(local, 0o755); err != nil {
		return nil, explain(name, err)
	}
	return t.Folder(local)
}

// explain turns what os.Root says into ErrOutside, for which it has no name.
func explain(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) && path.Err.Error() == "path escapes from parent" {
		return fmt.Errorf("path %q: %w (through a symbolic link)", name, ErrOutside)
	}
	if errors.As(err, &path) {
		return fmt.Errorf("open %q: %w", name, path.Err)
	}
	return fmt.Errorf("open %q: %w", name, err)
}

func describe(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "a special file"
	}
}
