package modelpack

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/sbom"
	"github.com/stagegate/stagegate/plugins/build/signing"
	"github.com/stagegate/stagegate/sdk"
)

// bill is a bill of materials that is attached to the package.
type bill struct {
	content  []byte
	digest   string // of the document
	manifest string // digest of the manifest that holds it, once it is published
}

// billAbout says what the package consists of.
func billAbout(config sdk.Config, subject ocispec.Descriptor, rawConfig []byte, layers []layer) (bill, error) {
	m, err := billOf(config, rawConfig, layers)
	if err != nil {
		return bill{}, err
	}
	m.Digest = subject.Digest.String()
	content, err := sbom.Encode(m)
	if err != nil {
		return bill{}, err
	}
	return bill{content: content, digest: digest.FromBytes(content).String()}, nil
}

// state tells the runner of a bill that nobody signs; one that is signed is told
// of with its signature.
func (p *packer) state(subject ocispec.Descriptor, b bill) error {
	if p.signer != nil {
		return nil
	}
	statement, err := bundle.Statement{
		Subject:       []bundle.Subject{{Digest: map[string]string{subject.Digest.Algorithm().String(): subject.Digest.Encoded()}}},
		PredicateType: sbom.PredicateType, Predicate: b.content,
	}.Encode()
	if err != nil {
		return fmt.Errorf("state bill of materials: %w", err)
	}
	if len(statement) <= signing.MaxStated {
		p.out.Attestation(sdk.Attestation{SubjectDigest: subject.Digest.String(), PredicateType: sbom.PredicateType, Statement: statement})
	}
	return nil
}

// billOf takes what the package's own config says, so that the two agree.
func billOf(config sdk.Config, rawConfig []byte, layers []layer) (sbom.Model, error) {
	var said spec.Model
	if err := json.Unmarshal(rawConfig, &said); err != nil {
		return sbom.Model{}, fmt.Errorf("read config: %w", err)
	}
	d, c := said.Descriptor, said.Config
	m := sbom.Model{
		Name: d.Name, Version: d.Version, Description: d.Description, Vendor: d.Vendor,
		Authors: d.Authors, Licenses: d.Licenses, DocURL: d.DocURL, SourceURL: d.SourceURL, Revision: d.Revision,
		Family: d.Family, Architecture: c.Architecture, Datasets: config.Strings("dataset_urls"),
		Properties: map[string]string{
			"format": c.Format, "param-size": c.ParamSize, "precision": c.Precision, "quantization": c.Quantization,
		},
		Files: make([]sbom.File, len(layers)),
	}
	for i, l := range layers {
		m.Files[i] = l.item
	}
	ancestors := config.Artifacts("based_on")
	for _, name := range slices.Sorted(maps.Keys(ancestors)) {
		m.BasedOn = append(m.BasedOn, sbom.Ancestor{Name: name, Digest: ancestors[name].Digest})
	}
	return m, nil
}
