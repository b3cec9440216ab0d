package config

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

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
)

// maxFiles bounds the files of one pipeline.
const maxFiles = 500

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
}

// read finds and reads the files of a pipeline, sorted by name.
func read(path string) (root string, files []*file, diags diag.List) {
	dir, names, err := find(path)
	if err != nil {
		diags.Append(nil, "No pipeline found", err.Error())
		return "", nil, diags
	}
	opened, err := os.OpenRoot(dir)
	if err != nil {
		diags.Append(nil, "No pipeline found", fmt.Sprintf("%s cannot be opened: %v.", dir, cause(err)))
		return "", nil, diags
	}
	defer func() { _ = opened.Close() }() // read only: nothing can be lost
	total := 0
	for _, name := range names {
		f := &file{name: name, shown: shown(path, name)}
		if f.data, err = readOne(opened, name); err != nil {
			diags.Append(nil, "Pipeline file cannot be read", fmt.Sprintf("%s: %v.", f.shown, err))
			continue
		}
		if total += len(f.data); total > guard.MaxTotalBytes {
			diags.Append(nil, "Pipeline too large", fmt.Sprintf(
				"The files in %s have more than %d bytes together. Keep data out of them.", dir, guard.MaxTotalBytes))
			break
		}
		files = append(files, f)
	}
	return dir, files, diags
}

// find resolves what the user gave to a folder and the names of files in it.
func find(path string) (dir string, names []string, err error) {
	if path == "" {
		path = "."
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", nil, err
	}
	info, err := os.Stat(abs)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil, fmt.Errorf("%s does not exist. %s", path, minimal)
	case err != nil:
		return "", nil, fmt.Errorf("%s cannot be read: %w", path, cause(err))
	case !info.IsDir():
		if filepath.Ext(abs) != ".hcl" {
			return "", nil, fmt.Errorf("%s is not an .hcl file. %s", path, minimal)
		}
		return filepath.Dir(abs), []string{filepath.Base(abs)}, nil
	}
	entries, err := os.ReadDir(abs)
	if err != nil {
		return "", nil, fmt.Errorf("%s cannot be read: %w", path, cause(err))
	}
	for _, entry := range entries {
		if !entry.IsDir() && filepath.Ext(entry.Name()) == ".hcl" && !strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	switch {
	case len(names) == 0:
		return "", nil, fmt.Errorf("%s has no .hcl file. %s", path, minimal)
	case len(names) > maxFiles:
		return "", nil, fmt.Errorf("%s has %d .hcl files; at most %d are read", path, len(names), maxFiles)
	}
	return abs, names, nil
}

// readOne reads one regular file. A link may not lead out of the folder.
func readOne(root *os.Root, name string) ([]byte, error) {
	info, err := root.Stat(name)
	if err != nil {
		return nil, cause(err)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a regular file")
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(f, guard.MaxFileBytes+1))
	if err != nil {
		return nil, cause(err)
	}
	return data, nil
}

// cause is an error without the operation and path that it repeats.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// shown is how the user would write the path of a file.
func shown(given, name string) string {
	if info, err := os.Stat(given); err == nil && !info.IsDir() {
		return filepath.Clean(given)
	}
	if given == "" {
		given = "."
	}
	return filepath.Join(given, name)
}

// parseAll parses files that the guard lets through.
func parseAll(files []*file) (diags diag.List) {
	tokens := 0
	for _, f := range files {
		if tokens += guard.Tokens(f.data); tokens > guard.MaxAllTokens {
			diags.Append(nil, "Pipeline too large", fmt.Sprintf(
				"The files have more than %d names, operators and brackets together.", guard.MaxAllTokens))
			return diags
		}
		body, problems := guard.Parse(f.shown, f.data)
		f.body, diags = body, append(diags, problems...)
	}
	return diags
}

// digest identifies the files: their names and contents, each with its length
// so that no two pipelines have the same input.
func digest(files []*file) string {
	sum := sha256.New()
	for _, f := range files {
		fmt.Fprintf(sum, "%d:%s%d:", len(f.name), f.name, len(f.data))
		sum.Write(f.data)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
