package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	configfunction "github.com/stagegate/stagegate/core/config/function"
)

// tree is a folder out of which no path leads: not by dots, not by links.
type tree struct {
	top string // absolute path
	// name identifies the tree: empty for the pipeline's own, the source of a
	// fetched module otherwise.
	name string
}

// place is a folder in a tree.
type place struct {
	tree  *tree
	dir   string // below the top, with slashes; "." is the top itself
	shown string // as the user would write it
}

// folder is its absolute path.
func (p place) folder() string { return filepath.Join(p.tree.top, filepath.FromSlash(p.dir)) }

// within is the folder for functions that read files in it.
func (p place) within() configfunction.Folder {
	return configfunction.Folder{Top: p.tree.top, Dir: filepath.FromSlash(p.dir)}
}

// key identifies the folder in a snapshot, whatever machine it is on.
func (p place) key() string { return p.tree.name + "//" + p.dir }

// below is the folder that a relative source such as ./modules/serve or
// ../shared means, and whether it is inside the tree.
func (p place) below(source string) (place, bool) {
	dir := path.Join(p.dir, source)
	if !filepath.IsLocal(filepath.FromSlash(dir)) {
		return place{}, false
	}
	return place{tree: p.tree, dir: dir, shown: filepath.Join(p.shown, filepath.FromSlash(source))}, true
}

// enclosing is the tree of a pipeline: the git work tree that its folder is in,
// so that pipelines of one repository can share modules, or the folder itself.
func enclosing(folder string) (*tree, string) {
	for top := folder; ; {
		if _, err := os.Lstat(filepath.Join(top, ".git")); err == nil {
			if dir, err := filepath.Rel(top, folder); err == nil {
				return &tree{top: top}, filepath.ToSlash(dir)
			}
		}
		above := filepath.Dir(top)
		if above == top {
			return &tree{top: folder}, "."
		}
		top = above
	}
}

// names lists the pipeline files of a folder, sorted.
func (p place) names() ([]string, error) {
	root, err := os.OpenRoot(p.tree.top)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	dir, err := root.OpenFile(filepath.FromSlash(p.dir), os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = dir.Close() }() // read only: nothing can be lost
	var names []string
	for seen := 0; seen <= maxEntries; {
		entries, err := dir.ReadDir(1000)
		for _, entry := range entries {
			if !entry.IsDir() && path.Ext(entry.Name()) == ".hcl" && !strings.HasPrefix(entry.Name(), ".") {
				names = append(names, entry.Name())
			}
		}
		switch seen += len(entries); {
		case errors.Is(err, io.EOF):
			slices.Sort(names)
			return names, nil
		case err != nil:
			return nil, cause(err)
		}
	}
	return nil, fmt.Errorf("the folder has more than %d entries", maxEntries)
}

// maxEntries bounds what is looked at in a folder.
const maxEntries = 100_000

// cause is an error without the operation and path that it repeats.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
