package function

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// MaxFile bounds a file that becomes a value, in bytes.
const MaxFile = 1 << 20

// maxHashed bounds a file that is hashed, in bytes.
const maxHashed = 1 << 30

// maxMatches bounds the files that fileset finds, and maxVisited those that it
// looks at.
const (
	maxMatches = 10_000
	maxVisited = 100_000
)

// Files is what file functions read. Paths are as the expression gives them.
// Errors are for people; they name the path and say what to do.
type Files interface {
	// Read is the content of a file, which is UTF-8 text of at most MaxFile
	// bytes.
	Read(path string) (string, error)
	// SHA256 is the hash of a file of at most 1 GiB, in hexadecimal. It asks pay
	// before it reads so many bytes.
	SHA256(path string, pay func(bytes int64) error) (string, error)
	// Exists reports whether there is a regular file.
	Exists(path string) (bool, error)
	// Find lists the files below a folder whose paths, relative to it and with
	// slashes, match a pattern. It asks visit for each that it looks at.
	Find(path, pattern string, visit func() error) ([]string, error)
}

// Folder is a folder in a tree: no path in it leads out of the tree, and none
// that is opened below it out of the folder.
type Folder struct {
	Top string // absolute path of the tree
	Dir string // below it; "." is the tree itself
}

func (f Folder) path() string { return filepath.Join(f.Top, f.Dir) }

// open opens the folder, without a way out of its tree.
func (f Folder) open() (*os.Root, error) {
	top, err := os.OpenRoot(f.Top)
	if err != nil || f.Dir == "." {
		return top, err
	}
	defer func() { _ = top.Close() }() // read only: nothing can be lost
	return top.OpenRoot(f.Dir)
}

// Below are the files in a folder and in others beside it. Relative paths start
// in the first.
func Below(root Folder, others ...Folder) Files { return folders(append([]Folder{root}, others...)) }

// folders are the trees that file functions see. One is opened for each call: a
// link out of it is refused by the kernel's path walk, not by comparing names.
type folders []Folder

func path() map[string]function.Function {
	return map[string]function.Function{
		"basename": ofText("path", func(s string) (string, error) { return filepath.Base(s), nil }),
		"dirname":  ofText("path", func(s string) (string, error) { return filepath.Dir(s), nil }),
	}
}

func read(files Files, p pay) function.Function {
	return ofText("path", func(path string) (string, error) {
		if err := p(perFile); err != nil {
			return "", err
		}
		return files.Read(path)
	})
}

func fileHash(files Files, p pay) function.Function {
	return ofText("path", func(path string) (string, error) {
		if err := p(perFile); err != nil {
			return "", err
		}
		return files.SHA256(path, func(bytes int64) error { return p(bytes / hashed) })
	})
}

// root is the folder that a path is in, opened, and the path relative to it.
func (f folders) root(path string) (root *os.Root, rel string, err error) {
	in, rel, err := f.inside(path)
	if err != nil {
		return nil, "", err
	}
	root, err = in.open()
	return root, rel, err
}

func (f folders) inside(path string) (in Folder, rel string, err error) {
	if !filepath.IsAbs(path) && filepath.IsLocal(path) {
		return f[0], path, nil
	}
	for _, in := range f {
		if rel, err := filepath.Rel(in.path(), path); filepath.IsAbs(path) && err == nil && filepath.IsLocal(rel) {
			return in, rel, nil
		}
	}
	return Folder{}, "", fmt.Errorf("the path is outside the pipeline's folder %s", f[0].path())
}

// open opens a regular file for reading. What it is is asked of what was
// opened, so that nobody can exchange it in between; opening a pipe does not
// wait for who writes into it.
func (f folders) open(path string) (*os.File, fs.FileInfo, error) {
	root, rel, err := f.root(path)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	opened, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, explain(err, path, f[0].path())
	}
	info, err := opened.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		_ = opened.Close() // read only: nothing can be lost
		return nil, nil, explain(err, path, f[0].path())
	}
	return opened, info, nil
}

// explain says in the user's words why a file cannot be had.
func explain(err error, path, root string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s in %s. The file must exist when the pipeline is loaded; use a stage's output for what a stage makes", path, root)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this user", path)
	case errors.As(err, new(*fs.PathError)):
		return fmt.Errorf("%s cannot be read: %w", path, err)
	default:
		return err
	}
}

// Read reads a text.
func (f folders) Read(path string) (string, error) {
	opened, _, err := f.open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = opened.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(opened, MaxFile+1))
	if err != nil {
		return "", explain(err, path, f[0].path())
	}
	if len(data) > MaxFile {
		return "", fmt.Errorf("%s has more than %d bytes; give its path to the stage instead", path, MaxFile)
	}
	if !utf8.Valid(data) {
		return "", fmt.Errorf("%s is not UTF-8 text; give its path to the stage instead", path)
	}
	return string(data), nil
}

// SHA256 hashes a file.
func (f folders) SHA256(path string, pay func(bytes int64) error) (string, error) {
	opened, info, err := f.open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = opened.Close() }() // read only: nothing can be lost
	if info.Size() > maxHashed {
		return "", fmt.Errorf("%s has more than %d bytes; give its path to the stage instead", path, maxHashed)
	}
	if err := pay(info.Size()); err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.LimitReader(opened, maxHashed)); err != nil {
		return "", explain(err, path, f[0].path())
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Exists looks for a regular file.
func (f folders) Exists(path string) (bool, error) {
	root, rel, err := f.root(path)
	if err != nil {
		return false, err
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	info, err := root.Stat(rel)
	return err == nil && info.Mode().IsRegular(), nil
}

func exists(files Files, p pay) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if err := p(perFile); err != nil {
				return cty.NilVal, err
			}
			there, err := files.Exists(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return cty.BoolVal(there), nil
		},
	})
}

// fileset is the files below a folder whose path matches a pattern; ** matches
// any number of folders.
func fileset(files Files, p pay) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}, {Name: "pattern", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Set(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			pattern := args[1].AsString()
			if _, err := filepath.Match(pattern, ""); err != nil || len(pattern) > maxCutset {
				return cty.NilVal, function.NewArgErrorf(1, "is not a pattern")
			}
			if err := p(perFile); err != nil {
				return cty.NilVal, err
			}
			found, err := files.Find(args[0].AsString(), pattern, func() error { return p(perEntry) })
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			if len(found) == 0 {
				return cty.SetValEmpty(cty.String), nil
			}
			values := make([]cty.Value, len(found))
			for i, name := range found {
				values[i] = cty.StringVal(name)
			}
			return asSet(cty.ListVal(values), p)
		},
	})
}

// Find walks the folder.
func (f folders) Find(path, pattern string, visit func() error) ([]string, error) {
	root, rel, err := f.root(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	var found []string
	visited := 0
	err = fs.WalkDir(root.FS(), filepath.ToSlash(rel), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return explain(err, name, root.Name())
		}
		if err := visit(); err != nil {
			return err
		}
		if visited++; visited > maxVisited || len(found) > maxMatches {
			return fmt.Errorf("more than %d files are there, or more than %d match", maxVisited, maxMatches)
		}
		below, err := filepath.Rel(rel, name)
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if matches(strings.Split(pattern, "/"), strings.Split(filepath.ToSlash(below), "/")) {
			if !utf8.ValidString(below) {
				return fmt.Errorf("%q has a name that is not UTF-8 text", below)
			}
			found = append(found, filepath.ToSlash(below))
		}
		return nil
	})
	return found, err
}

// matches compares segment by segment. Only the last ** is ever tried again,
// so that the work is at most the product of both lengths.
func matches(pattern, path []string) bool {
	p, n, star, resume := 0, 0, -1, 0
	for n < len(path) {
		if p < len(pattern) {
			if pattern[p] == "**" {
				star, resume = p, n
				p++
				continue
			}
			if ok, err := filepath.Match(pattern[p], path[n]); err == nil && ok {
				p, n = p+1, n+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		resume++
		p, n = star+1, resume
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}
