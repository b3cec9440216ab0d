package modelpack_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

func TestInputs(t *testing.T) {
	t.Parallel()
	h := start(t)
	if diff := cmp.Diff(sdk.Inputs{Complete: true, Files: []string{"out/*"}}, h.Inputs("model", digits(nil))); diff != "" {
		t.Error(diff)
	}
	pushed := h.Inputs("model", digits(map[string]cty.Value{
		"registry": cty.ObjectVal(map[string]cty.Value{"repository": cty.StringVal("example.com/models/digits")}),
	}))
	if diff := cmp.Diff(sdk.Inputs{Reason: "it pushes to a registry"}, pushed); diff != "" {
		t.Error(diff)
	}
}

// All that a reader of the layout needs belongs to the result, and building the
// same again leaves the same files.
func TestFilesOfTheResult(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string][]byte{"out/w.safetensors": weights(2)})
	h := start(t)
	var before map[string]string
	for range 2 {
		got := h.Build("model", digits(nil), plugintest.Options{WorkDir: dir})
		if !got.Succeeded() {
			t.Fatal(got)
		}
		after := make(map[string]string)
		var shared []string
		for _, f := range got.Result.GetFiles() {
			content, err := os.ReadFile(filepath.Join(dir, f.GetPath()))
			if err != nil {
				t.Fatal(err)
			}
			after[f.GetPath()] = string(content)
			if f.GetShared() {
				shared = append(shared, f.GetPath())
			}
		}
		// The layout's two files, the blobs of weights, config and manifest, and of
		// the bill of materials its document, its empty config and its manifest.
		if len(after) != 8 || !slices.Equal(shared, []string{"dist/digits/index.json"}) {
			t.Errorf("files %v, shared %q", after, shared)
		}
		if diff := cmp.Diff(before, after); before != nil && diff != "" {
			t.Error(diff)
		}
		before = after
	}
}
