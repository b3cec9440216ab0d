package oci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"syscall"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxIndex bounds the JSON files of a layout.
const maxIndex = 4 << 20

// Manifest stores a manifest and enters it in the index. An entry with the same
// tag is replaced, others stay. One that is there already stays where it is, so
// that the same work leaves the same index.
func (l *Layout) Manifest(ctx context.Context, mediaType string, content []byte) (ocispec.Descriptor, error) {
	desc, err := l.Blob(ctx, Bytes("manifest", content))
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc.MediaType = mediaType
	entry := desc
	if l.tag != "" {
		entry.Annotations = map[string]string{ocispec.AnnotationRefName: l.tag}
	}
	var head struct {
		ArtifactType string `json:"artifactType"`
	}
	if err := json.Unmarshal(content, &head); err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("read manifest: %w", err)
	}
	entry.ArtifactType = head.ArtifactType
	return desc, l.enter(entry)
}

func (l *Layout) enter(entry ocispec.Descriptor) error {
	unlock, err := l.lock()
	if err != nil {
		return err
	}
	defer unlock()
	index, err := l.index()
	if err != nil {
		return err
	}
	if slices.ContainsFunc(index.Manifests, func(d ocispec.Descriptor) bool { return reflect.DeepEqual(d, entry) }) {
		return nil
	}
	tag := entry.Annotations[ocispec.AnnotationRefName]
	index.Manifests = slices.DeleteFunc(index.Manifests, func(d ocispec.Descriptor) bool {
		name := d.Annotations[ocispec.AnnotationRefName]
		sameTag := tag != "" && name == tag
		return sameTag || (d.Digest == entry.Digest && (name == "" || name == tag))
	})
	index.Manifests = append(index.Manifests, entry)
	content, err := json.Marshal(index)
	if err != nil {
		return fmt.Errorf("write index: %w", err)
	}
	return l.replace(ocispec.ImageIndexFile, content)
}

func (l *Layout) index() (ocispec.Index, error) {
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageIndex,
	}
	content, err := readSmall(l.root, ocispec.ImageIndexFile)
	if errors.Is(err, fs.ErrNotExist) {
		return index, nil
	}
	if err != nil {
		return index, fmt.Errorf("read index: %w", err)
	}
	if err := json.Unmarshal(content, &index); err != nil {
		return index, fmt.Errorf("read index: %w", err)
	}
	return index, nil
}

// replace writes a file beside its place and renames it, so that readers see
// the old content or the new.
func (l *Layout) replace(name string, content []byte) error {
	temp := ingestFolder + "/" + name
	if err := l.root.WriteFile(temp, content, 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := l.root.Rename(temp, name); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), l.root.Remove(temp))
	}
	return nil
}

func checkVersion(content []byte) error {
	var layout ocispec.ImageLayout
	if err := json.Unmarshal(content, &layout); err != nil {
		return fmt.Errorf("read %s: %w", ocispec.ImageLayoutFile, err)
	}
	if layout.Version != ocispec.ImageLayoutVersion {
		return fmt.Errorf("the layout has version %q, not %q", layout.Version, ocispec.ImageLayoutVersion)
	}
	return nil
}

// readSmall reads a regular file of a bounded size.
func readSmall(root *os.Root, name string) ([]byte, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if len(content) > maxIndex {
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxIndex)
	}
	return content, nil
}
