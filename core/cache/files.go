package cache

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/stagegate/stagegate/sdk/inputs"
)

// maxBytes bounds the files that one stage depends on.
const maxBytes = 256 << 30

// seen is a file of the work folder as it was looked at.
type seen struct {
	path string
	sum
}

// digest also says whether the file can be executed: that is content too.
func (s seen) digest() string {
	if s.executable {
		return s.hash + "+x"
	}
	return s.hash
}

// look finds and hashes the files that names and patterns mean, sorted. An
// entry that means no file is an error: it is more likely misspelt than meant,
// and what it should have covered would change unnoticed.
func (c *Cache) look(ctx context.Context, root *os.Root, entries []string) ([]seen, error) {
	names, err := c.names(ctx, root, entries)
	if err != nil {
		return nil, err
	}
	out := make([]seen, 0, len(names))
	var size int64
	for name := range names {
		s, err := c.sum(ctx, root, name)
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", name, inputs.Plain(err))
		}
		if size += s.size; size > maxBytes {
			return nil, fmt.Errorf("its inputs have more than %d GiB", maxBytes>>30)
		}
		out = append(out, seen{name, s})
	}
	slices.SortFunc(out, func(a, b seen) int { return cmp.Compare(a.path, b.path) })
	return out, nil
}

// sum is a file's content, or what is assumed of it.
func (c *Cache) sum(ctx context.Context, root *os.Root, name string) (sum, error) {
	if f, ok := c.assumed.file(name); ok {
		return sum{hash: f.Digest, size: f.Size, executable: f.Executable}, nil
	}
	return c.sums.of(ctx, root, name)
}

// names finds the files, with those that are assumed.
func (c *Cache) names(ctx context.Context, root *os.Root, entries []string) (map[string]bool, error) {
	return inputs.Find(ctx, root, entries, c.assumed.meant)
}
