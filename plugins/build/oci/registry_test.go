package oci

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk"
)

func connect(t *testing.T, r ocitest.Registry, change func(*RegistryOptions)) *Registry {
	t.Helper()
	opts := RegistryOptions{Host: r.Host, Repository: "models/digits", Tag: "1.0", CA: r.CA, PlainHTTP: r.CA == nil}
	if change != nil {
		change(&opts)
	}
	got, err := NewRegistry(opts)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestPushOverTLS(t *testing.T) {
	t.Parallel()
	server := ocitest.StartTLS(t, nil)
	r := connect(t, server, nil)
	desc := publish(t, r, "hello")
	for _, ref := range []string{"1.0", desc.Digest.String()} {
		if status, body := server.Get(t, "models/digits/manifests/"+ref); status != http.StatusOK || digest.FromBytes(body) != desc.Digest {
			t.Errorf("%s: %d %s", ref, status, body)
		}
	}
	if status, body := server.Get(t, "models/digits/blobs/"+digest.FromString("hello").String()); status != http.StatusOK || string(body) != "hello" {
		t.Errorf("layer: %d %s", status, body)
	}
	want := map[string]string{
		sdk.AnnotationRegistryHost: server.Host, sdk.AnnotationRegistryTLS: "1.3", sdk.AnnotationRegistryCA: "verified",
	}
	if diff := cmp.Diff(want, r.Facts()); diff != "" {
		t.Error(diff)
	}
}

func TestFactsOfPlainHTTP(t *testing.T) {
	t.Parallel()
	r := connect(t, ocitest.StartPlain(t, nil), nil)
	if r.Facts() != nil {
		t.Errorf("facts before anything was seen: %v", r.Facts())
	}
	publish(t, r, "hello")
	if got := r.Facts(); got[sdk.AnnotationRegistryTLS] != "none" || got[sdk.AnnotationRegistryCA] != "none" {
		t.Errorf("facts: %v", got)
	}
}

func TestSameLayerIsSentOnce(t *testing.T) {
	t.Parallel()
	var uploads atomic.Int32
	server := ocitest.StartPlain(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost {
				uploads.Add(1)
			}
			next.ServeHTTP(w, req)
		})
	})
	publish(t, connect(t, server, nil), "hello")
	publish(t, connect(t, server, nil), "hello")
	if n := uploads.Load(); n != 2 { // a layer and a config
		t.Errorf("%d uploads", n)
	}
}

func TestCredentialsOfDocker(t *testing.T) {
	server := ocitest.StartTLS(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if user, password, ok := req.BasicAuth(); !ok || user != "bot" || password != "s3cret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	dir := t.TempDir()
	t.Setenv("DOCKER_CONFIG", dir)
	failure := failureOf(t, connect(t, server, nil))
	if failure.Class != "registry_denied" || !strings.Contains(failure.Detail, "docker login") || failure.Transient {
		t.Errorf("without credentials: %+v", failure)
	}
	raw, err := json.Marshal(map[string]any{"auths": map[string]any{server.Host: map[string]string{"auth": "Ym90OnMzY3JldA=="}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	publish(t, connect(t, server, nil), "hello")
}

// failureOf pushes one blob and returns why that fails.
func failureOf(t *testing.T, r *Registry) *sdk.Failure {
	t.Helper()
	_, err := r.Blob(t.Context(), Bytes("weights", []byte("hello")))
	var failure *sdk.Failure
	if !errors.As(err, &failure) {
		t.Fatalf("error %v, want a failure", err)
	}
	if !failure.Broken || strings.Contains(failure.Error(), "s3cret") {
		t.Errorf("failure %+v", failure)
	}
	return failure
}

// answer makes a registry say one thing to one method.
func answer(method string, status int, body string) ocitest.Wrap {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method != method {
				next.ServeHTTP(w, req)
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		})
	}
}

func TestRegistryFailures(t *testing.T) {
	t.Parallel()
	plain := ocitest.StartPlain(t, nil)
	for name, tc := range map[string]struct {
		server    ocitest.Registry
		change    func(*RegistryOptions)
		class     string
		transient bool
		words     string
	}{
		"forbidden": {ocitest.StartPlain(t, answer(http.MethodPost, 403, `{"errors":[{"code":"DENIED","message":"not for you","detail":"s3cret"}]}`)),
			nil, "registry_denied", false, "not for you"},
		"no repository":  {ocitest.StartPlain(t, answer(http.MethodPost, 404, "")), nil, "registry_failed", false, "answered 404"},
		"put is refused": {ocitest.StartPlain(t, answer(http.MethodPut, 400, "")), nil, "registry_failed", false, "answered 400"},
		"unknown authority": {ocitest.StartTLS(t, nil), func(o *RegistryOptions) { o.CA = nil },
			"registry_untrusted", false, "unknown authority"},
		"speaks no TLS":  {plain, func(o *RegistryOptions) { o.PlainHTTP = false }, "registry_untrusted", false, "HTTP"},
		"nobody listens": {plain, func(o *RegistryOptions) { o.Host = "127.0.0.1:1" }, "registry_unreachable", true, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := failureOf(t, connect(t, tc.server, tc.change))
			if f.Class != tc.class || f.Transient != tc.transient || !strings.Contains(f.Error(), tc.words) {
				t.Errorf("failure %s: %v (%+v); want %s, transient %t, %q", f.Class, f, f, tc.class, tc.transient, tc.words)
			}
		})
	}
}

// Busy registries are asked again before the stage fails.
func TestBusyRegistry(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	server := ocitest.StartPlain(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPost && asked.Add(1) == 1 {
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			next.ServeHTTP(w, req)
		})
	})
	publish(t, connect(t, server, nil), "hello")
}

func TestRegistryStalls(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodPut} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			release := make(chan struct{})
			server := ocitest.StartPlain(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if req.Method == method {
						<-release
						return
					}
					next.ServeHTTP(w, req)
				})
			})
			t.Cleanup(func() { close(release) }) // before the server, which waits for it
			f := failureOf(t, connect(t, server, func(o *RegistryOptions) { o.Patience = 50 * time.Millisecond }))
			if f.Class != "registry_stalled" || !f.Transient {
				t.Errorf("failure %+v", f)
			}
		})
	}
}

func TestCancelDuringPush(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	release := make(chan struct{})
	server := ocitest.StartPlain(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.Method == http.MethodPut {
				cancel(stop)
				<-release
			}
			next.ServeHTTP(w, req)
		})
	})
	t.Cleanup(func() { close(release) })
	if _, err := connect(t, server, nil).Blob(ctx, Bytes("weights", []byte("hello"))); !errors.Is(err, stop) {
		t.Errorf("error %v, want the cause", err)
	}
}

// A registry that lies: it says that it took something else, it has blobs of
// the wrong size, it serves another manifest.
func TestRegistryLies(t *testing.T) {
	t.Parallel()
	raw := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"a/b","digest":"` +
		digest.FromString("{}").String() + `","size":2},"layers":[]}`)
	manifests := func(do func(w http.ResponseWriter, req *http.Request) bool) ocitest.Wrap {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				if !strings.Contains(req.URL.Path, "/manifests/") || !do(w, req) {
					next.ServeHTTP(w, req)
				}
			})
		}
	}
	for name, wrap := range map[string]ocitest.Wrap{
		"digest of the answer": manifests(func(w http.ResponseWriter, req *http.Request) bool {
			if req.Method != http.MethodPut {
				return false
			}
			w.Header().Set("Docker-Content-Digest", digest.FromString("other").String())
			w.WriteHeader(http.StatusCreated)
			return true
		}),
		"served manifest": manifests(func(w http.ResponseWriter, req *http.Request) bool {
			if req.Method != http.MethodGet {
				return false
			}
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			_, _ = w.Write([]byte(strings.Replace(string(raw), "a/b", "c/d", 1)))
			return true
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := connect(t, ocitest.StartPlain(t, wrap), nil)
			if _, err := r.Manifest(t.Context(), "application/vnd.oci.image.manifest.v1+json", raw); err == nil {
				t.Error("the lie is believed")
			}
		})
	}
}

// Content that changes between its digest and its upload does not get there.
func TestContentThatChanges(t *testing.T) {
	t.Parallel()
	server := ocitest.StartPlain(t, nil)
	reads := 0
	src := Source{Name: "weights", Size: 5, Open: func(context.Context) (io.ReadCloser, error) {
		reads++
		return io.NopCloser(strings.NewReader([]string{"", "first", "other"}[reads])), nil
	}}
	_, err := connect(t, server, nil).Blob(t.Context(), src)
	if err == nil || !strings.Contains(err.Error(), "changed while it was sent") {
		t.Errorf("error %v", err)
	}
	for _, content := range []string{"first", "other"} {
		if status, _ := server.Get(t, "models/digits/blobs/"+digest.FromString(content).String()); status != http.StatusNotFound {
			t.Errorf("the registry has %q", content)
		}
	}
}

func TestTargetsStoreEverywhere(t *testing.T) {
	t.Parallel()
	server := ocitest.StartPlain(t, nil)
	dir := t.TempDir()
	desc := publish(t, Targets{layout(t, dir, ""), connect(t, server, nil)}, "hello")
	if got := ocitest.Blob(t, dir, desc.Digest.String()); digest.FromBytes(got) != desc.Digest {
		t.Errorf("layout has %s", got)
	}
	if status, _ := server.Get(t, "models/digits/manifests/"+desc.Digest.String()); status != http.StatusOK {
		t.Errorf("registry: %d", status)
	}
}
