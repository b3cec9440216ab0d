package modelpack

import (
	"context"
	"errors"
	"fmt"
	"strings"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/safetensors"
	"github.com/stagegate/stagegate/plugins/build/signing"
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
	signer, err := signing.Open(req.Config)
	if err != nil {
		return nil, err
	}
	files, err := gather(ctx, tree, req)
	if err != nil {
		return nil, err
	}
	name := req.Config.String("name")
	progress := func(task string, current, total int64) { out.Progress(task, current, total, "bytes") }
	to, err := oci.OpenDestination(tree, req.Config, name, tagOf(req.Config), progress)
	if err != nil {
		return nil, explain(err, "destination_unusable", "the package cannot be stored")
	}
	p := packer{to: to, out: out, rules: rules, signer: signer, found: &findings{
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
	to     *oci.Destination
	out    *sdk.Emitter
	rules  []kindRule
	found  *findings
	signer *signing.Signer
}

func (p *packer) pack(ctx context.Context, config sdk.Config, files []file) (sdk.Outputs, error) {
	if err := p.examine(ctx, files); err != nil {
		return nil, err
	}
	layers, err := p.layers(ctx, files)
	if err != nil {
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
	signed, err := p.signer.Model(ctx, p.to, desc, config.String("name"))
	if err != nil {
		return nil, err
	}
	notes := map[string]string{sdk.AnnotationEncryption: "absent"}
	signed.Annotate(notes)
	if format := p.found.format(); format != "" {
		notes[sdk.AnnotationFormat] = format
	}
	artifact, reference := p.to.Result(config.String("name"), desc, size, notes)
	p.out.Artifact(artifact)
	signed.Emit(p.out)
	for _, f := range p.to.Files() {
		p.out.File(f)
	}
	fmt.Fprintf(p.out.Stdout(), "%s\n", reference)
	outputs := oci.Values(artifact, reference)
	signed.Outputs(outputs)
	return outputs, nil
}

// examine inspects all files before the first is stored: the last of a hundred
// shards may be the one that is refused.
func (p *packer) examine(ctx context.Context, files []file) error {
	for _, f := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c, err := f.open(ctx)
		if err != nil {
			return explain(err, "file_missing", "a file cannot be packed")
		}
		_, _, err = p.inspect(f, c)
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
	return p.indexes(ctx, files)
}

// inspect says what a file is for, and whether that is known for certain.
func (p *packer) inspect(f file, c *content.Content) (k kind, certain bool, err error) {
	k, declared := classify(f.name, p.rules)
	if k == "" {
		return k, false, refuse("kind_unknown", f.from+" is of an unknown kind",
			fmt.Sprintf("Its name does not tell what it is for. Say so: kinds = { %q = \"weight\" }, or config, doc, code, dataset.", f.name), nil)
	}
	verified, err := p.found.inspect(f, k, c)
	return k, verified || declared, err
}

// layer stores one file. It is inspected again, because only now it is certain
// that what is inspected is what is stored. The line is for the log.
func (p *packer) layer(ctx context.Context, f file) (layer ocispec.Descriptor, line string, err error) {
	c, err := f.open(ctx)
	if err != nil {
		return layer, "", explain(err, "file_missing", "a file cannot be packed")
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	k, certain, err := p.inspect(f, c)
	if err != nil {
		return layer, "", err
	}
	layer, err = p.to.Blob(ctx, oci.Source{Name: f.name, Digest: c.Digest, Size: c.Size, Open: c.Stream, OpenAt: c.StreamAt})
	if err != nil {
		return layer, "", err
	}
	if err := p.signer.Add(ctx, f.name, layer.Digest.String(), c, c.Size); err != nil {
		return layer, "", err
	}
	line = fmt.Sprintf("%s  %s  %d bytes  %s", layer.Digest, k, layer.Size, f.name)
	layer, err = describe(layer, f, k, c.Executable, certain)
	return layer, line, err
}

// indexes checks the shard indexes, now that all shards are known.
func (p *packer) indexes(ctx context.Context, files []file) error {
	for _, f := range files {
		if !strings.HasSuffix(f.name, indexSuffix) {
			continue
		}
		c, err := f.open(ctx)
		if err != nil {
			return explain(err, "file_missing", "a file cannot be packed")
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
