package workspace

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds a name; longer ones fail in the file system with less clarity.
const maxName = 4096

// ErrOutside is wrapped by every refusal of a name that leaves the work folder.
var ErrOutside = errors.New("it is outside of the work folder")

// Clean is a name from a configuration as a relative, slash-separated path
// within workDir. It looks at the text alone, so that it can be asked before
// the file exists.
func Clean(workDir, name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("the path is empty")
	case len(name) > maxName:
		return "", fmt.Errorf("the path has %d bytes, more than %d", len(name), maxName)
	case !utf8.ValidString(name):
		return "", fmt.Errorf("the path %q is not UTF-8", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", fmt.Errorf("the path %q has a control character", name)
	}
	local := name
	if filepath.IsAbs(name) {
		rel, err := filepath.Rel(workDir, name)
		if err != nil {
			return "", fmt.Errorf("path %q: %w", name, ErrOutside)
		}
		local = rel
	}
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("path %q: %w", name, ErrOutside)
	}
	return filepath.ToSlash(filepath.Clean(local)), nil
}
