package pluginhost

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/testing/protocmp"
)

func TestDescribeIsCached(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.CacheDir = filepath.Join(t.TempDir(), "cache")
	first := newHost(t, o)
	want, digest, err := first.Describe(t.Context(), "fake")
	if err != nil {
		t.Fatal(err)
	}
	closeHost(t, first)
	path := cache{o.CacheDir}.path(digest)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	describe := func(t *testing.T, starts bool) {
		t.Helper()
		h := newHost(t, o)
		got, again, err := h.Describe(t.Context(), "fake")
		if err != nil || again != digest {
			t.Fatalf("got %s, %v", again, err)
		}
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Error(diff)
		}
		if started := len(marked(h)) > 0; started != starts {
			t.Errorf("a process was started: %v, want %v", started, starts)
		}
		closeHost(t, h)
	}
	describe(t, false)
	for name, bad := range map[string][]byte{
		"flipped":   append(append([]byte{}, good[:len(good)-1]...), good[len(good)-1]^1),
		"truncated": good[:len(good)/2],
		"short":     good[:10],
		"empty":     {},
		"huge":      make([]byte, 2*maxDescription),
	} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { describe(t, true) })
		if healed, err := os.ReadFile(path); err != nil || string(healed) != string(good) {
			t.Errorf("%s: the file was not written again: %v", name, err)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := cache{t.TempDir()}
	for i := range cacheEntries + 5 {
		if err := c.store(fmt.Sprintf("sha256:%064d", i), &pluginv1.DescribeResponse{Name: "x"}); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(c.dir)
	if err != nil || len(entries) != cacheEntries {
		t.Errorf("got %d entries, %v", len(entries), err)
	}
	if _, ok := c.load("x", fmt.Sprintf("sha256:%064d", cacheEntries+4)); !ok {
		t.Error("the newest is not there")
	}
	if _, ok := c.load("y", fmt.Sprintf("sha256:%064d", cacheEntries+4)); ok {
		t.Error("the description of another plugin was taken")
	}
}

func TestCacheThatCannotBeWrittenIsNoObstacle(t *testing.T) {
	t.Parallel()
	o := options(t)
	o.CacheDir = "/proc/nonexistent"
	succeeds(t, newHost(t, o))
}

func TestCheckDescription(t *testing.T) {
	t.Parallel()
	component := func(name string, kind pluginv1.Kind) *pluginv1.Component {
		return &pluginv1.Component{Name: name, Kind: kind}
	}
	builder := pluginv1.Kind_KIND_BUILDER
	for name, tc := range map[string]struct {
		d    *pluginv1.DescribeResponse
		text string
	}{
		"good":        {&pluginv1.DescribeResponse{Name: "x", Components: []*pluginv1.Component{component("a", builder)}}, ""},
		"other name":  {&pluginv1.DescribeResponse{Name: "y"}, "calls itself"},
		"bad name":    {&pluginv1.DescribeResponse{Name: "x", Components: []*pluginv1.Component{component("A b", builder)}}, "does not match"},
		"twice":       {&pluginv1.DescribeResponse{Name: "x", Components: []*pluginv1.Component{component("a", builder), component("a", builder)}}, "two components"},
		"no kind":     {&pluginv1.DescribeResponse{Name: "x", Components: []*pluginv1.Component{component("a", 0)}}, "does not know"},
		"future kind": {&pluginv1.DescribeResponse{Name: "x", Components: []*pluginv1.Component{component("a", 99)}}, "does not know"},
		"too many":    {&pluginv1.DescribeResponse{Name: "x", Components: make([]*pluginv1.Component, maxComponents+1)}, "components, the limit"},
		"too big":     {&pluginv1.DescribeResponse{Name: "x", Version: strings.Repeat("v", maxDescription)}, "bytes, the limit"},
	} {
		err := checkDescription("x", tc.d)
		if (err == nil) != (tc.text == "") || err != nil && !strings.Contains(err.Error(), tc.text) {
			t.Errorf("%s: got %v, want %q", name, err, tc.text)
		}
	}
}
