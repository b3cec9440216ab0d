package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/encryption"
	"github.com/stagegate/stagegate/plugins/build/inventory"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/refusal"
)

// unpack reads a layer to its last byte and puts its files in place. Only when
// it returns nil is what it has put there what the digests say.
func (f *fetcher) unpack(ctx context.Context, l inventory.Layer, to *staging) error {
	src := f.from.Source(l.Title(), l.Desc)
	if !l.Encrypted() && l.Archive() == "" {
		return to.put(l.Name, l.Mode, func(w io.Writer) error {
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
func (f *fetcher) open(l inventory.Layer, r io.Reader, to *staging) error {
	limit := l.Desc.Size
	sum := sha256.New()
	if l.Encrypted() {
		if len(f.keys) == 0 {
			return locked(l)
		}
		plain, err := f.keys.Reader(r)
		if errors.Is(err, encryption.ErrNoKey) {
			return refusal.New("no_key", l.Title()+" cannot be decrypted", "Use an identity that belongs to one of these: "+openers(l), err)
		}
		if err != nil {
			return refusal.Explain(err, "decryption_failed", l.Title()+" cannot be decrypted")
		}
		r = io.TeeReader(&opened{r: plain, title: l.Title()}, sum)
	}
	var err error
	if packed := l.Archive(); packed != "" {
		err = untar(r, packed, limit, to.put)
	} else {
		err = to.put(l.Name, l.Mode, func(w io.Writer) error {
			_, err := io.CopyBuffer(struct{ io.Writer }{w}, r, make([]byte, copyBuffer))
			return err
		})
	}
	if err != nil || !l.Encrypted() {
		return err
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if got := digest.NewDigest(digest.SHA256, sum).String(); got != l.Plain {
		return &oci.ChangedError{Name: l.Title() + ", decrypted,", Want: digest.Digest(l.Plain), Got: digest.Digest(got)}
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
		err = refusal.Explain(err, "decryption_failed", o.title+" cannot be decrypted")
	}
	return n, err
}

// copyBuffer is the piece in which decrypted content moves.
const copyBuffer = 256 << 10

// locked says what it takes to open a layer.
func locked(l inventory.Layer) error {
	return refusal.New("encrypted", l.Title()+" is encrypted", "Add a block decrypt with an identity that belongs to one of these: "+openers(l), nil)
}

func openers(l inventory.Layer) string {
	var all []string
	if prints := l.Desc.Annotations[oci.AnnotationRecipients]; prints != "" {
		all = append(all, "recipients "+prints)
	}
	if key := l.Desc.Annotations[oci.AnnotationKMSKey]; key != "" {
		all = append(all, "KMS key "+key)
	}
	if len(all) == 0 {
		return "(the package does not say)"
	}
	return fmt.Sprintf("%.2000s", strings.Join(all, ", "))
}
