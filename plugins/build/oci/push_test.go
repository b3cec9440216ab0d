package oci

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/oci/loopback"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk"
)

// serve starts a registry that takes uploads in pieces.
func serve(t *testing.T, wrap ocitest.Wrap) (ocitest.Registry, *loopback.Registry) {
	t.Helper()
	registry := loopback.New(loopback.Options{Folder: t.TempDir()})
	var h http.Handler = registry
	if wrap != nil {
		h = wrap(h)
	}
	return ocitest.Serve(t, h), registry
}

// large is content that is sent in pieces, and can be read from an offset on.
func large(raw []byte) Source {
	return Source{Name: "weights", Size: int64(len(raw)), Open: Bytes("", raw).Open, OpenAt: func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(raw[offset:])), nil
	}}
}

// hurry makes a registry that is asked again at once, and notes what it waited.
func hurry(r *Registry) *[]time.Duration {
	var mu sync.Mutex
	var waits []time.Duration
	wait := func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		waits = append(waits, d)
		return ctx.Err()
	}
	r.wait, r.retrier.wait = wait, wait
	return &waits
}

func stores(t *testing.T, server ocitest.Registry, raw []byte) {
	t.Helper()
	status, body := server.Get(t, "models/digits/blobs/"+digest.FromBytes(raw).String())
	if status != http.StatusOK || !bytes.Equal(body, raw) {
		t.Errorf("the registry answers %d with %d bytes", status, len(body))
	}
}

// cut ends the connection of a PATCH once so many bytes of it were taken.
func cut(times int, after int64, patches *[]string) ocitest.Wrap {
	var mu sync.Mutex
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method != http.MethodPatch {
				next.ServeHTTP(w, req)
				return
			}
			mu.Lock()
			*patches = append(*patches, req.Header.Get("Content-Range"))
			broken := len(*patches) <= times
			mu.Unlock()
			if broken {
				req.Body = io.NopCloser(io.LimitReader(req.Body, after))
				next.ServeHTTP(httptest.NewRecorder(), req)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, req)
		})
	}
}

func TestUploadGoesOnAfterACut(t *testing.T) {
	t.Parallel()
	raw := random(20<<20 + 3)
	for name, change := range map[string]func(*Source){
		"digested ahead": func(*Source) {},
		"digest known":   func(s *Source) { s.Digest = digest.FromBytes(raw) },
		"made for it":    func(s *Source) { s.Fresh = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var patches []string
			server, registry := serve(t, cut(2, 3<<20+17, &patches))
			r := connect(t, server, nil)
			hurry(r)
			src := large(raw)
			change(&src)
			desc, err := r.Blob(t.Context(), src)
			if err != nil || desc.Digest != digest.FromBytes(raw) || desc.Size != int64(len(raw)) {
				t.Fatalf("%+v, %v", desc, err)
			}
			stores(t, server, raw)
			end := "-" + strconv.Itoa(len(raw)-1)
			want := []string{"", strconv.Itoa(3<<20+17) + end, strconv.Itoa(2*(3<<20+17)) + end}
			if strings.Join(patches, ",") != strings.Join(want, ",") {
				t.Errorf("pieces %q, want %q", patches, want)
			}
			if registry.Pending() != 0 {
				t.Error("an upload is left")
			}
		})
	}
}

// A registry that forgets an upload gets it from the beginning.
func TestUploadIsForgotten(t *testing.T) {
	t.Parallel()
	raw := random(10 << 20)
	var asked atomic.Int32
	var patches []string
	lose := cut(1, 1<<20, &patches)
	server, _ := serve(t, func(next http.Handler) http.Handler {
		return lose(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/uploads/") && asked.Add(1) == 1 {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			next.ServeHTTP(w, req)
		}))
	})
	r := connect(t, server, nil)
	hurry(r)
	if _, err := r.Blob(t.Context(), large(raw)); err != nil {
		t.Fatal(err)
	}
	stores(t, server, raw)
}

// A registry that breaks every connection without keeping anything is given up.
func TestUploadThatComesNoFurther(t *testing.T) {
	t.Parallel()
	var patches []string
	server, registry := serve(t, cut(1000, 0, &patches))
	r := connect(t, server, nil)
	hurry(r)
	_, err := r.Blob(t.Context(), large(random(10<<20)))
	var failure *sdk.Failure
	if !errors.As(err, &failure) || !failure.Broken || len(patches) > maxIdle+2 {
		t.Errorf("%v after %d attempts", err, len(patches))
	}
	if registry.Pending() != 0 {
		t.Error("an upload is left")
	}
}

// A blob that is there is found out while it is sent, and the upload is undone.
func TestBlobThatIsThere(t *testing.T) {
	t.Parallel()
	raw := random(64 << 20)
	hold := make(chan struct{})
	var first, held atomic.Bool
	server, registry := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPatch && first.Load() {
				held.Store(true)
				<-hold // the network is slower than the digest
			}
			next.ServeHTTP(w, req)
		})
	})
	publishLarge := func() {
		if _, err := connect(t, server, nil).Blob(t.Context(), large(raw)); err != nil {
			t.Error(err)
		}
	}
	publishLarge()
	first.Store(true)
	publishLarge()
	close(hold)
	if registry.Pending() != 0 {
		t.Error("an upload is left")
	}
	stores(t, server, raw)
}

// What has the tag now has a layer of that size, so the digest comes first.
func TestSameTagIsNotSentAgain(t *testing.T) {
	t.Parallel()
	var posts atomic.Int32
	server, _ := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost {
				posts.Add(1)
			}
			next.ServeHTTP(w, req)
		})
	})
	raw := random(10 << 20)
	for range 2 {
		r := connect(t, server, nil)
		layer, err := r.Blob(t.Context(), large(raw))
		if err != nil {
			t.Fatal(err)
		}
		layer.MediaType = "application/octet-stream"
		publishLayer(t, r, layer)
	}
	if n := posts.Load(); n != 2 { // a layer and a config, once
		t.Errorf("%d uploads", n)
	}
}

func TestMount(t *testing.T) {
	t.Parallel()
	raw := random(10 << 20)
	var patches atomic.Int32
	server, registry := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPatch {
				patches.Add(1)
			}
			next.ServeHTTP(w, req)
		})
	})
	base := connect(t, server, func(o *RegistryOptions) { o.Repository = "models/base" })
	if _, err := base.Blob(t.Context(), large(raw)); err != nil {
		t.Fatal(err)
	}
	from := func(o *RegistryOptions) { o.MountFrom = []string{"models/none", "models/base"} }
	if _, err := connect(t, server, from).Blob(t.Context(), large(raw)); err != nil {
		t.Fatal(err)
	}
	stores(t, server, raw)
	if n := patches.Load(); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
	other := random(9 << 20)
	if _, err := connect(t, server, from).Blob(t.Context(), large(other)); err != nil {
		t.Fatal(err)
	}
	stores(t, server, other)
	if registry.Pending() != 0 {
		t.Error("an upload is left")
	}
}

// Retry-After is kept to, in both notations, and not when it is too long.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status  int
		after   string
		waits   time.Duration
		refused bool
	}{
		"seconds": {http.StatusTooManyRequests, "7", 7 * time.Second, false},
		"503":     {http.StatusServiceUnavailable, "30", 30 * time.Second, false},
		"past":    {http.StatusServiceUnavailable, "Fri, 31 Jan 2020 00:00:00 GMT", minWait, false},
		"hours":   {http.StatusTooManyRequests, "7200", 0, true},
		"absurd":  {http.StatusTooManyRequests, "99999999999999999", 0, true},
		"nothing": {http.StatusTooManyRequests, "", minWait, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server, _ := serve(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if req.Method == http.MethodPost && asked.Add(1) == 1 {
						if tc.after != "" {
							w.Header().Set("Retry-After", tc.after)
						}
						w.WriteHeader(tc.status)
						return
					}
					next.ServeHTTP(w, req)
				})
			})
			r := connect(t, server, nil)
			waits := hurry(r)
			_, err := r.Blob(t.Context(), large(random(10<<20)))
			if tc.refused {
				var f *sdk.Failure
				if !errors.As(err, &f) || f.Class != "registry_unavailable" || !f.Transient || !strings.Contains(f.Error(), "left alone for") || len(*waits) != 0 {
					t.Errorf("%v (%+v), waited %v", err, f, *waits)
				}
				return
			}
			if err != nil || len(*waits) != 1 || (*waits)[0] < tc.waits || (*waits)[0] > max(tc.waits, 2*minWait) {
				t.Errorf("%v, waited %v", err, *waits)
			}
		})
	}
}

// Busy for ever is not asked for ever.
func TestAlwaysBusy(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server, _ := serve(t, func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
	})
	r := connect(t, server, nil)
	hurry(r)
	f := failureOf(t, r)
	if f.Class != "registry_unavailable" || !f.Transient || asked.Load() > maxRetries+1 {
		t.Errorf("%v after %d requests", f, asked.Load())
	}
}

// Addresses of uploads carry tokens, and lead nowhere else.
func TestUploadLeadsElsewhere(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"https://elsewhere.example/upload?token=s3cret", "http://127.0.0.1:1/s3cret", "//elsewhere.example/x", "://"} {
		server, _ := serve(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if req.Method == http.MethodPost {
					w.Header().Set("Location", location)
					w.WriteHeader(http.StatusAccepted)
					return
				}
				next.ServeHTTP(w, req)
			})
		})
		if f := failureOf(t, connect(t, server, nil)); f.Class != "registry_failed" {
			t.Errorf("%s: %+v", location, f)
		}
	}
}

// A registry that says that it took something else than it was sent.
func TestBlobLie(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method != http.MethodPut {
				next.ServeHTTP(w, req)
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			w.Header().Set("Docker-Content-Digest", digest.FromString("other").String())
			w.WriteHeader(http.StatusCreated)
		})
	})
	for _, raw := range [][]byte{[]byte("small"), random(10 << 20)} {
		_, err := connect(t, server, nil).Blob(t.Context(), large(raw))
		var f *sdk.Failure
		if !errors.As(err, &f) || f.Class != "registry_corrupt" || f.Detail == "" {
			t.Errorf("%v (%+v)", err, f)
		}
	}
}

// Content that changes behind the one who digested it leaves in no part.
func TestLargeContentThatChanges(t *testing.T) {
	t.Parallel()
	server, registry := serve(t, nil)
	first, other := random(10<<20), random(10<<20)
	other[5<<20] ^= 1
	src := large(first)
	src.OpenAt = large(other).OpenAt
	_, err := connect(t, server, nil).Blob(t.Context(), src)
	if err == nil || !strings.Contains(err.Error(), "changed while it was sent") {
		t.Errorf("error %v", err)
	}
	if registry.Pending() != 0 {
		t.Error("an upload is left")
	}
}

func TestEmptyBlob(t *testing.T) {
	t.Parallel()
	server, _ := serve(t, nil)
	for _, change := range []func(*Source){func(*Source) {}, func(s *Source) { s.Fresh = true }} {
		src := large(nil)
		change(&src)
		if _, err := connect(t, server, nil).Blob(t.Context(), src); err != nil {
			t.Error(err)
		}
		stores(t, server, nil)
	}
}

// A registry that takes nothing of a piece is left after its patience has ended
// a few times.
func TestUploadStalls(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server, _ := serve(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPatch {
				<-release
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	t.Cleanup(func() { close(release) })
	r := connect(t, server, func(o *RegistryOptions) { o.Patience = 50 * time.Millisecond })
	hurry(r)
	_, err := r.Blob(t.Context(), large(random(40<<20)))
	var f *sdk.Failure
	if !errors.As(err, &f) || f.Class != "registry_stalled" || !f.Transient {
		t.Errorf("%v (%+v)", err, f)
	}
}
