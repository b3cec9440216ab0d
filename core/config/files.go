package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
	"golang.org/x/sync/errgroup"
)

const (
	// maxFiles bounds the files of one pipeline.
	maxFiles = 500
	// maxWritten bounds the tokens of its modules, each counted as often as it is
	// used, as if it were written there.
	maxWritten = guard.MaxAllTokens
)

// minimal is shown to somebody who has no pipeline yet.
const minimal = `A pipeline is a folder with at least one .hcl file, or one such file. The smallest is:

  pipeline "hello" {}

  stage "greet" {
    uses = "test.command"
    with {
      command = ["echo", "hello"]
    }
  }`

// file is one file of a pipeline.
type file struct {
	name  string // within the folder
	shown string // as the user would write it
	data  []byte
	body  *hclsyntax.Body
	// tokens is an upper bound on how many it has.
	tokens int
}

// locate finds the folder that the user means, and the names of its files.
func locate(path string) (at place, names []string, err error) {
	if path == "" {
		path = "."
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return place{}, nil, err
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place{}, nil, fmt.Errorf("%s does not exist. %s", path, minimal)
	case err != nil:
		return place{}, nil, fmt.Errorf("%s cannot be read: %w", path, cause(err))
	case !info.IsDir():
		if filepath.Ext(abs) != ".hcl" {
			return place{}, nil, fmt.Errorf("%s is not an .hcl file. %s", path, minimal)
		}
		at = place{shown: filepath.Dir(path)}
		at.tree, at.dir = enclosing(filepath.Dir(abs))
		return at, []string{filepath.Base(abs)}, checkFolder(at, path)
	}
	at = place{shown: filepath.Clean(path)}
	at.tree, at.dir = enclosing(abs)
	if err := checkFolder(at, path); err != nil {
		return place{}, nil, err
	}
	// The folder is the user's own choice, also when a link leads to it.
	if names, err = (place{tree: &tree{top: abs}, dir: "."}).names(); err != nil {
		return place{}, nil, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	switch {
	case len(names) == 0:
		return place{}, nil, fmt.Errorf("%s has no .hcl file. %s", path, minimal)
	case len(names) > maxFiles:
		return place{}, nil, fmt.Errorf("%s has %d .hcl files; at most %d are read", path, len(names), maxFiles)
	}
	return at, names, nil
}

// checkFolder refuses a folder that a snapshot, which is text, cannot name.
func checkFolder(at place, path string) error {
	if !utf8.ValidString(at.dir) {
		return fmt.Errorf("%s cannot be read: the name of its folder is not UTF-8 text. Rename it", path)
	}
	return nil
}

// read reads files of a folder, until there are more than room bytes. No link
// may lead out of within.
func read(within *os.Root, dir string, at place, names []string, room int) (files []*file, diags diag.List) {
	for _, name := range names {
		if room < 0 {
			break // that they are too large will be said
		}
		f := &file{name: name, shown: filepath.Join(at.shown, name)}
		if !utf8.ValidString(name) {
			diags.Append(nil, "Pipeline file cannot be read", fmt.Sprintf("%s: its name is not UTF-8 text. Rename it.", f.shown))
			continue
		}
		var err error
		if f.data, err = readOne(within, path.Join(dir, name)); err != nil {
			diags.Append(nil, "Pipeline file cannot be read", fmt.Sprintf("%s: %v.", f.shown, err))
			continue
		}
		files = append(files, f)
		room -= len(f.data)
	}
	return files, diags
}

// readOne reads one regular file. A link may not lead out of the folder. What
// it is is asked of what was opened, and opening a pipe does not wait.
func readOne(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, cause(err)
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, guard.MaxFileBytes+1))
	if err != nil {
		return nil, cause(err)
	}
	return data, nil
}

// sizes add up what all files of a pipeline have together.
type sizes struct{ files, bytes, tokens, written int }

// add counts one more file, and says when that is too much.
func (n *sizes) add(f *file) *diag.Diagnostic {
	n.files++
	n.bytes += len(f.data)
	if n.bytes <= guard.MaxTotalBytes && len(f.data) <= guard.MaxFileBytes {
		f.tokens = guard.Tokens(f.data)
		n.tokens += f.tokens
	}
	why := ""
	switch {
	case n.files > maxFiles:
		why = fmt.Sprintf("It has more than %d files, those of its modules included.", maxFiles)
	case n.bytes > guard.MaxTotalBytes:
		why = fmt.Sprintf("Its files have more than %d bytes together. Keep data out of them.", guard.MaxTotalBytes)
	case n.tokens > guard.MaxAllTokens:
		why = fmt.Sprintf("Its files have more than %d names, operators and brackets together.", guard.MaxAllTokens)
	default:
		return nil
	}
	return tooLarge(why)
}

// use counts one more use of a module, and says when that is too much.
func (n *sizes) use(f *folder) *diag.Diagnostic {
	for _, file := range f.files {
		n.written += file.tokens
	}
	if n.written <= maxWritten {
		return nil
	}
	return tooLarge(fmt.Sprintf("With each module counted as often as it is used, its modules have more than %d names, operators and brackets.", maxWritten))
}

func tooLarge(why string) *diag.Diagnostic {
	return &diag.Diagnostic{Severity: diag.Error, Summary: "Pipeline too large", Detail: why, Cause: "size"}
}

// parseAll parses files that the guard lets through, as many at once as there
// are processors: parsing is most of what reading a large pipeline costs.
func parseAll(files []*file, n *sizes) (diags diag.List) {
	for _, f := range files {
		if d := n.add(f); d != nil {
			return diag.List{*d}
		}
	}
	found := make([]diag.List, len(files))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range files {
		group.Go(func() error {
			f.body, found[i] = guard.Parse(f.shown, f.data)
			return nil
		})
	}
	_ = group.Wait() // what is wrong is in found
	return slices.Concat(found...)
}

// digest identifies the files: their names and contents, each with its length
// so that no two pipelines have the same input. Those of modules are named by
// their folders too.
func digest(folders []*folder) string {
	sum := sha256.New()
	for i, folder := range folders {
		for _, f := range folder.files {
			name := f.name
			if i > 0 {
				name = folder.at.key() + "//" + f.name
			}
			fmt.Fprintf(sum, "%d:%s%d:", len(name), name, len(f.data))
			sum.Write(f.data)
		}
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
