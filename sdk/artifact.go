package sdk

import (
	"maps"

	"github.com/zclconf/go-cty/cty"
)

// Artifact is an immutable thing that a stage made, named by its digest.
type Artifact struct {
	Name      string
	Digest    string // "sha256:<hex>" of the content; of the manifest, for OCI
	MediaType string
	Size      int64 // bytes; for OCI the sum of manifest, config and layers
	// Location is blob:<digest>, oci-layout:<absolute path>@<digest>,
	// oci://<registry>/<repository>@<digest>, or docker-image:<id> for an image
	// that only the local Docker engine has.
	Location    string
	Annotations map[string]string
}

// Value is the artifact as an output, of type ArtifactType.
func (a Artifact) Value() Value {
	notes := cty.MapValEmpty(cty.String)
	if len(a.Annotations) > 0 {
		m := make(map[string]cty.Value, len(a.Annotations))
		for k, v := range a.Annotations {
			m[k] = cty.StringVal(v)
		}
		notes = cty.MapVal(m)
	}
	return cty.ObjectVal(map[string]cty.Value{
		"name":        cty.StringVal(a.Name),
		"digest":      cty.StringVal(a.Digest),
		"media_type":  cty.StringVal(a.MediaType),
		"size":        cty.NumberIntVal(a.Size),
		"location":    cty.StringVal(a.Location),
		"annotations": notes,
	})
}

// ArtifactOf reads an artifact from a known, non-null value of ArtifactType.
func ArtifactOf(v Value) Artifact {
	v, _ = v.UnmarkDeep()
	text := func(name string) string {
		if f := v.GetAttr(name); f.IsKnown() && !f.IsNull() {
			return f.AsString()
		}
		return ""
	}
	a := Artifact{
		Name: text("name"), Digest: text("digest"),
		MediaType: text("media_type"), Location: text("location"),
	}
	if f := v.GetAttr("size"); f.IsKnown() && !f.IsNull() {
		a.Size, _ = f.AsBigFloat().Int64()
	}
	if f := v.GetAttr("annotations"); f.IsKnown() && !f.IsNull() && f.LengthInt() > 0 {
		a.Annotations = make(map[string]string, f.LengthInt())
		for k, e := range f.AsValueMap() {
			if e.IsKnown() && !e.IsNull() {
				a.Annotations[k] = e.AsString()
			}
		}
	}
	return a
}

// Clone is a deep copy.
func (a Artifact) Clone() Artifact {
	a.Annotations = maps.Clone(a.Annotations)
	return a
}

// Attestation is an in-toto Statement about an artifact.
type Attestation struct {
	SubjectDigest string
	PredicateType string // a URI
	Statement     []byte // in-toto Statement v1, JSON
	Envelope      []byte // DSSE over the statement when the plugin signed it
}
