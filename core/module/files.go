package module

import (
	"bytes"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of one module.
const (
	maxFiles  = 1000
	maxBytes  = 16 << 20
	maxPath   = 512
	maxLevels = 16
)

// file is a file in git's objects.
type file struct {
	path string
	id   string
	size int64
	mode fs.FileMode
}

// listing reads what `git ls-tree -r -z -l` says, and refuses whatever is not
// a regular file of a harmless name.
func listing(answer []byte) ([]file, error) {
	var out []file
	var total int64
	for entry := range bytes.SplitSeq(bytes.TrimSuffix(answer, []byte{0}), []byte{0}) {
		if len(entry) == 0 {
			continue
		}
		head, name, _ := strings.Cut(string(entry), "\t")
		fields := strings.Fields(head) // mode, type, id, size
		if len(fields) != 4 || !isCommit(fields[2]) {
			return nil, fmt.Errorf("git lists an entry that is not understood")
		}
		if !safePath(name) {
			return nil, fmt.Errorf("it holds a file with the name %.80q, which is refused", name)
		}
		mode := fs.FileMode(0o400)
		switch fields[0] {
		case "100644":
		case "100755":
			mode = 0o500
		case "120000":
			return nil, fmt.Errorf("%q is a symbolic link: a module holds regular files only", name)
		case "160000":
			return nil, fmt.Errorf("%q is a submodule: a module holds regular files only", name)
		default:
			return nil, fmt.Errorf("%q is not a regular file (mode %s)", name, fields[0])
		}
		size, err := strconv.ParseInt(fields[3], 10, 64)
		if err != nil || size < 0 {
			return nil, fmt.Errorf("git does not know the size of %q", name)
		}
		total += size
		out = append(out, file{path: name, id: fields[2], size: size, mode: mode})
		if len(out) > maxFiles {
			return nil, fmt.Errorf("it holds more than %d files; name a folder of the repository with //folder", maxFiles)
		}
		if total > maxBytes {
			return nil, fmt.Errorf("its files have more than %d MiB together; name a folder of the repository with //folder", maxBytes>>20)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("it holds no file")
	}
	return out, nil
}

// safePath accepts a relative path that is what it looks like everywhere.
func safePath(name string) bool {
	if name == "" || len(name) > maxPath || !utf8.ValidString(name) || strings.Count(name, "/") >= maxLevels {
		return false
	}
	for _, c := range name {
		if unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == '\\' {
			return false
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		lower := strings.ToLower(part)
		if part == "" || part == "." || part == ".." || len(part) > 255 || lower == ".git" || strings.HasPrefix(lower, "git~") {
			return false
		}
	}
	return true
}
