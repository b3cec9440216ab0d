package cache_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// leaving has the stage leave files.
func (w *world) leaving(files ...*pluginv1.ResultFile) {
	w.t.Helper()
	for _, f := range files {
		w.write(f.GetPath(), "content of "+f.GetPath())
	}
	w.made.Files = files
	w.learn()
}

func (w *world) restore() error {
	w.t.Helper()
	l := w.look()
	if l.Found() == nil {
		w.t.Fatalf("not found: %q", l.Why())
	}
	return l.Restore(w.t.Context())
}

func (w *world) content(name string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.options.Root, name))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

func TestFilesArePutBack(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(*world){
		"untouched": func(*world) {},
		"gone": func(w *world) {
			if err := os.RemoveAll(filepath.Join(w.options.Root, "out")); err != nil {
				w.t.Fatal(err)
			}
		},
		"changed":     func(w *world) { w.write("out/deep/m", "else") },
		"same length": func(w *world) { w.write("out/deep/m", strings.Repeat("x", len("content of out/deep/m"))) },
		"mode":        func(w *world) { w.executable("out/deep/m") },
		"link": func(w *world) {
			w.remove("out/deep/m")
			if err := os.Symlink("../../src/a", filepath.Join(w.options.Root, "out/deep/m")); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.leaving(&pluginv1.ResultFile{Path: "out/deep/m"})
			meanwhile(w)
			if err := w.restore(); err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(filepath.Join(w.options.Root, "out/deep/m"))
			if err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 != 0 || w.content("out/deep/m") != "content of out/deep/m" {
				t.Errorf("%v, %v, %q", info, err, w.content("out/deep/m"))
			}
			if w.content("src/a") != "a" {
				t.Error("it was written through a link")
			}
			left, err := filepath.Glob(filepath.Join(w.options.Root, "out/deep/.*"))
			if err != nil || len(left) != 0 {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}

func TestNothingIsRestoredOutside(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.leaving(&pluginv1.ResultFile{Path: "out/m"})
	outside := t.TempDir()
	if err := os.RemoveAll(filepath.Join(w.options.Root, "out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(w.options.Root, "out")); err != nil {
		t.Fatal(err)
	}
	if err := w.restore(); err == nil || err.Error() != "restore out/m: it leads out of the pipeline's folder" {
		t.Errorf("Restore = %v", err)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("written outside: %v, %v", left, err)
	}
}

// A file that others write to is put back where it is missing, and is never
// taken from them.
func TestSharedFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.leaving(&pluginv1.ResultFile{Path: "index", Shared: true})
	w.hits()
	w.remove("index")
	if err := w.restore(); err != nil || w.content("index") != "content of index" {
		t.Errorf("%v, %q", err, w.content("index"))
	}
	l := w.look()
	w.write("index", "somebody else's")
	if err := l.Restore(t.Context()); err == nil || w.content("index") != "somebody else's" {
		t.Errorf("%v, %q", err, w.content("index"))
	}
	w.misses("index was changed by others")
}

func TestWhatIsGoneIsNotFound(t *testing.T) {
	t.Parallel()
	put := func(w *world, content string) string {
		sum, _, err := w.store.Blobs().Put(t.Context(), strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	blob := func(w *world, sum string) string {
		return filepath.Join(w.store.Home(), "blobs", "sha256", strings.TrimPrefix(sum, "sha256:"))
	}
	for name, tc := range map[string]struct {
		damage func(path string) error
		why    string
	}{
		"removed": {os.Remove, "the last result is gone: artifact m "},
		"cut off": {func(path string) error { return os.Truncate(path, 1) }, "the last result is gone: artifact m "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			sum := put(w, "weights")
			w.made.Artifacts = []event.Artifact{{Name: "m", Digest: sum, Size: 7, Location: "blob:" + sum}}
			w.learn()
			w.hits()
			if err := tc.damage(blob(w, sum)); err != nil {
				t.Fatal(err)
			}
			l := w.look()
			if l.Found() != nil || !strings.HasPrefix(l.Why()[0], tc.why) || !l.Cacheable() {
				t.Errorf("%q", l.Why())
			}
		})
	}
	for name, made := range map[string]func(w *world, sum string) engine.MadeResult{
		"statement": func(_ *world, sum string) engine.MadeResult {
			return engine.MadeResult{StageResult: engine.StageResult{Attestations: []event.Attestation{{Digest: sum}}}}
		},
		"envelope": func(w *world, sum string) engine.MadeResult {
			return engine.MadeResult{StageResult: engine.StageResult{Attestations: []event.Attestation{{Digest: put(w, "statement"), EnvelopeDigest: sum}}}}
		},
		"file": func(w *world, _ string) engine.MadeResult {
			w.write("out/m", "document")
			return engine.MadeResult{Files: []*pluginv1.ResultFile{{Path: "out/m"}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			sum := put(w, "document")
			w.made = made(w, sum)
			w.learn()
			w.hits()
			if err := os.Remove(blob(w, sum)); err != nil {
				t.Fatal(err)
			}
			if l := w.look(); l.Found() != nil || !strings.HasPrefix(l.Why()[0], "the last result is gone: ") {
				t.Errorf("%q", l.Why())
			}
		})
	}
}

func TestDamagedContentIsNotPutBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.leaving(&pluginv1.ResultFile{Path: "m"})
	blobs, err := filepath.Glob(filepath.Join(w.store.Home(), "blobs", "sha256", "*"))
	if err != nil || len(blobs) != 1 {
		t.Fatalf("%q, %v", blobs, err)
	}
	if err := os.WriteFile(blobs[0], []byte(strings.Repeat("x", len("content of m"))), 0o600); err != nil {
		t.Fatal(err)
	}
	w.remove("m")
	if err := w.restore(); err == nil || !strings.Contains(err.Error(), "the kept content is damaged") {
		t.Errorf("Restore = %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(w.options.Root, "*m*")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// What the store does not have is not kept: nobody would notice that it is gone.
func TestNotKept(t *testing.T) {
	t.Parallel()
	sum := digest("x")
	for name, tc := range map[string]struct {
		made engine.MadeResult
		why  string
	}{
		"pushed":         {engine.MadeResult{StageResult: engine.StageResult{Artifacts: []event.Artifact{{Name: "m", Digest: sum, Location: "oci://example.com/m@" + sum}}}}, "its artifact m is kept elsewhere, at oci://example.com/m@" + sum},
		"no blob":        {engine.MadeResult{StageResult: engine.StageResult{Artifacts: []event.Artifact{{Name: "m", Digest: sum, Location: "blob:" + sum}}}}, "its artifact m is kept elsewhere"},
		"layout":         {engine.MadeResult{StageResult: engine.StageResult{Artifacts: []event.Artifact{{Name: "m", Digest: sum, Location: "oci-layout:/elsewhere@" + sum}}}}, "its artifact m is kept elsewhere"},
		"file missing":   {engine.MadeResult{Files: []*pluginv1.ResultFile{{Path: "nothing"}}}, "its file nothing cannot be kept: no such file or directory"},
		"file outside":   {engine.MadeResult{Files: []*pluginv1.ResultFile{{Path: "../x"}}}, `its file "../x" is not within the pipeline's folder`},
		"file unnamed":   {engine.MadeResult{Files: []*pluginv1.ResultFile{{}}}, `its file "" is not within the pipeline's folder`},
		"folder":         {engine.MadeResult{Files: []*pluginv1.ResultFile{{Path: "src"}}}, "its file src cannot be kept: it is no regular file"},
		"broken outputs": {engine.MadeResult{StageResult: engine.StageResult{Outputs: []byte("{")}}, "read outputs: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := w.look().Keep(t.Context(), "r", tc.made); err == nil || !strings.HasPrefix(err.Error(), tc.why) {
				t.Errorf("Keep = %v, want %q", err, tc.why)
			}
			w.misses("it has no earlier result")
		})
	}
}

// Paths of the checkout are those of the checkout in which they are read.
func TestPathsFollowTheCheckout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	root := w.options.Root
	sum := digest("x")
	text := func(root string) map[string]cty.Value {
		return map[string]cty.Value{
			"reference": cty.StringVal("oci-layout:" + root + "/dist/m@" + sum), "folder": cty.StringVal(root),
			"file": cty.StringVal(root + "/a"), "other": cty.StringVal(root + "x/a"), "later": cty.StringVal("in " + root),
		}
	}
	outputs, err := ctyjson.Marshal(cty.ObjectVal(text(root)), cty.DynamicPseudoType)
	if err != nil {
		t.Fatal(err)
	}
	w.query.Config = config(map[string]cty.Value{"model": artifact("m", "x", "oci-layout:"+root+"/dist/m@"+sum), "dir": cty.StringVal(root + "/src")})
	w.made.Outputs = outputs
	w.learn()

	w.options.Root = t.TempDir()
	w.write("src/a", "a")
	w.write("src/b", "b")
	w.query.Config = config(map[string]cty.Value{"model": artifact("m", "x", "oci-layout:"+w.options.Root+"/dist/m@"+sum), "dir": cty.StringVal(w.options.Root + "/src")})
	got, err := ctyjson.Unmarshal(w.hits().Outputs, cty.DynamicPseudoType)
	if err != nil {
		t.Fatal(err)
	}
	want := text(w.options.Root)
	want["other"], want["later"] = cty.StringVal(root+"x/a"), cty.StringVal("in "+root)
	if !got.RawEquals(cty.ObjectVal(want)) {
		t.Errorf("got %#v", got)
	}
	w.query.Config = config(map[string]cty.Value{"model": artifact("m", "x", "oci-layout:"+w.options.Root+"/dist/m@"+sum), "dir": cty.StringVal(root + "/src")})
	w.misses("config.dir changed")
}

// Two runners with one store keep and find the same.
func TestTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.made.Files = []*pluginv1.ResultFile{{Path: "out/m"}}
	w.write("out/m", "content")
	done := make(chan error)
	for range 4 {
		go func() {
			var err error
			for range 10 {
				l := w.look()
				if l.Found() == nil {
					err = l.Keep(t.Context(), "r", w.made)
				} else {
					err = l.Restore(t.Context())
				}
				if err != nil {
					break
				}
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	w.hits()
}
