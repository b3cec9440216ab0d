package statement

import (
	"context"
	"errors"
	"strings"

	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/refusal"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
)

// Attach implements sdk.Attacher for builders with the block of
// oci.RegistryBlock. An artifact that is in a layout alone gets nothing: what is
// in the work folder is the result of the stage, to the byte.
func Attach(ctx context.Context, req sdk.AttachRequest) (string, error) {
	if !strings.HasPrefix(req.Artifact.Location, "oci://") {
		return "", nil
	}
	tree, err := workspace.Open(req.Attempt.WorkDir)
	if err != nil {
		return "", err
	}
	reference, err := attach(ctx, tree, req)
	return reference, errors.Join(err, tree.Close())
}

func attach(ctx context.Context, tree *workspace.Tree, req sdk.AttachRequest) (string, error) {
	signed, err := bundle.Wrap(req.Envelope)
	if err != nil {
		return "", err
	}
	document, err := cosign.Attachment(signed)
	if err != nil {
		return "", err
	}
	registry, err := oci.ConfiguredRegistry(tree, req.Config)
	if err != nil {
		return "", refusal.Explain(err, "destination_unusable", "the registry cannot be used")
	}
	subject, err := registry.Find(ctx, req.Artifact.Digest)
	if errors.Is(err, oci.ErrNoPackage) {
		return "", refusal.New("package_missing", "the package is no longer in its registry", "It was there a moment ago: somebody, or the registry itself, has removed it.", nil)
	}
	if err != nil {
		return "", err
	}
	desc, err := registry.Attach(ctx, subject, document)
	if err != nil {
		return "", err
	}
	return registry.Name() + "@" + desc.Digest.String(), nil
}
