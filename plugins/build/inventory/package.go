package inventory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/refusal"
)

// Bounds of a package.
const (
	maxManifest = 4 << 20
	maxLayers   = 10_000
	maxLayer    = 1 << 46 // bytes; all of them together then fit in 64 bits
)

// Class of refusals of what a package says of itself.
const invalid = "package_invalid"

// Package is a package of files.
type Package struct {
	Desc     ocispec.Descriptor
	Manifest ocispec.Manifest
	Layers   []Layer
}

// Find finds out which package a tag or digest stands for.
func Find(ctx context.Context, from oci.Origin, reference string) (ocispec.Descriptor, error) {
	desc, err := from.Find(ctx, reference)
	if errors.Is(err, oci.ErrNoPackage) {
		return desc, refusal.New("package_missing", "there is no package "+reference+" there", "Is the repository right, and may these credentials see it?", nil)
	}
	if err != nil {
		return desc, refusal.Explain(err, "origin_unusable", "the package cannot be fetched")
	}
	return desc, nil
}

// Manifest reads the manifest of whatever it is.
func Manifest(ctx context.Context, from oci.Origin, desc ocispec.Descriptor) (ocispec.Descriptor, ocispec.Manifest, error) {
	var m ocispec.Manifest
	raw, err := from.Small(ctx, desc, maxManifest)
	if err != nil {
		return desc, m, refusal.Explain(err, invalid, "the manifest cannot be used")
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return desc, m, refusal.New(invalid, "the manifest cannot be used", "", err)
	}
	if m.MediaType != "" {
		desc.MediaType = m.MediaType
	}
	return desc, m, nil
}

// Read reads what a package of files holds.
func Read(ctx context.Context, from oci.Origin, desc ocispec.Descriptor) (Package, error) {
	desc, m, err := Manifest(ctx, from, desc)
	if err != nil {
		return Package{}, err
	}
	if err := check(m); err != nil {
		return Package{}, err
	}
	plain, err := plainDigests(ctx, from, m)
	if err != nil {
		return Package{}, err
	}
	p := Package{Desc: desc, Manifest: m, Layers: make([]Layer, len(m.Layers))}
	for i, l := range m.Layers {
		if p.Layers[i], err = layerOf(l, plain[i]); err != nil {
			return Package{}, err
		}
	}
	return p, nil
}

// check says why a manifest is not that of a package of files.
func check(m ocispec.Manifest) error {
	switch {
	case m.MediaType == ocispec.MediaTypeImageIndex:
		return refusal.New(invalid, "it is an index of packages, not one", "Name one of those that it lists, by its digest.", nil)
	case m.Config.MediaType == ocispec.MediaTypeImageConfig || m.Config.MediaType == "application/vnd.docker.container.image.v1+json":
		return refusal.New(invalid, "it is a container image, not a package of files", "Name it where an image is wanted, by its digest.", nil)
	case m.MediaType != ocispec.MediaTypeImageManifest && m.MediaType != "":
		return refusal.New(invalid, "it is not a package", "", fmt.Errorf("its media type is %.100q", m.MediaType))
	case len(m.Layers) == 0:
		return refusal.New(invalid, "the package is empty", "", nil)
	case len(m.Layers) > maxLayers:
		return refusal.New(invalid, "the package is too large", "", fmt.Errorf("it has %d layers, more than %d", len(m.Layers), maxLayers))
	}
	for _, l := range m.Layers {
		if l.Size < 0 || l.Size > maxLayer || l.Digest.Validate() != nil {
			return refusal.New(invalid, "the manifest cannot be used", "", fmt.Errorf("a layer has the digest %.100q and %d bytes", l.Digest, l.Size))
		}
	}
	return nil
}

// plainDigests are what the config says about the files themselves, by layer;
// empty for packages without such a config.
func plainDigests(ctx context.Context, from oci.Origin, m ocispec.Manifest) ([]string, error) {
	plain := make([]string, len(m.Layers))
	if m.Config.MediaType != spec.MediaTypeModelConfig {
		return plain, nil
	}
	raw, err := from.Small(ctx, m.Config, maxManifest)
	if err != nil {
		return nil, refusal.Explain(err, invalid, "the package's config cannot be used")
	}
	var config spec.Model
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, refusal.New(invalid, "the package's config cannot be used", "", err)
	}
	if len(config.ModelFS.DiffIDs) != len(m.Layers) {
		return nil, refusal.New(invalid, "the package's config does not fit its layers", "",
			fmt.Errorf("%d diffIds for %d layers", len(config.ModelFS.DiffIDs), len(m.Layers)))
	}
	for i, d := range config.ModelFS.DiffIDs {
		plain[i] = d.String()
	}
	return plain, nil
}
