package loopback

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
)

// maxManifest bounds a manifest, as registries do.
const maxManifest = 4 << 20

// manifest is one that was pushed.
type manifest struct {
	mediaType string
	content   []byte
}

func (r *Registry) serveManifest(w http.ResponseWriter, req *http.Request, repository, reference string) {
	if req.Method == http.MethodPut {
		r.takeManifest(w, req, repository, reference)
		return
	}
	r.mu.Lock()
	m, ok := r.manifests[repository][reference]
	r.mu.Unlock()
	if !ok || (req.Method != http.MethodGet && req.Method != http.MethodHead) {
		refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN")
		return
	}
	w.Header().Set("Content-Type", m.mediaType)
	w.Header().Set("Docker-Content-Digest", digest.FromBytes(m.content).String())
	w.Header().Set("Content-Length", decimal(int64(len(m.content))))
	w.WriteHeader(http.StatusOK)
	if req.Method == http.MethodGet {
		_, _ = w.Write(m.content)
	}
}

// takeManifest wants every blob that a manifest names to be there.
func (r *Registry) takeManifest(w http.ResponseWriter, req *http.Request, repository, reference string) {
	content, err := io.ReadAll(io.LimitReader(req.Body, maxManifest+1))
	if err != nil || len(content) > maxManifest {
		refuse(w, http.StatusRequestEntityTooLarge, "SIZE_INVALID")
		return
	}
	d := digest.FromBytes(content)
	if strings.HasPrefix(reference, "sha256:") && reference != d.String() {
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID")
		return
	}
	var names struct {
		Config struct {
			Digest digest.Digest `json:"digest"`
		} `json:"config"`
		Layers []struct {
			Digest digest.Digest `json:"digest"`
		} `json:"layers"`
	}
	if err := json.Unmarshal(content, &names); err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID")
		return
	}
	blobs := []digest.Digest{names.Config.Digest}
	for _, l := range names.Layers {
		blobs = append(blobs, l.Digest)
	}
	for _, b := range blobs {
		if _, ok := r.has(repository, b); b != "" && !ok {
			refuse(w, http.StatusNotFound, "MANIFEST_BLOB_UNKNOWN")
			return
		}
	}
	r.mu.Lock()
	if r.manifests[repository] == nil {
		r.manifests[repository] = make(map[string]manifest)
	}
	m := manifest{mediaType: req.Header.Get("Content-Type"), content: content}
	r.manifests[repository][d.String()], r.manifests[repository][reference] = m, m
	r.mu.Unlock()
	w.Header().Set("Location", "/v2/"+repository+"/manifests/"+d.String())
	w.Header().Set("Docker-Content-Digest", d.String())
	w.WriteHeader(http.StatusCreated)
}

func (r *Registry) serveTags(w http.ResponseWriter, _ *http.Request, repository, _ string) {
	r.mu.Lock()
	tags := slices.DeleteFunc(slices.Sorted(maps.Keys(r.manifests[repository])), func(s string) bool { return strings.Contains(s, ":") })
	r.mu.Unlock()
	answer := struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{repository, tags}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
