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
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// MaxFile bounds a file that becomes a value, in bytes.
const MaxFile = 1 << 20

// maxMatches bounds the files that fileset finds, and maxVisited those that it
// looks at.
const (
	maxMatches = 10_000
	maxVisited = 100_000
)

// folder is the tree that file functions see. It is opened for each call: a
// link out of it is refused by the kernel's path walk, not by comparing names.
type folder struct{ root string }

func file(root string) map[string]function.Function {
	f := folder{root}
	return map[string]function.Function{
		"basename":   ofText("path", func(s string) (string, error) { return filepath.Base(s), nil }),
		"dirname":    ofText("path", func(s string) (string, error) { return filepath.Dir(s), nil }),
		"file":       ofText("path", f.read),
		"fileexists": f.exists(),
		"fileset":    f.set(),
		"filesha256": ofText("path", f.sha256),
	}
}

// inside is a path relative to the root.
func (f folder) inside(path string) (string, error) {
	if filepath.IsAbs(path) {
		rel, err := filepath.Rel(f.root, path)
		if err != nil {
			return "", fmt.Errorf("the path is outside the pipeline's folder %s", f.root)
		}
		path = rel
	}
	if !filepath.IsLocal(path) {
		return "", fmt.Errorf("the path is outside the pipeline's folder %s", f.root)
	}
	return path, nil
}

// open opens a regular file for reading.
func (f folder) open(path string) (*os.File, error) {
	rel, err := f.inside(path)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	info, err := root.Stat(rel)
	if err != nil {
		return nil, explain(err, path, f.root)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	opened, err := root.Open(rel)
	if err != nil {
		return nil, explain(err, path, f.root)
	}
	return opened, nil
}

// explain says in the user's words why a file cannot be had.
func explain(err error, path, root string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s in %s. The file must exist when the pipeline is loaded; use a stage's output for what a stage makes", path, root)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this user", path)
	default:
		return fmt.Errorf("%s cannot be read: %w", path, err)
	}
}

func (f folder) read(path string) (string, error) {
	opened, err := f.open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = opened.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(opened, MaxFile+1))
	if err != nil {
		return "", explain(err, path, f.root)
	}
	if len(data) > MaxFile {
		return "", fmt.Errorf("%s has more than %d bytes; give its path to the stage instead", path, MaxFile)
	}
	if !utf8.Valid(data) {
		return "", fmt.Errorf("%s is not UTF-8 text; give its path to the stage instead", path)
	}
	return string(data), nil
}

func (f folder) sha256(path string) (string, error) {
	opened, err := f.open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = opened.Close() }() // read only: nothing can be lost
	sum := sha256.New()
	if _, err := io.Copy(sum, opened); err != nil {
		return "", explain(err, path, f.root)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (f folder) exists() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			rel, err := f.inside(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			root, err := os.OpenRoot(f.root)
			if err != nil {
				return cty.NilVal, err
			}
			defer func() { _ = root.Close() }() // read only: nothing can be lost
			info, err := root.Stat(rel)
			return cty.BoolVal(err == nil && info.Mode().IsRegular()), nil
		},
	})
}

// set is the files below a folder whose path matches a pattern; ** matches any
// number of folders.
func (f folder) set() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}, {Name: "pattern", Type: cty.String}},
		Type:   function.StaticReturnType(cty.Set(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			found, err := f.find(args[0].AsString(), args[1].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			if len(found) == 0 {
				return cty.SetValEmpty(cty.String), nil
			}
			return cty.SetVal(found), nil
		},
	})
}

func (f folder) find(path, pattern string) ([]cty.Value, error) {
	if _, err := filepath.Match(pattern, ""); err != nil || len(pattern) > maxCutset {
		return nil, function.NewArgErrorf(1, "is not a pattern")
	}
	rel, err := f.inside(path)
	if err != nil {
		return nil, function.NewArgError(0, err)
	}
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	var found []cty.Value
	visited := 0
	err = fs.WalkDir(root.FS(), filepath.ToSlash(rel), func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return explain(err, name, f.root)
		}
		if visited++; visited > maxVisited || len(found) > maxMatches {
			return fmt.Errorf("more than %d files are there, or more than %d match", maxVisited, maxMatches)
		}
		below, err := filepath.Rel(rel, name)
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		if matches(strings.Split(pattern, "/"), strings.Split(filepath.ToSlash(below), "/")) {
			found = append(found, cty.StringVal(filepath.ToSlash(below)))
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
