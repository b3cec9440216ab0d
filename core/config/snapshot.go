package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sync"

	configfunction "github.com/stagegate/stagegate/core/config/function"
	"github.com/stagegate/stagegate/core/diag"
)

// snapshotVersion is that of the JSON form.
const snapshotVersion = 1

// snapshot is all that loading a pipeline has read from files, so that it can
// be loaded again as it was when the files have changed or are gone.
type snapshot struct {
	Version int    `json:"version"`
	Dir     string `json:"dir"` // of the pipeline, below the top of its tree
	// Folders hold the pipeline files by folder and name.
	Folders map[string]map[string][]byte `json:"folders"`
	// Calls are the answers of file functions.
	Calls map[string]answer `json:"calls,omitempty"`

	mu      sync.Mutex // guards Calls and loading
	loading int        // how many are; what is read at other times is not kept
}

// answer is what one call of a file function gave.
type answer struct {
	Text  string   `json:"text,omitempty"`
	Names []string `json:"names,omitempty"`
	There bool     `json:"there,omitempty"`
	Error string   `json:"error,omitempty"`
}

func newSnapshot(dir string) *snapshot {
	return &snapshot{
		Version: snapshotVersion, Dir: dir,
		Folders: make(map[string]map[string][]byte), Calls: make(map[string]answer),
	}
}

// Snapshot is everything that parsing and loading have read from files, as
// JSON. Options.Snapshot loads from it. The same reads give the same bytes.
func (s *Source) Snapshot() ([]byte, error) {
	s.reader.record.mu.Lock()
	defer s.reader.record.mu.Unlock()
	data, err := json.Marshal(s.reader.record)
	if err != nil {
		return nil, fmt.Errorf("encode snapshot of the pipeline: %w", err)
	}
	return data, nil
}

func readSnapshot(data []byte) (*snapshot, error) {
	out := newSnapshot("")
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(out); err != nil {
		return nil, fmt.Errorf("the snapshot of the pipeline cannot be read: %w", err)
	}
	if out.Version != snapshotVersion || !filepath.IsLocal(filepath.FromSlash(out.Dir)) {
		return nil, errors.New("the snapshot of the pipeline was written by another version of the runner")
	}
	return out, nil
}

// load begins to keep answers, until the function that it gives is called.
func (s *snapshot) load() (done func()) {
	count := func(n int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.loading += n
	}
	count(1)
	return func() { count(-1) }
}

func (s *snapshot) answered(key string, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loading > 0 {
		s.Calls[key] = a
	}
}

func (s *snapshot) keep(at place, files []*file) {
	kept := make(map[string][]byte, len(files))
	for _, f := range files {
		kept[f.name] = f.data
	}
	s.Folders[at.key()] = kept
}

// files are those of a folder as they were.
func (s *snapshot) files(at place) (files []*file, diags diag.List) {
	kept, ok := s.Folders[at.key()]
	if !ok {
		diags.Append(nil, "Folder is not in the snapshot", fmt.Sprintf(
			"The run was made without the files in %s. Start a new run.", at.shown))
		return nil, diags
	}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		files = append(files, &file{name: name, shown: filepath.Join(at.shown, name), data: kept[name]})
	}
	return files, nil
}

// remembered are files whose answers are kept, or come from a snapshot. Paths
// are kept relative to the pipeline's folder, which may be another place then.
type remembered struct {
	from   *snapshot // nil means that all is read from files
	files  configfunction.Files
	record *snapshot
	root   string // of the pipeline
	module place  // whose expressions ask
}

var _ configfunction.Files = (*remembered)(nil)

func (r *remembered) ask(function, path, more string, get func() (answer, error)) (answer, error) {
	key := function + "\x00" + r.portable(path) + "\x00" + more
	if r.from != nil {
		// What a stage makes is read while the run goes on, and not known here.
		if kept, ok := r.from.Calls[key]; ok {
			return r.keep(key, kept)
		}
	}
	got, err := get()
	if err != nil {
		got = answer{Error: err.Error()}
	}
	return r.keep(key, got)
}

func (r *remembered) keep(key string, a answer) (answer, error) {
	r.record.answered(key, a)
	if a.Error != "" {
		return answer{}, errors.New(a.Error)
	}
	return a, nil
}

// portable is a path that does not depend on where the tree is.
func (r *remembered) portable(path string) string {
	if !filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	if rel, err := filepath.Rel(r.root, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	if rel, err := filepath.Rel(r.module.folder(), path); err == nil && filepath.IsLocal(rel) {
		return r.module.key() + "//" + rel
	}
	return path
}

// Read is file(…).
func (r *remembered) Read(path string) (string, error) {
	a, err := r.ask("file", path, "", func() (answer, error) {
		text, err := r.files.Read(path)
		return answer{Text: text}, err
	})
	return a.Text, err
}

// SHA256 is filesha256(…).
func (r *remembered) SHA256(path string, pay func(bytes int64) error) (string, error) {
	a, err := r.ask("filesha256", path, "", func() (answer, error) {
		sum, err := r.files.SHA256(path, pay)
		return answer{Text: sum}, err
	})
	return a.Text, err
}

// Exists is fileexists(…).
func (r *remembered) Exists(path string) (bool, error) {
	a, err := r.ask("fileexists", path, "", func() (answer, error) {
		there, err := r.files.Exists(path)
		return answer{There: there}, err
	})
	return a.There, err
}

// Find is fileset(…).
func (r *remembered) Find(path, pattern string, visit func() error) ([]string, error) {
	a, err := r.ask("fileset", path, pattern, func() (answer, error) {
		names, err := r.files.Find(path, pattern, visit)
		return answer{Names: names}, err
	})
	return a.Names, err
}
