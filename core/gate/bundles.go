package gate

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// bundles are what the operator's policies evaluated first. One run is judged by
// one version of them: stages run as the account of the runner, and one of them
// could write other rules between two decisions.
type bundles struct {
	mu    sync.Mutex
	first map[int]string // by the policy's place in the configuration
}

// same is why an answer does not count beside earlier ones of its policy, or
// nil. What a pipeline brings itself may change: it can only deny.
func (b *bundles) same(c call, resp *pluginv1.EvaluateResponse) error {
	if c.stage != "" || len(resp.GetBundles()) == 0 {
		return nil
	}
	digests := make([]string, 0, len(resp.GetBundles()))
	for _, one := range resp.GetBundles() {
		digests = append(digests, one.GetDigest())
	}
	slices.Sort(digests)
	now := strings.Join(digests, ", ")
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.first == nil {
		b.first = make(map[int]string)
	}
	before, known := b.first[c.place]
	if !known {
		b.first[c.place] = now
		return nil
	}
	if before != now {
		return fmt.Errorf("its rules have changed during the run: it had %s, and has %s", before, now)
	}
	return nil
}
