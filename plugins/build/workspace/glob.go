package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Bounds of a pattern: what matches, and what is looked at to find it.
const (
	maxMatches = 10_000
	maxVisited = 1_000_000
)

// ErrNoMatch says that a pattern matches no file.
var ErrNoMatch = errors.New("it matches no file")

// IsPattern reports whether a name is a pattern rather than a file.
func IsPattern(name string) bool { return strings.ContainsAny(name, `*?[`) }

// CheckPattern says what is wrong with the syntax of a pattern.
func CheckPattern(pattern string) error {
	for _, part := range strings.Split(pattern, "/") {
		if _, err := path.Match(part, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", pattern, err)
		}
	}
	return nil
}

// Files resolves names and patterns to regular files: sorted, each once,
// whatever the order of the folder. "*", "?" and "[…]" match within one
// segment, a segment "**" matches any number of them. Symbolic links are
// followed to files and not to folders.
func (t *Tree) Files(ctx context.Context, names []string) ([]string, error) {
	var found []string
	for _, name := range names {
		local, err := t.Clean(name)
		if err != nil {
			return nil, err
		}
		if !IsPattern(local) {
			found = append(found, local)
			continue
		}
		if err := CheckPattern(local); err != nil {
			return nil, err
		}
		matches, err := t.glob(ctx, local)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", name, err)
		}
		if len(matches) == 0 {
			return nil, fmt.Errorf("pattern %q: %w", name, ErrNoMatch)
		}
		found = append(found, matches...)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

func (t *Tree) glob(ctx context.Context, pattern string) ([]string, error) {
	segments := strings.Split(pattern, "/")
	fixed := 0
	for fixed < len(segments)-1 && !IsPattern(segments[fixed]) {
		fixed++
	}
	start := path.Join(append([]string{"."}, segments[:fixed]...)...)
	var matches []string
	visited := 0
	err := fs.WalkDir(t.root.FS(), start, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if visited++; visited > maxVisited {
			return fmt.Errorf("there are more than %d files below %q", maxVisited, start)
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if entry.IsDir() || !match(segments, strings.Split(name, "/")) {
			return nil
		}
		if len(matches) == maxMatches {
			return fmt.Errorf("it matches more than %d files", maxMatches)
		}
		matches = append(matches, name)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return matches, err
}

// match compares segment by segment. When it fails it goes back to the last
// "**" alone, which is enough for this grammar and keeps hostile patterns
// quadratic.
func match(pattern, name []string) bool {
	p, n := 0, 0
	star, mark := -1, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == "**" {
			star, mark = p, n
			p++
			continue
		}
		if p < len(pattern) {
			if ok, err := path.Match(pattern[p], name[n]); ok && err == nil {
				p, n = p+1, n+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		mark++
		p, n = star+1, mark
	}
	for p < len(pattern) && pattern[p] == "**" {
		p++
	}
	return p == len(pattern)
}
