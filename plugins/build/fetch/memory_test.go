package fetch_test

import (
	"archive/tar"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/sdk/plugintest"
)

// The variables of the process that is measured.
const (
	memoryDir  = "FETCH_TEST_DIR"
	memoryFrom = "FETCH_TEST_FROM"
)

const large = 300 << 20

// Whatever a package holds takes the same memory: measured in a process of its
// own, by the kernel.
func TestMemory(t *testing.T) {
	t.Parallel()
	if dir := os.Getenv(memoryDir); dir != "" {
		t.Log(start(t).Build("fetch", object("from", os.Getenv(memoryFrom), "into", "in"), plugintest.Options{WorkDir: dir}))
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s", status)
		return
	}
	sum := sha256.New()
	if _, err := io.CopyN(sum, zeros{}, large); err != nil {
		t.Fatal(err)
	}
	zero := digest.NewDigest(digest.SHA256, sum)
	bomb := compress(t, "zstd", zeroArchive())
	packed := raw("bomb", bomb)
	packed.MediaType = spec.MediaTypeModelWeightZstd
	for name, tc := range map[string]struct {
		layer ocispec.Descriptor
		want  string
	}{
		"weights": {ocispec.Descriptor{
			MediaType: spec.MediaTypeModelWeightRaw, Digest: zero, Size: large,
			Annotations: map[string]string{spec.AnnotationFilepath: "w"},
		}, "OUTCOME_SUCCEEDED"},
		"a bomb": {packed, "archive_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{tc.layer}}, bomb)
			stored := filepath.Join(dir, "dist/blobs/sha256", zero.Encoded())
			if err := os.WriteFile(stored, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(stored, large); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMemory$", "-test.v")
			cmd.Env = append(os.Environ(), memoryDir+"="+dir, memoryFrom+"="+from)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tc.want) {
				t.Fatalf("%v\n%s", err, out)
			}
			m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(out)
			if m == nil {
				t.Fatalf("%s", out)
			}
			if peak, err := strconv.Atoi(string(m[1])); err != nil || peak > 150<<10 {
				t.Errorf("it took %d kB, %v", peak, err)
			}
		})
	}
}

// zeroArchive is an archive of one large file.
func zeroArchive() io.Reader {
	r, w := io.Pipe()
	go func() {
		tw := tar.NewWriter(w)
		h := file("zeros", large)
		err := tw.WriteHeader(&h)
		if err == nil {
			_, err = io.CopyN(tw, zeros{}, h.Size)
		}
		if err == nil {
			err = tw.Close()
		}
		w.CloseWithError(err)
	}()
	return r
}
