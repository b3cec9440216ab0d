package pluginhost

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/stagegate/stagegate/core/engine"
)

// prefix is what the names of all plugin binaries begin with.
const prefix = "runner-plugin-"

// SearchPathVariable names the list of folders in Options.SearchPath.
const SearchPathVariable = "RUNNER_PLUGIN_PATH"

// searchDirs lists where plugins are looked for, best first.
func searchDirs(o Options) ([]string, error) {
	var dirs []string
	for _, dir := range []string{o.StoreDir, o.RunnerDir} {
		if dir != "" {
			dirs = append(dirs, dir)
		}
	}
	for _, dir := range filepath.SplitList(o.SearchPath) {
		if dir == "" {
			continue
		}
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		if !filepath.IsAbs(dir) {
			return nil, fmt.Errorf("search plugins in %q: the path is relative, and would take plugins from the working directory; write it in full in %s", dir, SearchPathVariable)
		}
	}
	return dirs, nil
}

// locate finds the binary of a plugin: the first there is.
func locate(name string, dirs []string) (string, error) {
	if !regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`).MatchString(name) {
		return "", missing(quote(name), fmt.Errorf("%q is not a plugin's name: lower case letters, digits and dashes", quote(name)))
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, prefix+name)
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", untrusted(name, err)
		case info.IsDir():
			continue
		}
		return path, nil
	}
	return "", missing(name, notFound(name, dirs))
}

func notFound(name string, dirs []string) error {
	if len(dirs) == 0 {
		return fmt.Errorf("there is no folder to look for %s%s in; set %s", prefix, name, SearchPathVariable)
	}
	text := fmt.Sprintf("no %s%s in %s", prefix, name, strings.Join(dirs, ", "))
	if near := nearest(name, installed(dirs)); near != "" {
		text += fmt.Sprintf("; did you mean %q?", near)
	} else {
		text += fmt.Sprintf("; install it there, or add its folder to %s", SearchPathVariable)
	}
	return errors.New(text)
}

// Installed lists the plugins that can be found, sorted by name. Whether they
// can be used shows when they are asked.
func (h *Host) Installed() []string {
	names := installed(h.dirs)
	slices.Sort(names)
	return slices.Compact(names)
}

// installed lists the names of all plugins there are.
func installed(dirs []string) []string {
	var names []string
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			if name, ok := strings.CutPrefix(e.Name(), prefix); ok && !e.IsDir() {
				names = append(names, name)
			}
		}
	}
	return names
}

// nearest is the name that was probably meant, or empty.
func nearest(name string, names []string) string {
	best, distance := "", len(name)/2+1
	for _, n := range names {
		if d := levenshtein.Distance(name, n, nil); d < distance {
			best, distance = n, d
		}
	}
	return best
}

func missing(name string, err error) error {
	return &engine.PluginError{Plugin: name, Class: ClassMissing, Err: err}
}

func untrusted(name string, err error) error {
	return &engine.PluginError{Plugin: name, Class: ClassUntrusted, Err: err}
}
