package sbom

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/stagegate/stagegate/sdk"
)

// MediaType is that of a bill, and the artifact type under which it is attached.
const MediaType = "application/vnd.cyclonedx+json"

// PredicateType is that of a signed statement whose predicate is a bill.
const PredicateType = "https://cyclonedx.org/bom"

// FileName is the name under which clients save a bill.
const FileName = "sbom.cdx.json"

// Model is what a bill is about.
type Model struct {
	Digest string // of the manifest, sha256:<hex>

	Name, Version, Description, Vendor string
	Authors, Licenses                  []string
	DocURL, SourceURL, Revision        string
	Family, Architecture               string
	Datasets                           []string // addresses

	// Properties are further facts by name, for example the precision.
	Properties map[string]string

	Files   []File
	BasedOn []Ancestor // sorted by name
}

// File is a file of the package.
type File struct {
	Name      string
	Digest    string // of the file itself, sha256:<hex>
	Size      int64
	Kind      string // what it is for
	MediaType string
	Encrypted string // digest of the layer that holds it encrypted; empty for a file in clear
}

// Ancestor is a package that the model was made from.
type Ancestor struct{ Name, Digest string }

// Encode is the bill as it is stored.
func Encode(m Model) ([]byte, error) {
	refs := make([]string, len(m.Files))
	files := make([]cyclonedx.Component, len(m.Files))
	for i, f := range m.Files {
		files[i], refs[i] = f.component(), f.ref()
	}
	model := m.component()
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = serial(m.Digest)
	bom.Metadata = &cyclonedx.Metadata{
		Component: &model,
		Tools: &cyclonedx.ToolsChoice{Components: &[]cyclonedx.Component{{
			Type: cyclonedx.ComponentTypeApplication, Name: "stagegate", Version: sdk.Version,
		}}},
	}
	bom.Components = &files
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: modelRef, Dependencies: &refs}}
	// All files are listed. What else a model depends on, nobody has looked for.
	bom.Compositions = &[]cyclonedx.Composition{
		{Aggregate: cyclonedx.CompositionAggregateComplete, Assemblies: &[]cyclonedx.BOMReference{modelRef}},
		{Aggregate: cyclonedx.CompositionAggregateUnknown, Dependencies: &[]cyclonedx.BOMReference{modelRef}},
	}
	var out bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).EncodeVersion(bom, cyclonedx.SpecVersion1_6); err != nil {
		return nil, fmt.Errorf("encode bill of materials: %w", err)
	}
	return out.Bytes(), nil
}

// modelRef names the model within its bill.
const modelRef = "model"

func (m Model) component() cyclonedx.Component {
	c := cyclonedx.Component{
		BOMRef: modelRef, Type: cyclonedx.ComponentTypeMachineLearningModel,
		Name: m.Name, Version: m.Version, Description: m.Description,
		Hashes: hashes(m.Digest), PackageURL: purl(m.Name, m.Digest),
		ModelCard: &cyclonedx.MLModelCard{ModelParameters: &cyclonedx.MLModelParameters{
			ArchitectureFamily: m.Family, ModelArchitecture: m.Architecture, Datasets: datasets(m.Datasets),
		}},
		ExternalReferences: m.references(), Properties: properties(m.Properties),
	}
	if m.Vendor != "" {
		c.Supplier = &cyclonedx.OrganizationalEntity{Name: m.Vendor}
	}
	if len(m.Licenses) > 0 {
		c.Licenses = &cyclonedx.Licenses{{Expression: strings.Join(m.Licenses, " AND ")}}
	}
	if len(m.Authors) > 0 {
		var authors []cyclonedx.OrganizationalContact
		for _, name := range m.Authors {
			authors = append(authors, cyclonedx.OrganizationalContact{Name: name})
		}
		c.Authors = &authors
	}
	if len(m.BasedOn) > 0 {
		var ancestors []cyclonedx.Component
		for _, a := range m.BasedOn {
			ancestors = append(ancestors, cyclonedx.Component{
				Type: cyclonedx.ComponentTypeMachineLearningModel, Name: a.Name,
				Hashes: hashes(a.Digest), PackageURL: purl(a.Name, a.Digest),
			})
		}
		c.Pedigree = &cyclonedx.Pedigree{Ancestors: &ancestors}
	}
	return c
}

func (m Model) references() *[]cyclonedx.ExternalReference {
	var all []cyclonedx.ExternalReference
	if m.DocURL != "" {
		all = append(all, cyclonedx.ExternalReference{Type: cyclonedx.ERTypeDocumentation, URL: m.DocURL})
	}
	if m.SourceURL != "" {
		all = append(all, cyclonedx.ExternalReference{Type: cyclonedx.ERTypeVCS, URL: m.SourceURL, Comment: m.Revision})
	}
	if len(all) == 0 {
		return nil
	}
	return &all
}

func datasets(addresses []string) *[]cyclonedx.MLDatasetChoice {
	var all []cyclonedx.MLDatasetChoice
	for _, address := range addresses {
		all = append(all, cyclonedx.MLDatasetChoice{ComponentData: &cyclonedx.ComponentData{
			Type: cyclonedx.ComponentDataTypeDataset, Name: path.Base(address), Contents: &cyclonedx.ComponentDataContents{URL: address},
		}})
	}
	if len(all) == 0 {
		return nil
	}
	return &all
}

func (f File) ref() string { return "file:" + f.Name }

func (f File) component() cyclonedx.Component {
	kind := cyclonedx.ComponentTypeFile
	if f.Kind == "dataset" {
		kind = cyclonedx.ComponentTypeData
	}
	notes := map[string]string{"kind": f.Kind, "size": fmt.Sprint(f.Size)}
	if f.Encrypted != "" {
		notes["encrypted"] = f.Encrypted
	}
	return cyclonedx.Component{
		BOMRef: f.ref(), Type: kind, Name: f.Name, MIMEType: f.MediaType,
		Hashes: hashes(f.Digest), Properties: properties(notes),
	}
}

// properties are sorted, in a name space of ours.
func properties(notes map[string]string) *[]cyclonedx.Property {
	var all []cyclonedx.Property
	for name, value := range notes {
		if value != "" {
			all = append(all, cyclonedx.Property{Name: "stagegate:" + name, Value: value})
		}
	}
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b cyclonedx.Property) int { return strings.Compare(a.Name, b.Name) })
	return &all
}

func hashes(digest string) *[]cyclonedx.Hash {
	return &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: strings.TrimPrefix(digest, "sha256:")}}
}

// purl names a package wherever it is: a registry would be one of its copies.
func purl(name, digest string) string {
	return "pkg:oci/" + url.PathEscape(strings.ToLower(name)) + "@" + url.QueryEscape(digest)
}

// serial is the same for the same package, as a UUID of version 8.
func serial(digest string) string {
	b := sha256.Sum256([]byte("stagegate/sbom/" + digest))
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
