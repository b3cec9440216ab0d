package cache

import (
	"maps"
	"slices"
	"sync"

	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/sdk/inputs"
)

// assumed are files that are taken for put back, though nothing was: what a plan
// says of a stage depends on what the stages before it would have left.
type assumed struct {
	mu    sync.Mutex
	files map[string]runstate.ResultFile // by path
}

// Assume has all later answers of this cache take the files of what was found
// for put back.
func (l *lookup) Assume() {
	if l.found == nil {
		return
	}
	a := &l.cache.assumed
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.files == nil {
		a.files = make(map[string]runstate.ResultFile)
	}
	for _, f := range l.found.Files {
		a.files[f.Path] = f
	}
}

// file is what is assumed of a file.
func (a *assumed) file(name string) (runstate.ResultFile, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, ok := a.files[name]
	return f, ok
}

// meant are the assumed files that an entry means.
func (a *assumed) meant(entry string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []string
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if inputs.Covers(entry, name) {
			out = append(out, name)
		}
	}
	return out
}
