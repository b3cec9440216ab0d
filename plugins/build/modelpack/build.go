package modelpack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/safetensors"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
)

// Build packs the files. Nothing refers to what it has stored until all of it
// is there: the manifest comes last.
func (Builder) Build(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	tree, err := workspace.Open(req.Attempt.WorkDir)
	if err != nil {
		return nil, err
	}
	outputs, err := build(ctx, tree, req, out)
	return outputs, errors.Join(err, tree.Close())
}

func build(ctx context.Context, tree *workspace.Tree, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	rules, err := kindRules(req.Config.StringMap("kinds"))
	if err != nil {
		return nil, refuse("bad_configuration", "the argument kinds cannot be used", "", err)
	}
	files, err := gather(ctx, tree, req)
	if err != nil {
		return nil, err
	}
	name := req.Config.String("name")
	progress := func(task string, current, total int64) { out.Progress(task, current, total, "bytes") }
	to, err := oci.OpenDestination(tree, req.Config, name, tagOf(req.Config), progress)
	if err != nil {
		return nil, explain(err, "destination_unusable", "the package cannot be stored", "")
	}
	p := packer{to: to, out: out, rules: rules, found: &findings{
		formats: make(map[string]bool), shards: make(map[string]safetensors.Summary),
	}}
	outputs, err := p.pack(ctx, req.Config, files)
	return outputs, errors.Join(err, to.Close())
}

// tagOf is the version where it can be a tag.
func tagOf(config sdk.Config) string {
	if v := config.String("version"); oci.ValidTag(v) {
		return v
	}
	return ""
}

// packer is one execution.
type packer struct {
	to    *oci.Destination
	out   *sdk.Emitter
	rules []kindRule
	found *findings
}

func (p *packer) pack(ctx context.Context, config sdk.Config, files []file) (sdk.Outputs, error) {
	layers := make([]ocispec.Descriptor, 0, len(files))
	for _, f := range files {
		layer, err := p.layer(ctx, f)
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	if err := p.indexes(ctx, files); err != nil {
		return nil, err
	}
	raw, err := configOf(config, p.found, layers)
	if err != nil {
		return nil, err
	}
	desc, size, err := p.to.Publish(ctx, oci.Manifest{
		ArtifactType: spec.ArtifactTypeModelManifest, ConfigType: spec.MediaTypeModelConfig,
		Config: raw, Layers: layers, Annotations: annotations(config),
	})
	if err != nil {
		return nil, err
	}
	notes := map[string]string{sdk.AnnotationEncryption: "absent"}
	if format := p.found.format(); format != "" {
		notes[sdk.AnnotationFormat] = format
	}
	artifact, reference := p.to.Result(config.String("name"), desc, size, notes)
	p.out.Artifact(artifact)
	for _, f := range p.to.Files() {
		p.out.File(f)
	}
	fmt.Fprintf(p.out.Stdout(), "%s\n", reference)
	return oci.Values(artifact, reference), nil
}

// layer inspects one file and stores it.
func (p *packer) layer(ctx context.Context, f file) (layer ocispec.Descriptor, err error) {
	k, declared := classify(f.name, p.rules)
	if k == "" {
		return layer, refuse("kind_unknown", f.from+" is of an unknown kind",
			fmt.Sprintf("Its name does not tell what it is for. Say so: kinds = { %q = \"weight\" }, or config, doc, code, dataset.", f.name), nil)
	}
	c, err := f.open(ctx)
	if err != nil {
		return layer, explain(err, "file_missing", "a file cannot be packed", "")
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	verified, err := p.found.inspect(f, k, c)
	if err != nil {
		return layer, err
	}
	layer, err = p.to.Blob(ctx, oci.Source{Name: f.name, Digest: c.Digest, Size: c.Size, Open: c.Stream, OpenAt: c.StreamAt})
	if err != nil {
		return layer, err
	}
	fmt.Fprintf(p.out.Stdout(), "%s  %s  %d bytes  %s\n", layer.Digest, k, layer.Size, f.name)
	return describe(layer, f, k, c.Executable, verified || declared)
}

// indexes checks the shard indexes once all shards are known.
func (p *packer) indexes(ctx context.Context, files []file) error {
	for _, f := range files {
		if !strings.HasSuffix(f.name, indexSuffix) {
			continue
		}
		c, err := f.open(ctx)
		if err != nil {
			return explain(err, "file_missing", "a file cannot be packed", "")
		}
		if err := errors.Join(p.found.checkIndex(f, c), c.Close()); err != nil {
			return err
		}
	}
	return nil
}

// annotations are those of the manifest, which registries show.
func annotations(config sdk.Config) map[string]string {
	notes := make(map[string]string)
	for key, value := range map[string]string{
		ocispec.AnnotationTitle:       config.String("name"),
		ocispec.AnnotationVersion:     config.String("version"),
		ocispec.AnnotationDescription: config.String("description"),
		ocispec.AnnotationRevision:    config.String("revision"),
		ocispec.AnnotationSource:      config.String("source_url"),
		ocispec.AnnotationLicenses:    strings.Join(config.Strings("licenses"), " AND "),
	} {
		if value != "" {
			notes[key] = value
		}
	}
	return notes
}
