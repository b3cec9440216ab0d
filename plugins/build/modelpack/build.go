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
	"github.com/stagegate/stagegate/plugins/build/sbom"
	"github.com/stagegate/stagegate/plugins/build/signing"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
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
	signer, err := signing.Open(ctx, req.Config)
	if err != nil {
		return nil, err
	}
	files, err := gather(ctx, tree, req)
	if err != nil {
		return nil, err
	}
	seal, err := openSealer(tree, req)
	if err != nil {
		return nil, err
	}
	name := req.Config.String("name")
	progress := func(task string, current, total int64) { out.Progress(task, current, total, "bytes") }
	to, err := oci.OpenDestination(tree, req.Config, name, tagOf(req.Config), progress)
	if err != nil {
		return nil, explain(err, "destination_unusable", "the package cannot be stored")
	}
	p := packer{to: to, out: out, rules: rules, signer: signer, sealer: seal, found: &findings{
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
	sealer *sealer
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
	composed, err := p.to.Compose(ctx, oci.Manifest{
		ArtifactType: spec.ArtifactTypeModelManifest, ConfigType: spec.MediaTypeModelConfig,
		Config: raw, Layers: descriptors(layers), Annotations: annotations(config),
	})
	if err != nil {
		return nil, err
	}
	desc := composed.Descriptor
	bill, err := billAbout(config, desc, raw, layers)
	if err != nil {
		return nil, err
	}
	signed, err := p.sign(ctx, config, desc, bill)
	if err != nil {
		return nil, err
	}
	if err := p.publish(ctx, composed, &bill, &signed); err != nil {
		return nil, err
	}
	notes := map[string]string{sdk.AnnotationEncryption: p.sealer.algorithm(layers), sdk.AnnotationSBOM: bill.digest}
	if keys := p.sealer.keys(); len(keys) > 0 && notes[sdk.AnnotationEncryption] != "absent" {
		notes[sdk.AnnotationKeys] = strings.Join(keys, " ")
	}
	signed.Annotate(notes)
	if format := p.found.format(); format != "" {
		notes[sdk.AnnotationFormat] = format
	}
	artifact, reference := p.to.Result(config.String("name"), desc, composed.Size, notes)
	p.out.Artifact(artifact)
	signed.Emit(p.out)
	if err := p.state(desc, bill); err != nil {
		return nil, err
	}
	for _, f := range p.to.Files() {
		p.out.File(f)
	}
	fmt.Fprintf(p.out.Stdout(), "%s  bill of materials\n%s\n", bill.manifest, reference)
	outputs := oci.Values(artifact, reference)
	outputs["sbom"] = cty.StringVal(bill.manifest)
	signed.Outputs(outputs)
	return outputs, nil
}

// sign vouches for files, manifest and bill before any of it can be found: what
// cannot be signed is not published.
func (p *packer) sign(ctx context.Context, config sdk.Config, desc ocispec.Descriptor, b bill) (signing.Signed, error) {
	signed, err := p.signer.Model(ctx, desc, config.String("name"))
	if err != nil {
		return signed, err
	}
	return signed, signed.State(ctx, sbom.PredicateType, b.content)
}

// publish stores the manifest, and then what is about it.
func (p *packer) publish(ctx context.Context, composed oci.Composed, b *bill, signed *signing.Signed) error {
	if err := p.to.Publish(ctx, composed); err != nil {
		return err
	}
	desc, err := p.to.Attach(ctx, composed.Descriptor, oci.Attachment{Type: sbom.MediaType, Content: b.content, File: sbom.FileName})
	if err != nil {
		return err
	}
	b.manifest = desc.Digest.String()
	return signed.Attach(ctx, p.to)
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
