package fetch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/encryption"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Bounds of a package.
const (
	maxManifest = 4 << 20
	maxLayers   = 10_000
	maxLayer    = 1 << 46 // bytes; all of them together then fit in 64 bits
)

// Build fetches the package.
func (Builder) Build(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	tree, err := workspace.Open(req.Attempt.WorkDir)
	if err != nil {
		return nil, err
	}
	outputs, err := build(ctx, tree, req, out)
	return outputs, errors.Join(err, tree.Close())
}

func build(ctx context.Context, tree *workspace.Tree, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	config := req.Config
	ref, err := referenceOf(config)
	if err != nil {
		return nil, refuse("bad_configuration", "the package cannot be fetched", "Packages made by build.model can, and those of a registry or layout.", err)
	}
	keys, err := keysOf(ctx, tree, req)
	if err != nil {
		return nil, refuse("bad_configuration", "the identities cannot be used", "", err)
	}
	progress := func(task string, current, total int64) { out.Progress(task, current, total, "bytes") }
	from, release, err := oci.OpenOrigin(tree, ref, oci.OriginOptions{CAFile: config.String("ca_file"), PlainHTTP: config.Bool("plain_http"), Progress: progress})
	if err != nil {
		return nil, explain(err, "origin_unusable", "the package cannot be fetched")
	}
	f := &fetcher{from: from, keys: keys, progress: progress}
	outputs, err := f.fetch(ctx, tree, ref, req, out)
	return outputs, errors.Join(err, release())
}

// keysOf are what opens encrypted layers; none without a decrypt block.
func keysOf(ctx context.Context, tree *workspace.Tree, req sdk.Request) (encryption.Identities, error) {
	block, ok := req.Config.Block("decrypt")
	if !ok {
		return nil, nil
	}
	var keys encryption.Identities
	for _, text := range block.Strings("identities") {
		some, err := encryption.ParseIdentities([]byte(text))
		if err != nil {
			return nil, err
		}
		keys = append(keys, some...)
	}
	if command := block.Strings("kms_command"); len(command) > 0 {
		keys = append(keys, encryption.Unwrapping(ctx, encryption.Command{
			Args: command, Key: block.String("kms_key"), Dir: tree.Path(), AttemptID: req.Attempt.ID,
		})...)
	}
	return keys, nil
}

// fetcher is one execution.
type fetcher struct {
	from     oci.Origin
	keys     encryption.Identities
	progress oci.Progress
}

func (f *fetcher) fetch(ctx context.Context, tree *workspace.Tree, ref oci.Reference, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	desc, manifest, err := f.manifest(ctx, ref)
	if err != nil {
		return nil, err
	}
	plain, err := f.plainDigests(ctx, manifest)
	if err != nil {
		return nil, err
	}
	into, err := tree.MakeFolder(req.Config.String("into"))
	if err != nil {
		return nil, refuse("folder_unusable", "the files cannot be put there", "", err)
	}
	names, err := f.files(ctx, into, manifest, plain)
	if err := errors.Join(err, into.Close()); err != nil {
		return nil, err
	}
	folder, err := tree.Clean(req.Config.String("into"))
	if err != nil {
		return nil, err
	}
	files := make([]cty.Value, len(names))
	for i, name := range names {
		full := path.Join(folder, name)
		files[i] = cty.StringVal(full)
		out.File(sdk.ResultFile{Path: full})
		fmt.Fprintln(out.Stdout(), full)
	}
	a, reference := f.artifact(ref, desc, manifest, tree)
	out.Artifact(a)
	fmt.Fprintln(out.Stdout(), reference)
	return sdk.Outputs{
		"artifact": a.Value(), "digest": cty.StringVal(a.Digest), "reference": cty.StringVal(reference), "files": cty.ListVal(files),
	}, nil
}

// manifest finds out which package it is.
func (f *fetcher) manifest(ctx context.Context, ref oci.Reference) (desc ocispec.Descriptor, m ocispec.Manifest, err error) {
	desc, err = f.from.Find(ctx, ref.Reference)
	if errors.Is(err, oci.ErrNoPackage) {
		return desc, m, refuse("package_missing", "there is no package "+ref.Reference+" there", "Is the repository right, and may these credentials see it?", nil)
	}
	if err != nil {
		return desc, m, explain(err, "origin_unusable", "the package cannot be fetched")
	}
	raw, err := f.from.Small(ctx, desc, maxManifest)
	if err != nil {
		return desc, m, explain(err, "package_invalid", "the manifest cannot be used")
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return desc, m, refuse("package_invalid", "the manifest cannot be used", "", err)
	}
	desc.MediaType = m.MediaType
	return desc, m, check(m)
}

// check says why a manifest is not that of a package of files.
func check(m ocispec.Manifest) error {
	switch {
	case m.MediaType == ocispec.MediaTypeImageIndex:
		return refuse("package_invalid", "it is an index of packages, not one", "Name one of those that it lists, by its digest.", nil)
	case m.Config.MediaType == ocispec.MediaTypeImageConfig || m.Config.MediaType == "application/vnd.docker.container.image.v1+json":
		return refuse("package_invalid", "it is a container image, not a package of files", "Name it where an image is wanted, by its digest.", nil)
	case m.MediaType != ocispec.MediaTypeImageManifest && m.MediaType != "":
		return refuse("package_invalid", "it is not a package", "", fmt.Errorf("its media type is %.100q", m.MediaType))
	case len(m.Layers) == 0:
		return refuse("package_invalid", "the package is empty", "", nil)
	case len(m.Layers) > maxLayers:
		return refuse("package_invalid", "the package is too large", "", fmt.Errorf("it has %d layers, more than %d", len(m.Layers), maxLayers))
	}
	for _, l := range m.Layers {
		if l.Size < 0 || l.Size > maxLayer || l.Digest.Validate() != nil {
			return refuse("package_invalid", "the manifest cannot be used", "", fmt.Errorf("a layer has the digest %.100q and %d bytes", l.Digest, l.Size))
		}
	}
	return nil
}

// plainDigests are what the config says about the files themselves, by layer;
// empty for packages without such a config.
func (f *fetcher) plainDigests(ctx context.Context, m ocispec.Manifest) ([]string, error) {
	plain := make([]string, len(m.Layers))
	if m.Config.MediaType != spec.MediaTypeModelConfig {
		return plain, nil
	}
	raw, err := f.from.Small(ctx, m.Config, maxManifest)
	if err != nil {
		return nil, explain(err, "package_invalid", "the package's config cannot be used")
	}
	var config spec.Model
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, refuse("package_invalid", "the package's config cannot be used", "", err)
	}
	if len(config.ModelFS.DiffIDs) != len(m.Layers) {
		return nil, refuse("package_invalid", "the package's config does not fit its layers", "",
			fmt.Errorf("%d diffIds for %d layers", len(config.ModelFS.DiffIDs), len(m.Layers)))
	}
	for i, d := range config.ModelFS.DiffIDs {
		plain[i] = d.String()
	}
	return plain, nil
}

// artifact is the package as it was found, with what was seen on the way.
func (f *fetcher) artifact(ref oci.Reference, desc ocispec.Descriptor, m ocispec.Manifest, tree *workspace.Tree) (sdk.Artifact, string) {
	a := sdk.Artifact{
		Digest: desc.Digest.String(), MediaType: ocispec.MediaTypeImageManifest,
		Size: desc.Size + m.Config.Size, Annotations: make(map[string]string),
	}
	encrypted := 0
	for _, l := range m.Layers {
		a.Size += l.Size
		if l.MediaType == oci.MediaTypeEncrypted {
			encrypted++
		}
	}
	a.Annotations[sdk.AnnotationEncryption] = "absent"
	if encrypted > 0 {
		a.Annotations[sdk.AnnotationEncryption] = encryption.Algorithm
	}
	if r, ok := f.from.(*oci.Registry); ok {
		for k, v := range r.Facts() {
			a.Annotations[k] = v
		}
		a.Name = path.Base(ref.Repository)
		reference := ref.Host + "/" + ref.Repository + "@" + a.Digest
		a.Location = "oci://" + reference
		return a, reference
	}
	a.Name = path.Base(ref.Layout)
	folder := ref.Layout
	if !path.IsAbs(folder) {
		folder = path.Join(tree.Path(), folder)
	}
	a.Location = "oci-layout:" + folder + "@" + a.Digest
	return a, a.Location
}

// refuse says no to what was found.
func refuse(class, summary, detail string, cause error) error {
	return &sdk.Failure{Summary: summary, Detail: detail, Class: class, Cause: cause}
}

// explain passes on what is explained already.
func explain(err error, class, summary string) error {
	var failure *sdk.Failure
	if errors.As(err, &failure) {
		return err
	}
	var changed *oci.ChangedError
	if errors.As(err, &changed) {
		return &sdk.Failure{
			Summary: changed.Name + " is not what its digest says", Class: "digest_mismatch", Broken: true, Cause: err,
			Detail: "Whoever keeps the package has changed or damaged it. Nothing of it was kept.",
		}
	}
	return refuse(class, summary, "", err)
}
