package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
)

// Modules finds the folders of modules that are not in the pipeline's tree.
type Modules interface {
	// Folder is the absolute path of the files of a source such as
	// git::https://…, which must be there already. Its errors are for people,
	// and say what to do.
	Folder(source string) (string, error)
}

// folder is the files of one folder, parsed once however often it is used.
type folder struct {
	at    place
	files []*file
	diags diag.List // what is wrong with the files themselves
	told  bool      // diags have been reported
	info  fs.FileInfo
}

// same reports whether two folders are one, under whatever names.
func (f *folder) same(other *folder) bool {
	return f == other || f != nil && other != nil && f.info != nil && other.info != nil && os.SameFile(f.info, other.info)
}

// reader reads folders of pipeline files, from the tree or from a snapshot, and
// adds up their sizes.
type reader struct {
	modules Modules
	from    *snapshot // nil means the tree
	record  *snapshot
	sizes   sizes
	known   map[string]*folder
	failed  map[string]error // folders that cannot be read
	order   []*folder        // as they were first read; the pipeline's own is first
}

// open reads and parses a folder. Names are its files; nil means all of them.
func (r *reader) open(at place, within *os.Root, dir string, names []string) *folder {
	if f := r.known[at.key()]; f != nil {
		return f
	}
	f := &folder{at: at}
	r.known[at.key()] = f
	r.order = append(r.order, f)
	if r.from != nil {
		f.files, f.diags = r.from.files(at)
	} else {
		f.files, f.diags = read(within, dir, at, names, guard.MaxTotalBytes-r.sizes.bytes)
	}
	r.record.keep(at, f.files)
	if !f.diags.HasErrors() {
		f.diags = append(f.diags, parseAll(f.files, &r.sizes)...)
	}
	return f
}

// module reads the folder of a module.
func (r *reader) module(at place) (*folder, error) {
	if f := r.known[at.key()]; f != nil || r.from != nil {
		return r.open(at, nil, "", nil), nil
	}
	if err, failed := r.failed[at.key()]; failed {
		return nil, err
	}
	f, err := r.fresh(at)
	if err != nil {
		r.failed[at.key()] = err
	}
	return f, err
}

// fresh reads the folder of a module that has not been read yet.
func (r *reader) fresh(at place) (*folder, error) {
	within, err := os.OpenRoot(at.tree.top)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = within.Close() }() // read only: nothing can be lost
	names, err := at.names()
	switch {
	case err != nil:
		return nil, err
	case len(names) == 0:
		return nil, errors.New("the folder has no .hcl file")
	case len(names) > maxFiles:
		return nil, fmt.Errorf("the folder has %d .hcl files; at most %d are read", len(names), maxFiles)
	}
	info, err := within.Stat(filepath.FromSlash(at.dir))
	if err != nil {
		return nil, cause(err)
	}
	f := r.open(at, within, at.dir, names)
	f.info = info
	return f, nil
}

// locate finds the pipeline.
func (r *reader) locate(o Options) (at place, names []string, err error) {
	if o.Snapshot == nil {
		return locate(o.Path)
	}
	abs, err := filepath.Abs(o.Path)
	if err != nil {
		return place{}, nil, err
	}
	at.shown = filepath.Clean(o.Path)
	at.tree, at.dir, err = r.replay(o.Snapshot, abs)
	return at, nil, err
}

// replay makes the reader read from a snapshot, for a pipeline in a folder.
func (r *reader) replay(data []byte, folder string) (*tree, string, error) {
	from, err := readSnapshot(data)
	if err != nil {
		return nil, "", err
	}
	r.from = from
	top := folder
	if from.Dir != "." {
		for range strings.Split(from.Dir, "/") {
			top = filepath.Dir(top)
		}
	}
	if at := (place{tree: &tree{top: top}, dir: from.Dir}); at.folder() != folder {
		return nil, "", errors.New("the snapshot of the pipeline names its folder in a way that no runner does")
	}
	return &tree{top: top}, from.Dir, nil
}
