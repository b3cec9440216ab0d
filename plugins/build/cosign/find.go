package cosign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
)

// Bounds of what is read.
const (
	maxManifest  = 4 << 20
	maxSignature = 1 << 20 // of the older layout
	maxLayers    = 1000
	maxTotal     = 256 << 20 // of all signatures of one manifest
)

// Store is a repository or a layout, to read from.
type Store interface {
	// Referrers are the manifests that may refer to a subject.
	Referrers(ctx context.Context, subject digest.Digest) ([]ocispec.Descriptor, error)
	// Tagged is the manifest that has a tag, and false when none has.
	Tagged(ctx context.Context, tag string) (ocispec.Descriptor, bool, error)
	// Small reads content of a bounded size, checked against its digest.
	Small(ctx context.Context, desc ocispec.Descriptor, limit int64) ([]byte, error)
}

// Format is how a signature is stored.
type Format string

// The formats.
const (
	FormatBundle      Format = "bundle"             // cosign 3
	FormatSignature   Format = "legacy-signature"   // the tag sha256-<hex>.sig
	FormatAttestation Format = "legacy-attestation" // the tag sha256-<hex>.att
)

// Found is something signed that is attached to a manifest. Nobody vouches for
// it until Verify does.
type Found struct {
	Format   Format
	Manifest digest.Digest // that it is a layer of
	// PredicateType is what it claims to say; that of PredicateType for a
	// signature, in either layout.
	PredicateType string
	// Bundle is that of cosign 3; its Raw is empty for the layout before.
	Bundle bundle.Bundle
	// Statement and Envelope are those of a bundle: what may be signed, and the DSSE
	// envelope that it is in, encoded.
	Statement, Envelope []byte

	subject digest.Digest
	verify  func(key bundle.PublicKey) (statement []byte, err error)
}

// Find lists what is attached to a manifest. What is attached and is no
// signature, and what cannot be read as one, is passed over: anybody may attach
// anything. A registry that is away for a moment is an error: it may have more.
// The type that an index gives is not relied upon, since registries disagree
// there: each manifest is read, and its own and its layer's count.
func Find(ctx context.Context, store Store, subject digest.Digest) ([]Found, error) {
	candidates, err := store.Referrers(ctx, subject)
	if err != nil {
		return nil, err
	}
	store = &bounded{Store: store, left: maxTotal}
	var found []Found
	for _, desc := range candidates {
		if desc.MediaType != ocispec.MediaTypeImageManifest {
			continue
		}
		f, err := readBundle(ctx, store, desc, subject)
		if ends(ctx, err) {
			return nil, err
		}
		if err == nil {
			found = append(found, f)
		}
	}
	for _, format := range []Format{FormatSignature, FormatAttestation} {
		older, err := readLegacy(ctx, store, subject, format)
		if err != nil {
			return nil, err
		}
		found = append(found, older...)
	}
	return found, nil
}

var errNoSignature = errors.New("it holds no signature")

func readBundle(ctx context.Context, store Store, desc ocispec.Descriptor, subject digest.Digest) (Found, error) {
	m, err := readManifest(ctx, store, desc)
	if err != nil {
		return Found{}, err
	}
	if m.Subject == nil || m.Subject.Digest != subject || len(m.Layers) != 1 {
		return Found{}, errNoSignature
	}
	layer := m.Layers[0]
	if !isBundle(m.ArtifactType) && !isBundle(m.Config.MediaType) || !isBundle(layer.MediaType) {
		return Found{}, errNoSignature
	}
	raw, err := store.Small(ctx, layer, bundle.MaxSize)
	if err != nil {
		return Found{}, err
	}
	b, err := bundle.Parse(raw)
	if err != nil {
		return Found{}, err
	}
	statement, err := bundle.ParseStatement(b.Unverified())
	if err != nil {
		return Found{}, err
	}
	envelope, err := json.Marshal(b.Envelope)
	if err != nil {
		return Found{}, fmt.Errorf("encode envelope: %w", err)
	}
	return Found{
		Format: FormatBundle, Manifest: desc.Digest, PredicateType: statement.PredicateType,
		Bundle: b, Statement: b.Unverified(), Envelope: envelope, subject: subject, verify: b.Verify,
	}, nil
}

func isBundle(mediaType string) bool { return mediaType == bundle.MediaType }

func readManifest(ctx context.Context, store Store, desc ocispec.Descriptor) (ocispec.Manifest, error) {
	var m ocispec.Manifest
	raw, err := store.Small(ctx, desc, maxManifest)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("read manifest %s: %w", desc.Digest, err)
	}
	return m, nil
}

// Signed returns what the key has signed, whatever it is about: a model signature
// is about files, and does not name the manifest.
func (f Found) Signed(key bundle.PublicKey) ([]byte, error) { return f.verify(key) }

// Verify returns the statement when the key has signed it and it is about the
// manifest that was asked for.
func (f Found) Verify(key bundle.PublicKey) (bundle.Statement, error) {
	raw, err := f.verify(key)
	if err != nil {
		return bundle.Statement{}, err
	}
	return f.About(raw)
}

// About returns a statement that was verified, when it is about the manifest that
// was asked for.
func (f Found) About(verified []byte) (bundle.Statement, error) {
	if f.Format == FormatSignature {
		return simpleStatement(verified, f.subject)
	}
	s, err := bundle.ParseStatement(verified)
	if err != nil {
		return bundle.Statement{}, err
	}
	for _, subject := range s.Subject {
		if strings.EqualFold(subject.Digest[f.subject.Algorithm().String()], f.subject.Encoded()) {
			return s, nil
		}
	}
	return bundle.Statement{}, fmt.Errorf("the statement is not about %s", f.subject)
}
