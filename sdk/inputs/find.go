package inputs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// MaxName is how long a name may be.
const MaxName = 4096

// Bounds of the files that one stage depends on.
const (
	maxFiles   = 20_000
	maxVisited = 1_000_000
)

// gitFolder is never looked into by a pattern: it changes with every commit.
const gitFolder = ".git"

// Find finds the files in root. An entry that means none is an error: it is more
// likely misspelt than meant, and what it should have covered would change
// unnoticed. What also says which other names an entry means, and may be nil.
func Find(ctx context.Context, root *os.Root, entries []string, also func(entry string) []string) (map[string]bool, error) {
	wanted, without, err := split(entries)
	if err != nil {
		return nil, err
	}
	w := walk{ctx: ctx, root: root, names: make(map[string]bool), without: without}
	for _, entry := range wanted {
		var meant []string
		if also != nil {
			meant = also(entry)
		}
		for _, name := range meant {
			if err := w.take(name); err != nil {
				return nil, fmt.Errorf("input %q: %w", entry, err)
			}
		}
		err := w.find(entry)
		if none := errors.Is(err, errNoFile) || errors.Is(err, errNoMatch); none && len(meant) > 0 {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", entry, err)
		}
	}
	return w.names, nil
}

// split takes the entries with "!" from the others.
func split(entries []string) (wanted, without []string, err error) {
	for _, entry := range entries {
		bare, taken := strings.CutPrefix(entry, "!")
		clean := path.Clean(bare)
		if bare == "" || len(bare) > MaxName || !filepath.IsLocal(bare) {
			return nil, nil, fmt.Errorf("input %.80q: it is not a name within the pipeline's folder", entry)
		}
		if _, err := path.Match(clean, ""); err != nil {
			return nil, nil, fmt.Errorf("input %.80q: it is not a pattern", entry)
		}
		if taken {
			without = append(without, clean)
		} else {
			wanted = append(wanted, clean)
		}
	}
	return wanted, without, nil
}

// walk collects names.
type walk struct {
	ctx     context.Context
	root    *os.Root
	names   map[string]bool
	without []string
	visited int
}

// ErrNoRegular says that an input is a folder, a pipe or a device.
var ErrNoRegular = errors.New("it is no regular file")

var (
	errNoFile  = errors.New("there is no such file")
	errNoMatch = errors.New("it matches no file")
	errTooMany = fmt.Errorf("the stage depends on more than %d files", maxFiles)
	errEndless = fmt.Errorf("there are more than %d files to look at", maxVisited)
	errLinkOut = errors.New("it leads out of the pipeline's folder")
)

func (w *walk) find(entry string) error {
	if !isPattern(entry) {
		info, err := w.root.Stat(entry)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return errNoFile
		case err != nil:
			return Plain(err)
		case !info.IsDir():
			return w.take(entry)
		}
		return w.below(entry, func(string) bool { return true })
	}
	segments := strings.Split(entry, "/")
	return w.below(fixed(segments), func(name string) bool { return match(segments, strings.Split(name, "/")) })
}

// fixed is the folder in front of a pattern's first special character.
func fixed(segments []string) string {
	n := 0
	for n < len(segments)-1 && !isPattern(segments[n]) {
		n++
	}
	return path.Join(append([]string{"."}, segments[:n]...)...)
}

// below takes the files below a folder. Links to folders are not followed: a
// match of one is refused when it is hashed.
func (w *walk) below(folder string, wanted func(string) bool) error {
	any := false
	err := fs.WalkDir(w.root.FS(), folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if w.visited++; w.visited > maxVisited {
			return errEndless
		}
		if w.visited%1024 == 0 && w.ctx.Err() != nil {
			return context.Cause(w.ctx)
		}
		if entry.IsDir() {
			if name != folder && entry.Name() == gitFolder {
				return fs.SkipDir
			}
			return nil
		}
		if !wanted(name) {
			return nil
		}
		any = true
		return w.take(name)
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errNoMatch
	case err != nil:
		return Plain(err)
	case !any:
		return errNoMatch
	}
	return nil
}

func (w *walk) take(name string) error {
	for _, without := range w.without {
		if Covers(without, name) {
			return nil
		}
	}
	if w.names[name] = true; len(w.names) > maxFiles {
		return errTooMany
	}
	return nil
}

// Covers reports whether an entry means a file, by name, folder or pattern.
func Covers(entry, name string) bool {
	if entry == "." || entry == name || strings.HasPrefix(name, entry+"/") {
		return true
	}
	return isPattern(entry) && match(strings.Split(entry, "/"), strings.Split(name, "/"))
}

// Plain is an error of the file system without what names the operation.
func Plain(err error) error {
	for {
		var at *fs.PathError
		if !errors.As(err, &at) {
			break
		}
		err = at.Err
	}
	if err.Error() == "path escapes from parent" { // os.Root has no name for it
		return errLinkOut
	}
	return err
}
