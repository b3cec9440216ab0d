package modelpack

import (
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"time"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/content"
)

// describe adds to a stored layer what the specification wants to know of its
// file. Owner and time are constants, so that the digest depends on nothing but
// content, name and the executable bit.
func describe(layer ocispec.Descriptor, f file, k kind, c *content.Content, verified bool) (ocispec.Descriptor, error) {
	mode := uint32(0o644)
	if c.Executable {
		mode = 0o755
	}
	metadata, err := json.Marshal(spec.FileMetadata{
		Name: path.Base(f.name), Mode: mode, Size: c.Size,
		ModTime: time.Unix(0, 0).UTC(), Typeflag: '0',
	})
	if err != nil {
		return layer, fmt.Errorf("encode file metadata: %w", err)
	}
	layer.MediaType = k.mediaType()
	layer.Annotations = map[string]string{
		spec.AnnotationFilepath:          f.name,
		spec.AnnotationFileMetadata:      string(metadata),
		spec.AnnotationMediaTypeUntested: strconv.FormatBool(!verified),
		ocispec.AnnotationTitle:          f.name,
	}
	return layer, nil
}
