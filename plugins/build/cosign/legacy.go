package cosign

import (
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/sdk/strictjson"
)

// The layout of cosign before version 3.
const (
	mediaTypeSimple     = "application/vnd.dev.cosign.simplesigning.v1+json"
	mediaTypeEnvelope   = "application/vnd.dsse.envelope.v1+json"
	annotationSignature = "dev.cosignproject.cosign/signature"
	simpleType          = "cosign container image signature"
)

// readLegacy reads the layers of the manifest that a tag made of the subject
// names. One that cannot be read has none.
func readLegacy(ctx context.Context, store Store, subject digest.Digest, format Format) ([]Found, error) {
	suffix, wanted := ".sig", mediaTypeSimple
	if format == FormatAttestation {
		suffix, wanted = ".att", mediaTypeEnvelope
	}
	desc, ok, err := store.Tagged(ctx, oci.FallbackTag(subject)+suffix)
	if err != nil || !ok {
		return nil, err
	}
	m, err := readManifest(ctx, store, desc)
	if ends(ctx, err) {
		return nil, err
	}
	var found []Found
	for _, layer := range m.Layers[:min(len(m.Layers), maxLayers)] {
		if layer.MediaType != wanted {
			continue
		}
		raw, err := store.Small(ctx, layer, maxSignature)
		if ends(ctx, err) {
			return nil, err
		}
		if err != nil {
			continue
		}
		f := Found{Format: format, Manifest: desc.Digest, PredicateType: PredicateType, subject: subject}
		if format == FormatSignature {
			f.verify = func(key bundle.PublicKey) ([]byte, error) { return verifySimple(key, raw, layer) }
		} else if err := f.envelope(raw); err != nil {
			continue
		}
		found = append(found, f)
	}
	return found, nil
}

// verifySimple returns the payload of a signature. Before version 3, SHA-256
// went with every curve.
func verifySimple(key bundle.PublicKey, payload []byte, layer ocispec.Descriptor) ([]byte, error) {
	signature, err := base64.StdEncoding.DecodeString(layer.Annotations[annotationSignature])
	if err != nil || !key.VerifyWith(crypto.SHA256, payload, signature) {
		return nil, bundle.ErrSignature
	}
	return payload, nil
}

// simpleStatement is what the payload of a signature says.
func simpleStatement(payload []byte, subject digest.Digest) (bundle.Statement, error) {
	var p struct {
		Critical struct {
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
			Type string `json:"type"`
		} `json:"critical"`
	}
	if err := strictjson.Unmarshal(payload, &p); err != nil {
		return bundle.Statement{}, fmt.Errorf("read signature: %w", err)
	}
	if p.Critical.Type != simpleType {
		return bundle.Statement{}, fmt.Errorf("read signature: it is of type %.80q", p.Critical.Type)
	}
	if p.Critical.Image.Digest != subject.String() {
		return bundle.Statement{}, fmt.Errorf("the signature is about %.80q, not %s", p.Critical.Image.Digest, subject)
	}
	return bundle.Statement{
		Type:          bundle.StatementType,
		Subject:       []bundle.Subject{{Digest: map[string]string{subject.Algorithm().String(): subject.Encoded()}}},
		PredicateType: PredicateType,
	}, nil
}

// envelope reads an attestation, which is a DSSE envelope without a bundle.
func (f *Found) envelope(raw []byte) error {
	var e bundle.Envelope
	if err := strictjson.Unmarshal(raw, &e); err != nil {
		return err
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil || e.PayloadType != bundle.PayloadType {
		return errNoSignature
	}
	var head struct {
		PredicateType string `json:"predicateType"`
	}
	if err := json.Unmarshal(payload, &head); err != nil {
		return err
	}
	f.PredicateType = head.PredicateType
	f.verify = func(key bundle.PublicKey) ([]byte, error) {
		message := bundle.PreAuth(e.PayloadType, payload)
		for _, s := range e.Signatures[:min(len(e.Signatures), maxLayers)] {
			signature, err := base64.StdEncoding.DecodeString(s.Sig)
			if err == nil && (key.Verify(message, signature) || key.VerifyWith(crypto.SHA256, message, signature)) {
				return payload, nil
			}
		}
		return nil, bundle.ErrSignature
	}
	return nil
}
