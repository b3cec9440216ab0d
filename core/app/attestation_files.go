package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/stagegate/stagegate/core/runstate"
)

// exportAttestations writes statements to a folder, each once, and gives the
// names of the files.
func exportAttestations(blobs runstate.Blobs, entries []attestationEntry, folder string) ([]string, error) {
	content := make(map[string]*bytes.Buffer)
	var names []string
	seen := make(map[string]bool)
	for _, e := range entries {
		digest, suffix := e.EnvelopeDigest, ".intoto.jsonl"
		if digest == "" {
			digest, suffix = e.Digest, ".statements.jsonl"
		}
		// A stage may be named like a path.
		name := filepath.Join(folder, url.PathEscape(e.Stage)+suffix)
		if key := name + "\x00" + digest; seen[key] {
			continue
		} else {
			seen[key] = true
		}
		document, err := readBlob(blobs, digest)
		if err != nil {
			return nil, err
		}
		if content[name] == nil {
			content[name] = new(bytes.Buffer)
			names = append(names, name)
		}
		if err := json.Compact(content[name], document); err != nil {
			return nil, fmt.Errorf("read statement %s: %w", digest, err)
		}
		_ = content[name].WriteByte('\n') // memory never fails
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // for everybody: nothing in it is secret
		return nil, usable(folder, err)
	}
	for _, name := range names {
		if err := writeWhole(name, content[name].Bytes()); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// digestOf is how the blob store names content.
func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// short is the beginning of a digest, for people.
func short(digest string) string {
	const shown = len("sha256:") + 12
	return digest[:min(len(digest), shown)]
}
