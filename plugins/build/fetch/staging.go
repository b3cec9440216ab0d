package fetch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/stagegate/stagegate/plugins/build/inventory"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/refusal"
	"github.com/stagegate/stagegate/plugins/build/trust"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"golang.org/x/sync/errgroup"
)

// stagingPrefix marks folders for files that are not verified yet. Each is
// locked by its owner, so that what a killed one left can be told.
const stagingPrefix = ".fetch-"

// parallelLayers is how many layers are on their way at once.
const parallelLayers = 4

// staging collects files beside their place.
type staging struct {
	root *os.Root

	mu    sync.Mutex
	names map[string]string // as given, by folded name
	kept  map[string]bool   // names of those that are in their place already
}

// files fetches all layers and moves their files into place. On failure nothing
// has been moved, and nothing is left.
func (f *fetcher) files(ctx context.Context, into *workspace.Tree, pkg inventory.Package, pending *trust.Vouched) (names []string, err error) {
	for _, l := range pkg.Layers {
		if l.Encrypted() && len(f.keys) == 0 {
			return nil, locked(l)
		}
	}
	there := make([]bool, len(pkg.Layers))
	if pending == nil { // otherwise all of them are read once more, together
		if there, err = f.present(ctx, into.Root(), pkg.Layers); err != nil {
			return nil, err
		}
	}
	if err := room(into, pkg.Layers, there); err != nil {
		return nil, err
	}
	folder, release, err := stage(into.Root())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	root, err := into.Root().OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("open folder for files: %w", err)
	}
	to := &staging{root: root, names: make(map[string]string), kept: make(map[string]bool)}
	err = f.layers(ctx, pkg.Layers, there, to)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err == nil {
		err = pending.Content(ctx, root, slices.Sorted(maps.Values(to.names)))
	}
	if err := errors.Join(err, root.Close()); err != nil {
		return nil, refusal.Explain(err, "fetch_failed", "the package cannot be fetched")
	}
	return to.move(into.Root(), folder)
}

// layers fetches those that are not there.
func (f *fetcher) layers(ctx context.Context, layers []inventory.Layer, there []bool, to *staging) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLayers)
	for i, l := range layers {
		group.Go(func() error {
			if there[i] {
				return to.keep(l.Name)
			}
			return f.unpack(ctx, l, to)
		})
	}
	return group.Wait()
}

// stage makes a locked folder, and removes those that nobody holds.
func stage(root *os.Root) (name string, release func() error, err error) {
	sweep(root)
	name = stagingPrefix + rand.Text()
	if err := root.Mkdir(name, 0o700); err != nil {
		return "", nil, fmt.Errorf("make folder for files: %w", err)
	}
	lock, err := root.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err != nil {
		return "", nil, errors.Join(fmt.Errorf("lock folder for files: %w", err), root.RemoveAll(name))
	}
	return name, func() error { return errors.Join(root.RemoveAll(name), lock.Close()) }, nil
}

// sweep removes what was left by those that were killed. It is not worth failing
// for.
func sweep(root *os.Root) {
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return
	}
	for _, e := range entries {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), stagingPrefix) {
			continue
		}
		f, err := root.OpenFile(e.Name(), os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = root.RemoveAll(e.Name())
		}
		_ = f.Close()
	}
}

// put makes a file. Names are as hostile as the package.
func (s *staging) put(name string, mode os.FileMode, write func(w io.Writer) error) error {
	local, err := s.claim(name)
	if err != nil {
		return err
	}
	if err := s.root.MkdirAll(path.Dir(local), 0o755); err != nil {
		return fmt.Errorf("make folder for %q: %w", local, err)
	}
	f, err := s.root.OpenFile(local, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return fmt.Errorf("create %q: %w", local, err)
	}
	return errors.Join(write(f), f.Close())
}

// keep leaves a file where it is.
func (s *staging) keep(name string) error {
	local, err := s.claim(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept[local] = true
	return nil
}

// claim takes a name that nobody else may have, nor one that is the same on some
// file system.
func (s *staging) claim(name string) (string, error) {
	local, err := workspace.Clean("/", name)
	switch {
	case err == nil && (filepath.IsAbs(name) || local == "."):
		err = workspace.ErrOutside
	case err == nil && strings.HasPrefix(local, stagingPrefix):
		err = errors.New("the name is kept for what is not complete")
	}
	if err != nil {
		return "", refusal.New("name_refused", "a file of the package has an unusable name",
			"Names are relative and stay in the folder. Pack it anew, or find out who made it.", fmt.Errorf("%.200q: %w", name, err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	folded := strings.ToLower(local)
	if other, taken := s.names[folded]; taken {
		return "", refusal.New("name_refused", "two files of the package have the same name",
			"Names that differ in upper and lower case alone count as the same.", fmt.Errorf("%.200q and %.200q", other, local))
	}
	s.names[folded] = local
	return local, nil
}

// move puts verified files in place, one after the other.
func (s *staging) move(root *os.Root, folder string) ([]string, error) {
	names := slices.Sorted(maps.Values(s.names))
	for _, name := range names {
		if err := free(root, name); err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		if s.kept[name] {
			continue
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return nil, refusal.New("folder_unusable", "the files cannot be put there", "", err)
		}
		if err := root.Rename(path.Join(folder, name), name); err != nil {
			return nil, refusal.New("folder_unusable", "the files cannot be put there", "Something else has the name of a file or folder of the package.", err)
		}
	}
	return names, nil
}

// free refuses a name whose place has something that a file cannot replace, before
// the first one is moved.
func free(root *os.Root, name string) error {
	taken := func(at, what string) error {
		return refusal.New("folder_unusable", "the files cannot be put there", "Remove it, or fetch into another folder.", fmt.Errorf("%q is %s", at, what))
	}
	if info, err := root.Lstat(name); err == nil && info.IsDir() {
		return taken(name, "a folder where a file of the package belongs")
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if info, err := root.Lstat(dir); err == nil && !info.IsDir() {
			return taken(dir, "no folder, and a file of the package belongs into one")
		}
	}
	return nil
}

// room refuses early what cannot fit.
func room(into *workspace.Tree, layers []inventory.Layer, there []bool) error {
	need := int64(0)
	for i, l := range layers {
		if !there[i] {
			need += l.Desc.Size
		}
	}
	return oci.CheckRoom(into.Root(), need)
}
