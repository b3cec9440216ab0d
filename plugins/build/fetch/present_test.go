package fetch_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

// What is there is not fetched again, changed files are, and files that are not
// of the package stay.
func TestWhatIsThere(t *testing.T) {
	t.Parallel()
	secret := identity(t)
	for name, more := range map[string][2][]any{
		"in clear":  {},
		"encrypted": {{"encrypt", object("recipients", []string{secret.Recipient().String()})}, {"decrypt", object("identities", []string{secret.String()})}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sent atomic.Int32
			server := ocitest.StartPlain(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
					if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") {
						sent.Add(1)
					}
					next.ServeHTTP(w, req)
				})
			})
			h := start(t)
			dir, files := work(t)
			packed := h.Build("model", object(append(more[0], "name", "digits", "files", []string{"out/**"}, "registry", object("repository", server.Host+"/models/digits", "plain_http", cty.True))...), plugintest.Options{WorkDir: dir})
			if !packed.Succeeded() {
				t.Fatal(packed)
			}
			files["mine"] = "mine"
			for _, tc := range []struct {
				change func(in string) error
				want   int32 // layers that are not empty, and the config
			}{
				{func(in string) error { return os.MkdirAll(in, 0o755) }, 4},
				{func(in string) error { return os.WriteFile(filepath.Join(in, "mine"), []byte("mine"), 0o600) }, 1},
				{func(in string) error { return os.WriteFile(filepath.Join(in, "config.json"), []byte("{ "), 0o600) }, 2},
				{func(in string) error { return os.Chmod(filepath.Join(in, "config.json"), 0o755) }, 2},
				{func(in string) error { return os.Truncate(filepath.Join(in, "model.safetensors"), 1000) }, 2},
				{func(in string) error {
					return errors.Join(os.Remove(filepath.Join(in, "config.json")), os.Symlink("mine", filepath.Join(in, "config.json")))
				}, 2},
			} {
				if err := tc.change(filepath.Join(dir, "in")); err != nil {
					t.Fatal(err)
				}
				sent.Store(0)
				got := h.Build("fetch", object(append(more[1], "artifact", packed.Outputs.GetAttr("artifact"), "into", "in", "plain_http", cty.True)...), plugintest.Options{WorkDir: dir})
				if !got.Succeeded() || sent.Load() != tc.want || got.Outputs.GetAttr("files").LengthInt() != 4 {
					t.Errorf("%s, %d requests, want %d", got, sent.Load(), tc.want)
				}
			}
			if diff := cmp.Diff(files, below(t, filepath.Join(dir, "in"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
