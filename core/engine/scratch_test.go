package engine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestScratchFoldersAreEmptyAndPrivate(t *testing.T) {
	t.Parallel()
	for name, touch := range map[string]func(dir string) error{
		"untouched":  func(string) error { return nil },
		"a file":     func(dir string) error { return os.WriteFile(filepath.Join(dir, "x"), nil, 0o600) },
		"opened up":  func(dir string) error { return os.Chmod(dir, 0o777) },
		"removed":    os.Remove,
		"a link":     func(dir string) error { return swap(dir, func() error { return os.Symlink("/", dir) }) },
		"now a file": func(dir string) error { return swap(dir, func() error { return os.WriteFile(dir, nil, 0o600) }) },
	} {
		s := scratchFolders{root: t.TempDir()}
		dir, err := s.take()
		if err != nil {
			t.Fatal(err)
		}
		if err := touch(dir); err != nil {
			t.Fatal(err)
		}
		if err := s.give(dir); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		again, err := s.take()
		if err != nil {
			t.Fatal(err)
		}
		if !untouched(again) {
			t.Errorf("%s: the next attempt gets what the last one left", name)
		}
		if reused := again == dir; reused != (name == "untouched") {
			t.Errorf("%s: the folder is reused: %t", name, reused)
		}
	}
}

func swap(dir string, with func() error) error {
	if err := os.Remove(dir); err != nil {
		return err
	}
	return with()
}

func TestScratchFoldersAreNeverShared(t *testing.T) {
	t.Parallel()
	s := scratchFolders{root: t.TempDir()}
	one, err := s.take()
	if err != nil {
		t.Fatal(err)
	}
	two, err := s.take()
	if err != nil {
		t.Fatal(err)
	}
	if one == two {
		t.Error("two attempts share a folder")
	}
}
