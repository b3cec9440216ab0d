package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	orasoci "oras.land/oras-go/v2/content/oci"
)

func layout(t *testing.T, dir, tag string) *Layout {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	l, err := OpenLayout(root, tag, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// publish stores a small artifact and returns its manifest.
func publish(t *testing.T, to Target, content string) ocispec.Descriptor {
	t.Helper()
	layer, err := to.Blob(t.Context(), Source{Name: "layer", Size: int64(len(content)), Open: Bytes("", []byte(content)).Open})
	if err != nil {
		t.Fatal(err)
	}
	layer.MediaType = "application/octet-stream"
	return publishLayer(t, to, layer)
}

func publishLayer(t *testing.T, to Target, layer ocispec.Descriptor) ocispec.Descriptor {
	t.Helper()
	config, err := to.Blob(t.Context(), Bytes("config", []byte("{}")))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := Manifest{ArtifactType: "application/x-test", ConfigType: "application/x-config", Layers: []ocispec.Descriptor{layer}}.encode(config)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := to.Manifest(t.Context(), ocispec.MediaTypeImageManifest, raw)
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

// Another implementation reads what was written.
func TestLayoutIsReadable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	desc := publish(t, layout(t, dir, "1.0"), "hello")
	store, err := orasoci.NewFromFS(t.Context(), os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	found, err := store.Resolve(t.Context(), "1.0")
	if err != nil || found.Digest != desc.Digest {
		t.Fatalf("tag resolves to %v, %v", found, err)
	}
	r, err := store.Fetch(t.Context(), found)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || digest.FromBytes(raw) != desc.Digest {
		t.Errorf("manifest %s, %v", raw, err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, ingestFolder)); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestLayoutKeepsOtherEntries(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publish(t, layout(t, dir, "1"), "one")
	publish(t, layout(t, dir, "2"), "two")
	last := publish(t, layout(t, dir, "1"), "three")
	publish(t, layout(t, dir, "1"), "three")
	index, err := layout(t, dir, "").index()
	if err != nil {
		t.Fatal(err)
	}
	if len(index.Manifests) != 2 || index.Manifests[1].Digest != last.Digest || index.Manifests[1].ArtifactType != "application/x-test" {
		t.Errorf("index: %+v", index.Manifests)
	}
}

// What is there already does not move: two stages with one layout would
// otherwise each find the index changed by the other, for ever.
func TestLayoutIsLeftAloneByTheSameWork(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publish(t, layout(t, dir, "1"), "one")
	publish(t, layout(t, dir, "2"), "two")
	before, err := os.ReadFile(filepath.Join(dir, ocispec.ImageIndexFile))
	if err != nil {
		t.Fatal(err)
	}
	publish(t, layout(t, dir, "1"), "one")
	after, err := os.ReadFile(filepath.Join(dir, ocispec.ImageIndexFile))
	if err != nil || string(after) != string(before) {
		t.Errorf("index %s, before %s, %v", after, before, err)
	}
}

func TestLayoutManyWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 20 {
		l := layout(t, dir, fmt.Sprint("v", i))
		wg.Go(func() {
			raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "n": i})
			if err == nil {
				_, err = l.Manifest(t.Context(), ocispec.MediaTypeImageManifest, raw)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	index, err := layout(t, dir, "").index()
	if err != nil || len(index.Manifests) != 20 {
		t.Errorf("%d entries, %v", len(index.Manifests), err)
	}
}

func TestLayoutRefuses(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"version":   {"oci-layout": `{"imageLayoutVersion":"9.0.0"}`},
		"not JSON":  {"oci-layout": `hello`},
		"bad index": {"oci-layout": `{"imageLayoutVersion":"1.0.0"}`, "index.json": "["},
		"too large": {"oci-layout": strings.Repeat(" ", maxIndex+1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, content := range files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = root.Close() }()
			l, err := OpenLayout(root, "", nil)
			if err == nil {
				_, err = l.Manifest(t.Context(), "", []byte("{}"))
			}
			if err == nil {
				t.Error("it is used all the same")
			}
		})
	}
}

// A link in the layout must not lead a write out of it.
func TestLayoutStaysInside(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"blobs", "ingest", "index.json", "oci-layout"} {
		t.Run(link, func(t *testing.T) {
			t.Parallel()
			dir, outside := t.TempDir(), t.TempDir()
			target := outside
			if strings.Contains(link, ".") || link == "oci-layout" {
				target = filepath.Join(outside, "victim")
			}
			if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
				t.Fatal(err)
			}
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = root.Close() }()
			if l, err := OpenLayout(root, "", nil); err == nil {
				_, _ = l.Manifest(t.Context(), "", []byte("{}")) // may fail or replace the link
			}
			if found, err := os.ReadDir(outside); err != nil || len(found) != 0 {
				t.Errorf("written outside: %v, %v", found, err)
			}
		})
	}
}

func TestLayoutKeepsNothingOfAFailure(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := layout(t, dir, "")
	broken := errors.New("the disk is on fire")
	for name, src := range map[string]Source{
		"reading fails": {Name: "x", Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("abc"), failing{broken})), nil
		}},
		"other digest": {Name: "x", Digest: digest.FromString("other"), Size: 3, Open: Bytes("", []byte("abc")).Open},
	} {
		if _, err := l.Blob(t.Context(), src); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, folder := range []string{ingestFolder, "blobs/sha256"} {
		if left, err := os.ReadDir(filepath.Join(dir, folder)); err != nil || len(left) != 0 {
			t.Errorf("left in %s: %v, %v", folder, left, err)
		}
	}
}

// What a killed writer left goes; what is being written stays.
func TestLayoutSweeps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l := layout(t, dir, "")
	if err := os.WriteFile(filepath.Join(dir, ingestFolder, "dead"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	alive, err := l.ingest()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = alive.Close() }()
	layout(t, dir, "")
	left, err := os.ReadDir(filepath.Join(dir, ingestFolder))
	if err != nil || len(left) != 1 || left[0].Name() != filepath.Base(alive.Name()) {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestLayoutCancel(t *testing.T) {
	t.Parallel()
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	src := Source{Name: "endless", Open: func(context.Context) (io.ReadCloser, error) {
		cancel(stop)
		return io.NopCloser(endless{}), nil
	}}
	if _, err := layout(t, t.TempDir(), "").Blob(ctx, src); !errors.Is(err, stop) {
		t.Errorf("error %v, want the cause", err)
	}
}

// A blob of two gigabytes passes through a bounded amount of memory.
func TestLayoutMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("two gigabytes are digested")
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "sparse")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	const size = 2 << 30
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	desc, err := transfer(t.Context(), Source{Name: "sparse", Open: func(context.Context) (io.ReadCloser, error) { return os.Open(name) }}, io.Discard, "packing", nil)
	runtime.ReadMemStats(&after)
	if err != nil || desc.Size != size {
		t.Fatalf("%d bytes, %v", desc.Size, err)
	}
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 16<<20 {
		t.Errorf("%d bytes were allocated", taken)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }
