package app

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
)

// blobLocation begins the location of an artifact that is in the blob store.
const blobLocation = "blob:"

// missingArtifacts makes sure that what finished stages have made for those
// that still run is there.
func (on *goingOn) missingArtifacts(blobs runstate.Blobs) error {
	var problems []error
	for _, name := range on.needed() {
		for _, a := range on.past.Stages[name].Artifacts {
			if !strings.HasPrefix(a.Location, blobLocation) {
				continue
			}
			f, err := blobs.Open(strings.TrimPrefix(a.Location, blobLocation))
			if errors.Is(err, runstate.ErrNotFound) {
				address := pipeline.StageAddress(name)
				err = fmt.Errorf("artifact %q of %s is needed and not in the state folder any more (%s); make it again with all that depends on it: runner run --restart-from %s %s",
					a.Name, address, a.Digest, address, on.id)
			}
			if err != nil {
				problems = append(problems, err)
				continue
			}
			problems = append(problems, f.Close())
		}
	}
	if err := errors.Join(problems...); err != nil {
		return usage(err)
	}
	return nil
}

// readBlob reads a whole blob and checks it.
func readBlob(blobs runstate.Blobs, digest string) ([]byte, error) {
	f, err := blobs.Open(digest)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read blob %s: %w", digest, err)
	}
	if sum := sha256.Sum256(data); "sha256:"+hex.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("read blob %s: it has been changed", digest)
	}
	return data, nil
}

// needed are the stages that have succeeded and that others, which still run,
// need in some way.
func (on *goingOn) needed() []string {
	needs, dependents := make(map[string][]string), make(map[string][]string)
	for _, s := range on.run.Stages {
		needs[s.Name] = s.Needs
		for _, need := range s.Needs {
			dependents[need] = append(dependents[need], s.Name)
		}
	}
	again := reach(on.past.Again, dependents)
	var left []string
	for _, s := range on.run.Stages {
		if again[s.Name] || !on.past.Stages[s.Name].Succeeded() {
			left = append(left, s.Name)
		}
	}
	var out []string
	for name := range reach(left, needs) {
		if !again[name] && on.past.Stages[name].Succeeded() {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// reach is all that can be reached from some names.
func reach(from []string, next map[string][]string) map[string]bool {
	seen := make(map[string]bool)
	for queue := slices.Clone(from); len(queue) > 0; queue = queue[1:] {
		if !seen[queue[0]] {
			seen[queue[0]] = true
			queue = append(queue, next[queue[0]]...)
		}
	}
	return seen
}
