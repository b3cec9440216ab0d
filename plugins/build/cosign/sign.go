package cosign

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/oci"
)

// PredicateType is that of a signature without a further claim.
const PredicateType = "https://sigstore.dev/cosign/sign/v1"

// Annotations of the manifest of a bundle.
const (
	annotationContent   = "dev.sigstore.bundle.content"
	annotationPredicate = "dev.sigstore.bundle.predicateType"
)

// Sign makes the signature of a manifest.
func Sign(ctx context.Context, signer bundle.Signer, subject digest.Digest) (bundle.Bundle, error) {
	return Attest(ctx, signer, subject, "", PredicateType, json.RawMessage("{}"))
}

// Attest makes a signed statement about a manifest.
func Attest(ctx context.Context, signer bundle.Signer, subject digest.Digest, name, predicateType string, predicate json.RawMessage) (bundle.Bundle, error) {
	statement, err := bundle.Statement{
		Subject:       []bundle.Subject{{Name: name, Digest: map[string]string{subject.Algorithm().String(): subject.Encoded()}}},
		PredicateType: predicateType, Predicate: predicate,
	}.Encode()
	if err != nil {
		return bundle.Bundle{}, fmt.Errorf("sign manifest: %w", err)
	}
	return signer.Sign(ctx, statement, bundle.PublicKey.CosignHint)
}

// Attachment is a bundle as it is stored beside a manifest.
func Attachment(b bundle.Bundle) (oci.Attachment, error) {
	statement, err := bundle.ParseStatement(b.Unverified())
	if err != nil {
		return oci.Attachment{}, err
	}
	return oci.Attachment{
		Type: bundle.MediaType, Content: b.Raw,
		Annotations: map[string]string{annotationContent: "dsse-envelope", annotationPredicate: statement.PredicateType},
	}, nil
}
