package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
)

// maxEntries bounds an image; more are a mistake in a path.
const maxEntries = 100_000

// entry is one file of the image.
type entry struct {
	target string // absolute
	from   string // for messages
	mode   int64
	size   int64
	open   func(ctx context.Context) (*content.Content, error)
}

// gather finds the files of the image, sorted by target.
func gather(ctx context.Context, tree *workspace.Tree, req sdk.Request) ([]entry, error) {
	blocks := req.Config.LabelledBlocks("file")
	var entries []entry
	for _, target := range slices.Sorted(maps.Keys(blocks)) {
		found, err := expand(ctx, tree, req.Host, target, blocks[target])
		if err != nil {
			return nil, err
		}
		if entries = append(entries, found...); len(entries) > maxEntries {
			return nil, refuse("too_many_files", "the image has too many files", "", fmt.Errorf("more than %d", maxEntries))
		}
	}
	for i := range entries {
		if err := entries[i].measure(ctx); err != nil {
			return nil, refuse("file_missing", "a file cannot be packed", "", err)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.target, b.target) })
	return entries, distinct(entries)
}

// expand is a block as entries: one for a file, many for a folder.
func expand(ctx context.Context, tree *workspace.Tree, host *sdk.Host, target string, block sdk.Config) ([]entry, error) {
	mode := int64(-1)
	if s := block.String("mode"); s != "" {
		var err error
		if mode, err = parseMode(s); err != nil {
			return nil, refuse("bad_configuration", "the mode of "+target+" cannot be used", "", err)
		}
	}
	if a, ok := block.Artifact("artifact"); ok {
		if err := content.CheckArtifact(a); err != nil {
			return nil, refuse("artifact_unusable", "an artifact cannot be packed", "Files made by build.command can.", err)
		}
		open := func(ctx context.Context) (*content.Content, error) { return content.OpenArtifact(ctx, host, a) }
		return []entry{{target: target, from: "artifact " + a.Name, mode: mode, open: open}}, nil
	}
	source, err := tree.Clean(block.String("source"))
	if err != nil {
		return nil, refuse("file_missing", "a file cannot be packed", "", err)
	}
	if info, err := tree.Root().Stat(source); err == nil && info.IsDir() {
		return folderEntries(ctx, tree, source, target, mode)
	}
	// When there was an error, opening the file says better what is wrong.
	return []entry{fileEntry(tree, source, target, mode)}, nil
}

func fileEntry(tree *workspace.Tree, source, target string, mode int64) entry {
	return entry{target: target, from: source, mode: mode, open: func(context.Context) (*content.Content, error) {
		return content.OpenFile(tree, source)
	}}
}

func folderEntries(ctx context.Context, tree *workspace.Tree, source, target string, mode int64) ([]entry, error) {
	var entries []entry
	err := fs.WalkDir(tree.Root().FS(), source, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if d.IsDir() {
			return nil
		}
		if len(entries) == maxEntries {
			return fmt.Errorf("it has more than %d files", maxEntries)
		}
		below := strings.TrimPrefix(strings.TrimPrefix(name, source), "/")
		if source == "." {
			below = name
		}
		entries = append(entries, fileEntry(tree, name, path.Join(target, below), mode))
		return nil
	})
	if err != nil {
		return nil, refuse("file_missing", fmt.Sprintf("the folder %q cannot be packed", source), "", err)
	}
	return entries, nil
}

// measure opens the file once, to learn what the archive says of it.
func (e *entry) measure(ctx context.Context) error {
	c, err := e.open(ctx)
	if err != nil {
		return err
	}
	e.size = c.Size
	if e.mode < 0 {
		e.mode = 0o644
		if c.Executable {
			e.mode = 0o755
		}
	}
	return c.Close()
}

// distinct refuses two entries for one path, and a file that would also have to
// be a folder. Entries are sorted.
func distinct(entries []entry) error {
	files := make(map[string]string, len(entries))
	for _, e := range entries {
		if other, ok := files[e.target]; ok {
			return refuse("file_twice", "two files have the same path in the image", "", fmt.Errorf("%s and %s would both be %s", other, e.from, e.target))
		}
		files[e.target] = e.from
	}
	for _, e := range entries {
		for dir := path.Dir(e.target); dir != "/"; dir = path.Dir(dir) {
			if _, ok := files[dir]; ok {
				return refuse("file_twice", "a path in the image is a file and a folder", "", fmt.Errorf("%s is a file, and %s lies below it", dir, e.target))
			}
		}
	}
	return nil
}

// refuse says no to the user's files.
func refuse(class, summary, detail string, cause error) error {
	var failure *sdk.Failure
	if errors.As(cause, &failure) {
		return cause
	}
	return &sdk.Failure{Summary: summary, Detail: detail, Class: class, Cause: cause}
}
