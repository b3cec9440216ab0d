package pluginhost

import (
	"os"
	"slices"
	"strings"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Described are the descriptions that are known of plugins that can be found,
// sorted by name. No plugin is started and no binary is read, so that one may be
// missing or that of an earlier binary: good enough to suggest names, and for
// nothing else.
func Described(o Options) []*pluginv1.DescribeResponse {
	dirs, err := searchDirs(o)
	if err != nil {
		return nil
	}
	names := installed(dirs)
	entries, err := os.ReadDir(o.CacheDir)
	if err != nil {
		return nil
	}
	type known struct {
		when int64
		what *pluginv1.DescribeResponse
	}
	newest := make(map[string]known)
	for _, e := range entries {
		digest, ok := strings.CutSuffix(e.Name(), cacheSuffix)
		info, err := e.Info()
		if !ok || err != nil {
			continue
		}
		when := info.ModTime().UnixNano()
		if d, ok := (cache{o.CacheDir}).read(digest); ok && slices.Contains(names, d.GetName()) && newest[d.GetName()].when < when {
			newest[d.GetName()] = known{when, d}
		}
	}
	out := make([]*pluginv1.DescribeResponse, 0, len(newest))
	for _, k := range newest {
		out = append(out, k.what)
	}
	slices.SortFunc(out, func(a, b *pluginv1.DescribeResponse) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out
}
