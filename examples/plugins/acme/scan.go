package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/sdk"
)

// A licence stands at the head of a file; maxFiles keeps the report small.
const (
	headBytes = 2 << 10
	maxFiles  = 10_000
)

// source is a file and the licence that it names, if any.
type source struct{ name, license string }

func (s source) complaint() string {
	if s.license == "" {
		return "it has no SPDX-License-Identifier line at its head"
	}
	return "its licence is " + s.license
}

// scan reads the heads of the source files. The tree is not trusted: os.Root
// keeps every link inside of it.
func scan(ctx context.Context, req sdk.Request) ([]source, error) {
	root, err := os.OpenRoot(req.Attempt.WorkDir)
	if err != nil {
		return nil, fmt.Errorf("open work folder: %w", err)
	}
	defer root.Close()
	extensions := req.Config.Strings("extensions")
	if len(extensions) == 0 {
		extensions = []string{".go", ".py"}
	}
	var found []source
	err = fs.WalkDir(root.FS(), path.Clean(req.Config.String("dir")), func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && name != ".":
			return fs.SkipDir
		case !entry.Type().IsRegular() || !slices.Contains(extensions, path.Ext(name)):
			return nil
		case len(found) == maxFiles:
			return fmt.Errorf("there are more than %d source files; narrow dir", maxFiles)
		}
		license, err := licenseOf(root, name)
		found = append(found, source{name, license})
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &sdk.Failure{Summary: "The folder to look at is not there", Class: "dir_missing", Broken: true, Cause: err}
	}
	return found, err
}

func licenseOf(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	head, err := io.ReadAll(io.LimitReader(f, headBytes))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	match := regexp.MustCompile(`SPDX-License-Identifier:\s*([A-Za-z0-9.+-]+)`).FindSubmatch(head)
	if match == nil {
		return "", nil
	}
	return string(match[1]), nil
}
