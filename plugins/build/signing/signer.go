package signing

import (
	"context"
	"io"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/plugins/build/refusal"
	"github.com/stagegate/stagegate/sdk"
)

// Signer signs as a configuration wants. A nil Signer signs nothing.
type Signer struct {
	by     bundle.Signer
	who    Who
	method oms.Method

	mu    sync.Mutex
	files []oms.Resource
}

// Open reads the block; without one the Signer is nil. It is called before
// anything is stored, so that a wrong password, or token, costs no upload.
func Open(ctx context.Context, config sdk.Config) (*Signer, error) {
	b, ok := config.Block(blockName)
	if !ok {
		return nil, nil //nolint:nilnil // documented: nothing is to be signed
	}
	if certified, ok := b.Block(keylessName); ok {
		by, err := openKeyless(ctx, certified)
		if err != nil {
			return nil, err
		}
		return &Signer{by: by, who: Who{Identity: by.Identity()}, method: method(b)}, nil
	}
	key, err := bundle.ParseKey([]byte(b.String("key")), []byte(b.String("password")))
	if err != nil {
		return nil, &sdk.Failure{Summary: "the signing key cannot be used", Class: "key_unusable", Cause: err}
	}
	public, err := key.Public()
	if err != nil {
		return nil, err
	}
	return &Signer{by: key, who: Who{Key: public.Fingerprint()}, method: method(b)}, nil
}

// Add has a file covered by the model signature. Digest and content are those of
// the file as its reader sees it, before any encryption. Several may be added at
// once, in any order.
func (s *Signer) Add(ctx context.Context, name, digest string, content io.ReaderAt, size int64) error {
	if s == nil {
		return nil
	}
	resources := []oms.Resource{oms.File(name, digest)}
	if s.method == oms.Shards {
		var err error
		if resources, err = oms.ShardsOf(ctx, name, content, size, oms.ShardSize); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files = append(s.files, resources...)
	return nil
}

// Image signs a manifest.
func (s *Signer) Image(ctx context.Context, subject ocispec.Descriptor) (Signed, error) {
	signed := Signed{signer: s, subject: subject}
	if s == nil {
		return signed, nil
	}
	return signed, signed.manifest(ctx)
}

// Model signs the files that were added, and then their manifest.
func (s *Signer) Model(ctx context.Context, subject ocispec.Descriptor, name string) (Signed, error) {
	signed := Signed{signer: s, subject: subject, model: true}
	if s == nil {
		return signed, nil
	}
	m := oms.Model{Name: name, Method: s.method, Resources: s.files}
	if m.Method == oms.Shards {
		m.ShardSize = oms.ShardSize
	}
	files, err := oms.Sign(ctx, s.by, m)
	if err != nil {
		return Signed{}, refusal.Explain(err, "unsignable", "the model cannot be signed")
	}
	if err := signed.add(files, WordModel, signatureFile); err != nil {
		return Signed{}, err
	}
	return signed, signed.manifest(ctx)
}
