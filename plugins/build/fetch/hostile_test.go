package fetch_test

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

// A registry that is not what it should be: a clear error each time, nothing in
// the folder, and no artifact.
func TestHostileRegistries(t *testing.T) {
	t.Parallel()
	answer := func(status int, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "9000")
			w.WriteHeader(status)
			_, _ = w.Write(body)
		}
	}
	endless := func(w http.ResponseWriter, _ *http.Request) {
		for block := bytes.Repeat([]byte(" "), 1<<20); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}
	const blob, manifest = "/blobs/", "/manifests/"
	for name, tc := range map[string]struct {
		where, class string
		transient    bool
		answer       http.HandlerFunc
	}{
		"busy":                 {blob, "registry_unavailable", true, answer(http.StatusTooManyRequests, nil)},
		"broken":               {blob, "registry_unavailable", true, answer(http.StatusServiceUnavailable, nil)},
		"denied":               {blob, "registry_denied", false, answer(http.StatusForbidden, nil)},
		"no such blob":         {blob, "registry_corrupt", false, answer(http.StatusNotFound, nil)},
		"another blob":         {blob, "registry_corrupt", false, answer(http.StatusOK, []byte("short"))},
		"a blob without end":   {blob, "registry_corrupt", false, endless},
		"another manifest":     {manifest, "registry_corrupt", false, answer(http.StatusOK, []byte(`{"schemaVersion":2}`))},
		"a page":               {manifest, "registry_corrupt", false, answer(http.StatusOK, []byte("<html>log in</html>"))},
		"busy at the manifest": {manifest, "registry_unavailable", true, answer(http.StatusTooManyRequests, nil)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := ocitest.StartPlain(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/hostile"+tc.where) {
						tc.answer(w, req)
						return
					}
					next.ServeHTTP(w, req)
				})
			})
			h := start(t)
			dir, _ := work(t)
			registry := func(name string) cty.Value {
				return object("repository", server.Host+"/"+name, "plain_http", cty.True, "mount_from", []string{"honest"})
			}
			packed := h.Build("model", object("name", "digits", "files", []string{"out/**"}, "registry", registry("honest")), plugintest.Options{WorkDir: dir})
			if !packed.Succeeded() {
				t.Fatal(packed)
			}
			from := strings.Replace(packed.Outputs.GetAttr("reference").AsString(), "/honest@", "/hostile@", 1)
			push(t, server, "honest", "hostile", packed.Outputs.GetAttr("digest").AsString())
			got := h.Build("fetch", object("from", from, "into", "in", "plain_http", cty.True), plugintest.Options{WorkDir: dir})
			f := got.Failure()
			if f.GetClass() != tc.class || f.GetTransient() != tc.transient || f.GetDetail() == "" {
				t.Errorf("%s, want class %s", got, tc.class)
			}
			if left := below(t, filepath.Join(dir, "in")); len(left) != 0 || len(got.Artifacts) > 0 {
				t.Errorf("left behind: %v, %v", left, got.Artifacts)
			}
		})
	}
}

// push copies a manifest to another repository of a registry whose repositories
// share their blobs.
func push(t *testing.T, server ocitest.Registry, from, to, d string) {
	t.Helper()
	status, raw := server.Get(t, from+"/manifests/"+d)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://"+server.Host+"/v2/"+to+"/manifests/"+d, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", ocispec.MediaTypeImageManifest)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatal(resp.Status, err)
	}
}
