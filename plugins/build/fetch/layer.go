package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/encryption"
	"github.com/stagegate/stagegate/plugins/build/oci"
)

// layer is one layer to be.
type layer struct {
	desc  ocispec.Descriptor
	name  string // of its file, or for messages
	plain string // digest of the file itself, where it is known
	kind  string // media type of the file itself
	mode  os.FileMode
}

// layerOf reads what a manifest says about a layer.
func layerOf(desc ocispec.Descriptor, plain string) (layer, error) {
	l := layer{desc: desc, plain: plain, kind: desc.MediaType, mode: 0o644}
	for _, key := range []string{spec.AnnotationFilepath, ocispec.AnnotationTitle} {
		if l.name == "" {
			l.name = desc.Annotations[key]
		}
	}
	if l.name == "" && l.archive() == "" {
		return l, refuse("package_invalid", "a layer of the package has no name", "Packages of build.model and of other ModelPack tools name each file.",
			fmt.Errorf("layer %s has no annotation %s", desc.Digest, spec.AnnotationFilepath))
	}
	if l.encrypted() {
		l.kind = desc.Annotations[oci.AnnotationPlainMediaType]
		noted := desc.Annotations[oci.AnnotationPlainDigest]
		if l.plain == "" {
			l.plain = noted
		}
		if noted != l.plain || digest.Digest(l.plain).Validate() != nil {
			return l, refuse("package_invalid", "the manifest cannot be used", "",
				fmt.Errorf("%.200q should be %.100q once it is open by the manifest, and %.100q by the config", l.name, noted, l.plain))
		}
	}
	var metadata spec.FileMetadata
	if json.Unmarshal([]byte(desc.Annotations[spec.AnnotationFileMetadata]), &metadata) == nil && metadata.Mode&0o100 != 0 {
		l.mode = 0o755
	}
	return l, nil
}

func (l layer) encrypted() bool { return l.desc.MediaType == oci.MediaTypeEncrypted }

// archive is how the layer is packed: tar, with a compression or without; empty
// for a file as it is.
func (l layer) archive() string {
	for suffix, name := range map[string]string{
		".tar": "tar", ".tar+gzip": "gzip", ".tar.gzip": "gzip", ".tar+zstd": "zstd",
	} {
		if strings.HasSuffix(l.kind, suffix) {
			return name
		}
	}
	return ""
}

// unpack reads a layer to its last byte and puts its files in place. Only when
// it returns nil is what it has put there what the digests say.
func (f *fetcher) unpack(ctx context.Context, l layer, to *staging) error {
	src := f.from.Source(l.title(), l.desc)
	if !l.encrypted() && l.archive() == "" {
		return to.put(l.name, l.mode, func(w io.Writer) error {
			_, err := oci.Read(ctx, src, w, f.progress)
			return err
		})
	}
	r := content.Pipe(func(w io.Writer) error {
		_, err := oci.Read(ctx, src, w, f.progress)
		return err
	})
	err := f.open(l, r, to)
	if err == nil {
		// An error on the way is only told at the end.
		_, err = io.Copy(io.Discard, r)
	}
	return errors.Join(err, r.Close())
}

// open takes a layer out of what it is wrapped in.
func (f *fetcher) open(l layer, r io.Reader, to *staging) error {
	limit := l.desc.Size
	sum := sha256.New()
	if l.encrypted() {
		if len(f.keys) == 0 {
			return locked(l)
		}
		plain, err := f.keys.Reader(r)
		if errors.Is(err, encryption.ErrNoKey) {
			return refuse("no_key", l.title()+" cannot be decrypted", "Use an identity that belongs to one of these: "+openers(l), err)
		}
		if err != nil {
			return explain(err, "decryption_failed", l.title()+" cannot be decrypted")
		}
		r = io.TeeReader(&opened{r: plain, title: l.title()}, sum)
	}
	var err error
	if packed := l.archive(); packed != "" {
		err = untar(r, packed, limit, to.put)
	} else {
		err = to.put(l.name, l.mode, func(w io.Writer) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{w}, r, make([]byte, copyBuffer))
			return err
		})
	}
	if err != nil || !l.encrypted() {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if got := digest.NewDigest(digest.SHA256, sum).String(); got != l.plain {
		return &oci.ChangedError{Name: l.title() + ", decrypted,", Want: digest.Digest(l.plain), Got: digest.Digest(got)}
	}
	return nil
}

// opened says of what is read that it cannot be decrypted, where that is so.
type opened struct {
	r     io.Reader
	title string
}

// Read implements io.Reader.
func (o *opened) Read(p []byte) (int, error) {
	n, err := o.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = explain(err, "decryption_failed", o.title+" cannot be decrypted")
	}
	return n, err
}

// copyBuffer is the piece in which decrypted content moves.
const copyBuffer = 256 << 10

// locked says what it takes to open a layer.
func locked(l layer) error {
	return refuse("encrypted", l.title()+" is encrypted", "Add a block decrypt with an identity that belongs to one of these: "+openers(l), nil)
}

func openers(l layer) string {
	var all []string
	if prints := l.desc.Annotations[oci.AnnotationRecipients]; prints != "" {
		all = append(all, "recipients "+prints)
	}
	if key := l.desc.Annotations[oci.AnnotationKMSKey]; key != "" {
		all = append(all, "KMS key "+key)
	}
	if len(all) == 0 {
		return "(the package does not say)"
	}
	return fmt.Sprintf("%.2000s", strings.Join(all, ", "))
}

// title is a short name for messages.
func (l layer) title() string {
	if l.name == "" {
		return l.desc.Digest.String()
	}
	return fmt.Sprintf("%.200s", path.Base(l.name))
}
