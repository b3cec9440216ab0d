package sbom_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/build/sbom"
	"github.com/stagegate/stagegate/plugins/build/sbom/sbomtest"
)

func digest(c string) string { return "sha256:" + strings.Repeat(c, 64) }

func whole() sbom.Model {
	return sbom.Model{
		Digest: digest("a"), Name: "Digits", Version: "1.0", Description: "Reads <digits> & more", Vendor: "Example",
		Authors: []string{"A", "B"}, Licenses: []string{"Apache-2.0", "CC-BY-4.0"},
		DocURL: "https://example.com/docs", SourceURL: "https://example.com/source", Revision: "abc",
		Family: "cnn", Architecture: "lenet", Datasets: []string{"https://example.com/data/digits.csv"},
		Properties: map[string]string{"precision": "float32", "format": "safetensors", "quantization": ""},
		Files: []sbom.File{
			{Name: "model.safetensors", Digest: digest("b"), Size: 10, Kind: "weight", MediaType: "application/vnd.cncf.model.weight.v1.raw", Encrypted: digest("c")},
			{Name: "sub/train.csv", Digest: digest("d"), Kind: "dataset", MediaType: "application/vnd.cncf.model.dataset.v1.raw"},
		},
		BasedOn: []sbom.Ancestor{{Name: "base", Digest: digest("e")}},
	}
}

func encode(t *testing.T, m sbom.Model) []byte {
	t.Helper()
	raw, err := sbom.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestBill(t *testing.T) {
	t.Parallel()
	raw := encode(t, whole())
	bill := sbomtest.Check(t, raw)
	model := bill.Metadata.Component
	if bill.SpecVersion != "1.6" || model.Type != "machine-learning-model" || model.Name != "Digits" || model.Hashes[0].Content != strings.Repeat("a", 64) {
		t.Errorf("%s", raw)
	}
	if want := "pkg:oci/digits@sha256%3A" + strings.Repeat("a", 64); model.PURL != want {
		t.Errorf("purl %s, want %s", model.PURL, want)
	}
	if a := model.Pedigree.Ancestors; len(a) != 1 || a[0].Name != "base" || a[0].Hashes[0].Content != strings.Repeat("e", 64) {
		t.Errorf("ancestors %+v", a)
	}
	if model.Note("precision") != "float32" || model.Note("quantization") != "" {
		t.Errorf("properties %+v", model.Properties)
	}
	weights := bill.Components[0]
	if weights.Hashes[0].Content != strings.Repeat("b", 64) || weights.Note("encrypted") != digest("c") || weights.Note("size") != "10" {
		t.Errorf("weights %+v", weights)
	}
	if bill.Components[1].Type != "data" {
		t.Errorf("data set %+v", bill.Components[1])
	}
	if diff := cmp.Diff([]string{"file:model.safetensors", "file:sub/train.csv"}, bill.Dependencies[0].DependsOn); diff != "" {
		t.Error(diff)
	}
	if !regexp.MustCompile(`^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(bill.SerialNumber) {
		t.Errorf("serial number %s", bill.SerialNumber)
	}
}

// A model of which nothing is said has a valid bill as well.
func TestBareBill(t *testing.T) {
	t.Parallel()
	bill := sbomtest.Check(t, encode(t, sbom.Model{Digest: digest("a"), Name: "m", Files: []sbom.File{{Name: "w", Digest: digest("b")}}}))
	if len(bill.Components) != 1 {
		t.Errorf("%+v", bill)
	}
}

func TestTheSamePackageHasTheSameBill(t *testing.T) {
	t.Parallel()
	before := encode(t, whole())
	for range 20 {
		if !bytes.Equal(before, encode(t, whole())) {
			t.Fatal("two bills of the same package differ")
		}
	}
	other := whole()
	other.Digest = digest("f")
	if bill := sbomtest.Check(t, encode(t, other)); bill.SerialNumber == sbomtest.Check(t, before).SerialNumber {
		t.Error("two packages have the same serial number")
	}
}
