package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/stagegate/stagegate/plugins/build/workspace"
)

const (
	ignoreFile    = ".dockerignore"
	maxIgnoreFile = 1 << 20
)

// ignored reads what .dockerignore leaves out of the context.
func ignored(tree *workspace.Tree) (*patternmatcher.PatternMatcher, error) {
	f, _, err := tree.File(ignoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		return patternmatcher.New(nil)
	}
	if err != nil {
		return nil, err
	}
	patterns, err := ignorefile.ReadAll(io.LimitReader(f, maxIgnoreFile))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", ignoreFile, err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ignoreFile, err)
	}
	return matcher, nil
}

// archive writes the context as a tar archive: what is not ignored, and in any
// case the Dockerfile, which the engine needs. Symbolic links stay links: the
// engine follows them within the context alone.
func archive(ctx context.Context, w io.Writer, tree *workspace.Tree, dockerfile string) error {
	matcher, err := ignored(tree)
	if err != nil {
		return err
	}
	a := archiver{tree: tree, out: tar.NewWriter(w), matcher: matcher, dockerfile: dockerfile,
		parents: make(map[string]patternmatcher.MatchInfo)}
	err = fs.WalkDir(tree.Root().FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || name == "." {
			return err
		}
		return a.visit(name, entry)
	})
	if err != nil {
		return fmt.Errorf("pack the build context: %w", err)
	}
	return a.out.Close()
}

type archiver struct {
	tree       *workspace.Tree
	out        *tar.Writer
	matcher    *patternmatcher.PatternMatcher
	dockerfile string
	parents    map[string]patternmatcher.MatchInfo // of the folders, by name
}

func (a *archiver) visit(name string, entry fs.DirEntry) error {
	parent, _ := cutLast(name)
	skip, match, err := a.matcher.MatchesUsingParentResults(name, a.parents[parent])
	if err != nil {
		return err
	}
	if entry.IsDir() {
		a.parents[name] = match
		if skip {
			// Something in it may be wanted all the same.
			if a.matcher.Exclusions() || strings.HasPrefix(a.dockerfile, name+"/") {
				return nil
			}
			return fs.SkipDir
		}
	}
	if skip && name != a.dockerfile && name != ignoreFile {
		return nil
	}
	return a.add(name, entry)
}

func (a *archiver) add(name string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	link := ""
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		if link, err = a.tree.Root().Readlink(name); err != nil {
			return err
		}
	case mode.IsDir():
	case mode.IsRegular():
		return a.file(name)
	default:
		return nil // sockets, pipes and devices mean nothing elsewhere
	}
	return a.header(name, info, link)
}

// file opens before it looks, so that size and content are of the same file.
func (a *archiver) file(name string) error {
	f, info, err := a.tree.File(name)
	if err != nil {
		return err
	}
	err = a.header(name, info, "")
	if err == nil {
		_, err = io.CopyN(a.out, f, info.Size())
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%s became shorter while it was read", name)
	}
	return errors.Join(err, f.Close())
}

func (a *archiver) header(name string, info fs.FileInfo, link string) error {
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name = name
	if info.IsDir() {
		h.Name += "/"
	}
	// As the docker command does: who owns it here means nothing in the image.
	h.Uid, h.Gid, h.Uname, h.Gname = 0, 0, "", ""
	h.ModTime, h.AccessTime, h.ChangeTime = info.ModTime().Truncate(time.Second), time.Time{}, time.Time{}
	return a.out.WriteHeader(h)
}

// cutLast splits a name before its last segment.
func cutLast(name string) (parent, base string) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}
