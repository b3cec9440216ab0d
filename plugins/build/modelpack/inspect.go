package modelpack

import (
	"bytes"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/safetensors"
)

// Formats of weights, as they go into the config and the annotations.
const (
	formatSafetensors = "safetensors"
	formatUnknown     = "unknown"
	formatMixed       = "mixed"
)

const indexSuffix = ".safetensors.index.json"

// findings are what inspection learns about a package.
type findings struct {
	mu      sync.Mutex
	formats map[string]bool                // of its weights
	shards  map[string]safetensors.Summary // by name in the package
}

// inspect looks at a file before it is packed. Verified says that its kind is
// known from its content.
func (fs *findings) inspect(f file, k kind, c *content.Content) (verified bool, err error) {
	if c.Hollow {
		return false, refuse("file_hollow", f.from+" has never been written",
			"It is a sparse file: whatever wrote it has reserved its size and stopped, or has written almost nothing. Write it again.",
			fmt.Errorf("it says that it has %d bytes, and almost none of them are on disk", c.Size))
	}
	prefix, err := head(c.Section())
	if err != nil {
		return false, fmt.Errorf("read %s: %w", f.from, err)
	}
	if strings.HasSuffix(strings.ToLower(f.name), ".safetensors") {
		summary, err := safetensors.Check(c.Section(), c.Size)
		if err != nil {
			return false, refuse("safetensors_invalid", f.from+" is not a valid safetensors file",
				"It is truncated, damaged, or was not written as safetensors. Write it again with a current library.", err)
		}
		fs.found(formatSafetensors)
		fs.mu.Lock()
		defer fs.mu.Unlock()
		fs.shards[f.name] = summary
		return true, nil
	}
	if err := refusePickle(c, prefix); err != nil {
		return false, refuse("pickle_refused", f.from+" cannot be packed",
			"A package holds data, never code that runs on loading. Convert the weights to safetensors.", err)
	}
	if k != kindWeight {
		return false, nil
	}
	if c.Size == 0 {
		return false, refuse("weights_empty", f.from+" is empty", "", nil)
	}
	if name := archiveName(prefix); name != "" && !strings.HasSuffix(strings.ToLower(f.name), ".npz") && !strings.HasSuffix(strings.ToLower(f.name), ".keras") {
		return false, refuse("archive_refused", f.from+" cannot be packed as weights",
			"What an archive holds cannot be judged. Unpack it, or convert the weights to safetensors.", fmt.Errorf("it is a %s archive", name))
	}
	format, verified := formatOf(f.name, prefix)
	fs.found(format)
	return verified, nil
}

// found notes a format. Files are inspected side by side.
func (fs *findings) found(format string) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.formats[format] = true
}

// archiveName recognises containers by their first bytes.
func archiveName(prefix []byte) string {
	for magic, name := range map[string]string{
		"PK\x03\x04": "zip", "\x1f\x8b": "gzip", "\x28\xb5\x2f\xfd": "zstd",
		"7z\xbc\xaf\x27\x1c": "7z", "\xfd7zXZ": "xz", "BZh": "bzip2",
	} {
		if bytes.HasPrefix(prefix, []byte(magic)) {
			return name
		}
	}
	if len(prefix) > 262 && bytes.Equal(prefix[257:262], []byte("ustar")) {
		return "tar"
	}
	return ""
}

// formatOf is the format of weights, and whether their first bytes show it.
func formatOf(name string, prefix []byte) (string, bool) {
	switch {
	case bytes.HasPrefix(prefix, []byte("GGUF")):
		return "gguf", true
	case bytes.HasPrefix(prefix, []byte("\x89HDF\r\n\x1a\n")):
		return "hdf5", true
	case strings.EqualFold(path.Ext(name), ".onnx"):
		return "onnx", false
	}
	return formatUnknown, false
}

// format is that of all weights together; empty when there are none.
func (fs *findings) format() string {
	if len(fs.formats) > 1 {
		return formatMixed
	}
	for f := range fs.formats {
		return f
	}
	return ""
}

// checkIndex compares an index of shards with the shards beside it.
func (fs *findings) checkIndex(f file, c *content.Content) error {
	beside := make(map[string]safetensors.Summary)
	for name, summary := range fs.shards {
		if path.Dir(name) == path.Dir(f.name) {
			beside[path.Base(name)] = summary
		}
	}
	stem := strings.TrimSuffix(path.Base(f.name), indexSuffix)
	if err := safetensors.CheckIndex(c.Section(), stem, beside); err != nil {
		return refuse("safetensors_invalid", f.from+" does not fit the shards", "Pack the index together with the shards that it was written with.", err)
	}
	return nil
}
