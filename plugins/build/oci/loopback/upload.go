package loopback

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/opencontainers/go-digest"
)

// pieceSize is how much is read of a request at once.
const pieceSize = 1 << 20

// upload is a blob on its way in.
type upload struct {
	mu   sync.Mutex
	file *os.File // nil when content is discarded
	sum  hash.Hash
	size int64
}

// take appends a body. What arrived before it broke off stays.
func (u *upload) take(body io.Reader) error {
	var w io.Writer = u.sum
	if u.file != nil {
		w = io.MultiWriter(u.sum, u.file)
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{body}, make([]byte, pieceSize))
	u.size += n
	return err
}

func (u *upload) close() error {
	if u.file == nil {
		return nil
	}
	return errors.Join(u.file.Close(), os.Remove(u.file.Name()))
}

func (r *Registry) serveUpload(w http.ResponseWriter, req *http.Request, repository, id string) {
	if req.Method == http.MethodPost {
		r.begin(w, req, repository)
		return
	}
	r.mu.Lock()
	u, ok := r.uploads[id]
	r.mu.Unlock()
	if !ok {
		refuse(w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch req.Method {
	case http.MethodGet:
		where(w, repository, id, u, http.StatusNoContent)
	case http.MethodPatch:
		if !continues(req, u.size) {
			where(w, repository, id, u, http.StatusRequestedRangeNotSatisfiable)
			return
		}
		if err := u.take(req.Body); err != nil {
			refuse(w, http.StatusBadRequest, "BLOB_UPLOAD_INVALID")
			return
		}
		where(w, repository, id, u, http.StatusAccepted)
	case http.MethodPut:
		r.finish(w, req, repository, id, u)
	case http.MethodDelete:
		r.forget(id)
		_ = u.close()
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED")
	}
}

// begin mounts a blob, or opens an upload.
func (r *Registry) begin(w http.ResponseWriter, req *http.Request, repository string) {
	if d, from := digest.Digest(req.URL.Query().Get("mount")), req.URL.Query().Get("from"); from != "" {
		if size, ok := r.has(from, d); ok {
			r.enter(repository, d, size)
			stored(w, repository, d)
			return
		}
	}
	u, id := &upload{sum: sha256.New()}, rand.Text()
	if !r.opts.Discard {
		err := os.MkdirAll(r.opts.Folder, 0o700)
		if err == nil {
			u.file, err = os.Create(filepath.Join(r.opts.Folder, "upload-"+id))
		}
		if err != nil {
			refuse(w, http.StatusInternalServerError, "UNKNOWN")
			return
		}
	}
	r.mu.Lock()
	r.uploads[id] = u
	r.mu.Unlock()
	where(w, repository, id, u, http.StatusAccepted)
}

// finish compares digests, which is what makes an upload a blob.
func (r *Registry) finish(w http.ResponseWriter, req *http.Request, repository, id string, u *upload) {
	want := digest.Digest(req.URL.Query().Get("digest"))
	if err := u.take(req.Body); err != nil {
		refuse(w, http.StatusBadRequest, "BLOB_UPLOAD_INVALID")
		return
	}
	r.forget(id)
	if got := digest.NewDigest(digest.SHA256, u.sum); got != want {
		_ = u.close()
		refuse(w, http.StatusBadRequest, "DIGEST_INVALID")
		return
	}
	if u.file != nil {
		if err := errors.Join(os.Rename(u.file.Name(), r.file(want)), u.file.Close()); err != nil {
			refuse(w, http.StatusInternalServerError, "UNKNOWN")
			return
		}
	}
	r.enter(repository, want, u.size)
	stored(w, repository, want)
}

func (r *Registry) forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.uploads, id)
}

// continues reports whether a piece begins where the upload has come to. A body
// without a range is taken as what follows.
func continues(req *http.Request, size int64) bool {
	value := req.Header.Get("Content-Range")
	if value == "" {
		return true
	}
	var first, last int64
	_, err := fmt.Sscanf(value, "%d-%d", &first, &last)
	return err == nil && first == size && last >= first
}

// where says how far an upload has come.
func where(w http.ResponseWriter, repository, id string, u *upload, status int) {
	w.Header().Set("Location", "/v2/"+repository+"/blobs/uploads/"+id)
	w.Header().Set("Range", "0-"+decimal(max(u.size-1, 0)))
	w.WriteHeader(status)
}

func stored(w http.ResponseWriter, repository string, d digest.Digest) {
	w.Header().Set("Location", "/v2/"+repository+"/blobs/"+d.String())
	w.Header().Set("Docker-Content-Digest", d.String())
	w.WriteHeader(http.StatusCreated)
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
