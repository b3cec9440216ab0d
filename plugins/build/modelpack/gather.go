package modelpack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
)

// file is one file to be, before it is read.
type file struct {
	name string // in the package, slash-separated
	from string // for messages
	open func(ctx context.Context) (*content.Content, error)
}

// gather finds the files of a package, sorted by their names in it.
func gather(ctx context.Context, tree *workspace.Tree, req sdk.Request) ([]file, error) {
	locals, err := tree.Files(ctx, req.Config.Strings("files"))
	if err != nil {
		return nil, refuse("file_missing", "the files cannot be found", "", err)
	}
	base, err := baseOf(tree, req.Config.String("base"), locals)
	if err != nil {
		return nil, refuse("file_misplaced", "a file is outside of base", "", err)
	}
	files := make([]file, 0, len(locals))
	for _, local := range locals {
		files = append(files, file{
			name: strings.TrimPrefix(local, base), from: local,
			open: func(context.Context) (*content.Content, error) { return content.OpenFile(tree, local) },
		})
	}
	artifacts := req.Config.Artifacts("artifacts")
	for _, name := range slices.Sorted(maps.Keys(artifacts)) {
		a := artifacts[name]
		if err := content.CheckArtifact(a); err != nil {
			return nil, refuse("artifact_unusable", "an artifact cannot be packed", "Files made by build.command can.", err)
		}
		files = append(files, file{
			name: name, from: "artifact " + a.Name,
			open: func(ctx context.Context) (*content.Content, error) { return content.OpenArtifact(ctx, req.Host, a) },
		})
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return files, distinct(files)
}

// baseOf is the prefix that names in the package do without: the argument, or
// else the deepest folder that holds all files.
func baseOf(tree *workspace.Tree, argument string, locals []string) (string, error) {
	if argument != "" {
		clean, err := tree.Clean(argument)
		if err != nil {
			return "", err
		}
		prefix := clean + "/"
		if clean == "." {
			prefix = ""
		}
		for _, local := range locals {
			if !strings.HasPrefix(local, prefix) {
				return "", fmt.Errorf("%q is not below base = %q", local, argument)
			}
		}
		return prefix, nil
	}
	if len(locals) == 0 {
		return "", nil
	}
	base := path.Dir(locals[0])
	for _, local := range locals {
		for base != "." && !strings.HasPrefix(local, base+"/") {
			base = path.Dir(base)
		}
	}
	if base == "." {
		return "", nil
	}
	return base + "/", nil
}

// distinct refuses names that are the same on some file system.
func distinct(files []file) error {
	if len(files) == 0 {
		return refuse("no_files", "there is nothing to pack", "Name files or artifacts.", nil)
	}
	seen := make(map[string]file, len(files))
	for _, f := range files {
		folded := strings.ToLower(f.name)
		if other, ok := seen[folded]; ok {
			return refuse("file_twice", "two files have the same name in the package",
				"Names that differ in upper and lower case alone count as the same.",
				fmt.Errorf("%s and %s would both be %q", other.from, f.from, f.name))
		}
		seen[folded] = f
	}
	return nil
}

// refuse says no to the user's files.
func refuse(class, summary, detail string, cause error) error {
	return &sdk.Failure{Summary: summary, Detail: detail, Class: class, Cause: cause}
}

// explain passes on what is explained already.
func explain(err error, class, summary string) error {
	var failure *sdk.Failure
	if errors.As(err, &failure) {
		return err
	}
	return refuse(class, summary, "", err)
}
