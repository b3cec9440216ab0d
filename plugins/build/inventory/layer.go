package inventory

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"strings"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/refusal"
)

// Layer is one layer of a package.
type Layer struct {
	Desc  ocispec.Descriptor
	Name  string // of its file, or for messages
	Plain string // digest of the file itself, where it is known
	Kind  string // media type of the file itself
	Mode  os.FileMode
}

// layerOf reads what a manifest says about a layer.
func layerOf(desc ocispec.Descriptor, plain string) (Layer, error) {
	l := Layer{Desc: desc, Plain: plain, Kind: desc.MediaType, Mode: 0o644}
	for _, key := range []string{spec.AnnotationFilepath, ocispec.AnnotationTitle} {
		if l.Name == "" {
			l.Name = desc.Annotations[key]
		}
	}
	if l.Name == "" && l.Archive() == "" {
		return l, refusal.New(invalid, "a layer of the package has no name", "Packages of build.model and of other ModelPack tools name each file.",
			fmt.Errorf("layer %s has no annotation %s", desc.Digest, spec.AnnotationFilepath))
	}
	if l.Encrypted() {
		l.Kind = desc.Annotations[oci.AnnotationPlainMediaType]
		noted := desc.Annotations[oci.AnnotationPlainDigest]
		if l.Plain == "" {
			l.Plain = noted
		}
		if noted != l.Plain || digest.Digest(l.Plain).Validate() != nil {
			return l, refusal.New(invalid, "the manifest cannot be used", "",
				fmt.Errorf("%.200q should be %.100q once it is open by the manifest, and %.100q by the config", l.Name, noted, l.Plain))
		}
	}
	var metadata spec.FileMetadata
	if json.Unmarshal([]byte(desc.Annotations[spec.AnnotationFileMetadata]), &metadata) == nil && metadata.Mode&0o100 != 0 {
		l.Mode = 0o755
	}
	return l, nil
}

// Encrypted reports whether the layer is an age file.
func (l Layer) Encrypted() bool { return l.Desc.MediaType == oci.MediaTypeEncrypted }

// Archive is how the layer is packed: tar, with a compression or without; empty
// for a file as it is.
func (l Layer) Archive() string {
	for suffix, name := range map[string]string{
		".tar": "tar", ".tar+gzip": "gzip", ".tar.gzip": "gzip", ".tar+zstd": "zstd",
	} {
		if strings.HasSuffix(l.Kind, suffix) {
			return name
		}
	}
	return ""
}

// Title is a short name for messages.
func (l Layer) Title() string {
	if l.Name == "" {
		return l.Desc.Digest.String()
	}
	return fmt.Sprintf("%.200s", path.Base(l.Name))
}

// Size is that of the file itself, for a layer that is one file, where that is
// known before it has been read.
func (l Layer) Size() (int64, bool) { return l.Desc.Size, !l.Encrypted() }

// Digest is that of the file itself, for a layer that is one file. It is what the
// package says until the layer has been read.
func (l Layer) Digest() string {
	if l.Encrypted() {
		return l.Plain
	}
	return l.Desc.Digest.String()
}
