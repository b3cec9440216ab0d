package loopback

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/opencontainers/go-digest"
)

// Options vary a registry. The zero value needs a Folder.
type Options struct {
	Folder  string // where blobs and uploads are kept
	Discard bool   // keep the digests of large blobs alone, to measure a sender
}

// Registry is an http.Handler.
type Registry struct {
	opts Options

	mu        sync.Mutex
	blobs     map[string]map[digest.Digest]int64 // sizes by repository
	manifests map[string]map[string]manifest     // by repository, and by tag or digest
	uploads   map[string]*upload
}

// New is an empty registry. Its folder is made when the first upload begins.
func New(opts Options) *Registry {
	return &Registry{
		opts: opts, blobs: make(map[string]map[digest.Digest]int64),
		manifests: make(map[string]map[string]manifest), uploads: make(map[string]*upload),
	}
}

// ServeHTTP implements http.Handler.
func (r *Registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path, ok := strings.CutPrefix(req.URL.Path, "/v2/")
	if !ok {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN")
		return
	}
	if path == "" {
		w.WriteHeader(http.StatusOK)
		return
	}
	for _, route := range []struct {
		mark  string
		serve func(w http.ResponseWriter, req *http.Request, repository, name string)
	}{{"/blobs/uploads/", r.serveUpload}, {"/blobs/", r.serveBlob}, {"/manifests/", r.serveManifest}, {"/tags/", r.serveTags}} {
		if at := strings.LastIndex(path, route.mark); at > 0 {
			route.serve(w, req, path[:at], path[at+len(route.mark):])
			return
		}
	}
	refuse(w, http.StatusNotFound, "NAME_UNKNOWN")
}

// Pending is how many uploads have begun and not ended.
func (r *Registry) Pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.uploads)
}

func (r *Registry) file(d digest.Digest) string {
	return filepath.Join(r.opts.Folder, strings.ReplaceAll(d.String(), ":", "-"))
}

// has is the size of a blob in a repository.
func (r *Registry) has(repository string, d digest.Digest) (int64, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	size, ok := r.blobs[repository][d]
	return size, ok
}

func (r *Registry) enter(repository string, d digest.Digest, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.blobs[repository] == nil {
		r.blobs[repository] = make(map[digest.Digest]int64)
	}
	r.blobs[repository][d] = size
}

func (r *Registry) serveBlob(w http.ResponseWriter, req *http.Request, repository, name string) {
	d := digest.Digest(name)
	size, ok := r.has(repository, d)
	if !ok || (req.Method != http.MethodGet && req.Method != http.MethodHead) {
		refuse(w, http.StatusNotFound, "BLOB_UNKNOWN")
		return
	}
	w.Header().Set("Docker-Content-Digest", name)
	w.Header().Set("Content-Type", "application/octet-stream")
	f, err := os.Open(r.file(d))
	if err != nil { // discarded
		w.Header().Set("Content-Length", decimal(size))
		w.WriteHeader(http.StatusOK)
		return
	}
	defer func() { _ = f.Close() }() // read only
	info, err := f.Stat()
	if err != nil {
		refuse(w, http.StatusInternalServerError, "UNKNOWN")
		return
	}
	http.ServeContent(w, req, "", info.ModTime(), f)
}

// refuse answers as the protocol wants errors.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"errors":[{"code":"` + code + `","message":"` + strings.ToLower(http.StatusText(status)) + `"}]}`))
}
