package fetch

import (
	"context"
	"errors"
	"fmt"
	"path"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/encryption"
	"github.com/stagegate/stagegate/plugins/build/inventory"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/refusal"
	"github.com/stagegate/stagegate/plugins/build/trust"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
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
		return nil, refusal.New("bad_configuration", "the package cannot be fetched", "Packages made by build.model can, and those of a registry or layout.", err)
	}
	keys, err := keysOf(ctx, tree, req)
	if err != nil {
		return nil, refusal.New("bad_configuration", "the identities cannot be used", "", err)
	}
	demand, err := trust.Open(config)
	if err != nil {
		return nil, err
	}
	progress := func(task string, current, total int64) { out.Progress(task, current, total, "bytes") }
	from, release, err := oci.OpenOrigin(tree, ref, oci.OriginOptions{CAFile: config.String("ca_file"), PlainHTTP: config.Bool("plain_http"), Progress: progress})
	if err != nil {
		return nil, refusal.Explain(err, "origin_unusable", "the package cannot be fetched")
	}
	f := &fetcher{from: from, keys: keys, demand: demand, progress: progress}
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
	demand   *trust.Demand
	progress oci.Progress
}

func (f *fetcher) fetch(ctx context.Context, tree *workspace.Tree, ref oci.Reference, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	desc, err := inventory.Find(ctx, f.from, ref.Reference)
	if err != nil {
		return nil, err
	}
	vouched, err := f.demand.Check(ctx, f.from, desc.Digest)
	if err != nil {
		return nil, err
	}
	pkg, err := inventory.Read(ctx, f.from, desc)
	if err != nil {
		return nil, err
	}
	pending, err := f.accept(pkg, vouched)
	if err != nil {
		return nil, err
	}
	into, err := tree.MakeFolder(req.Config.String("into"))
	if err != nil {
		return nil, refusal.New("folder_unusable", "the files cannot be put there", "", err)
	}
	names, err := f.files(ctx, into, pkg, pending)
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
	a, reference := f.artifact(ref, pkg, tree)
	vouched.Annotate(a.Annotations)
	out.Artifact(a)
	vouched.Emit(out)
	fmt.Fprintln(out.Stdout(), reference)
	return sdk.Outputs{
		"artifact": a.Value(), "digest": cty.StringVal(a.Digest), "reference": cty.StringVal(reference), "files": cty.ListVal(files),
	}, nil
}

// artifact is the package as it was found, with what was seen on the way.
func (f *fetcher) artifact(ref oci.Reference, pkg inventory.Package, tree *workspace.Tree) (sdk.Artifact, string) {
	desc, m := pkg.Desc, pkg.Manifest
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
