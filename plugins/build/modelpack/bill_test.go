package modelpack_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/plugins/build/sbom"
	"github.com/stagegate/stagegate/plugins/build/sbom/sbomtest"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

// billOf reads the bill that is attached to a package, as a client finds it.
func billOf(t *testing.T, get func(name string) []byte, attached []ocispec.Descriptor, got plugintest.Outcome) sbomtest.Bill {
	t.Helper()
	for _, d := range attached {
		var m ocispec.Manifest
		if err := json.Unmarshal(get("manifests/"+d.Digest.String()), &m); err != nil {
			t.Fatal(err)
		}
		if m.ArtifactType != sbom.MediaType { // what an index says of it may be wrong
			continue
		}
		if m.Subject.Digest.String() != digestOf(got) || d.Digest.String() != got.Outputs.GetAttr("sbom").AsString() || m.Layers[0].Annotations[ocispec.AnnotationTitle] != "sbom.cdx.json" {
			t.Errorf("manifest %+v", m)
		}
		raw := get("blobs/" + m.Layers[0].Digest.String())
		if a := sdk.ArtifactOf(got.Outputs.GetAttr("artifact")); a.Annotations[sdk.AnnotationSBOM] != digest.FromBytes(raw).String() {
			t.Errorf("annotations %v", a.Annotations)
		}
		checkStated(t, got, raw)
		return sbomtest.Check(t, raw)
	}
	t.Fatalf("no bill of materials among %+v", attached)
	return sbomtest.Bill{}
}

// checkStated holds what the runner is told against the document.
func checkStated(t *testing.T, got plugintest.Outcome, raw []byte) {
	t.Helper()
	for _, e := range got.Events {
		a := e.GetAttestation()
		if a.GetPredicateType() != sbom.PredicateType {
			continue
		}
		statement, err := bundle.ParseStatement(a.GetStatement())
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, raw); err != nil {
			t.Fatal(err)
		}
		about := "sha256:" + statement.Subject[0].Digest["sha256"]
		if a.GetSubjectDigest() != digestOf(got) || about != digestOf(got) || string(statement.Predicate) != want.String() || len(a.GetEnvelope()) > 0 {
			t.Errorf("stated: %v", a)
		}
		return
	}
	t.Error("the runner is told of no bill of materials")
}

// Each package has a bill beside it, which is valid by the specification's own
// schema, and says what the package says.
func TestBill(t *testing.T) {
	t.Parallel()
	secret, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	model := named("w", 250)
	for name, more := range map[string]map[string]cty.Value{
		"in clear":  nil,
		"encrypted": {"encrypt": cty.ObjectVal(map[string]cty.Value{"recipients": cty.ListVal([]cty.Value{cty.StringVal(secret.Recipient().String())})})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, map[string][]byte{"out/model.safetensors": model, "out/data/train.csv": []byte("1,2")})
			config := map[string]cty.Value{
				"files": strs("out/**"), "version": cty.StringVal("1.0"), "licenses": cty.ListVal([]cty.Value{cty.StringVal("MIT")}),
				"dataset_urls": cty.ListVal([]cty.Value{cty.StringVal("https://example.com/digits.csv")}),
				"based_on":     cty.MapVal(map[string]cty.Value{"base": sdk.Artifact{Name: "x", Digest: digest.FromString("base").String()}.Value()}),
			}
			for k, v := range more {
				config[k] = v
			}
			got := start(t).Build("model", digits(config), plugintest.Options{WorkDir: dir})
			if !got.Succeeded() {
				t.Fatal(got)
			}
			layout := filepath.Join(dir, "dist/digits")
			bill := billOf(t, func(name string) []byte { return ocitest.Blob(t, layout, filepath.Base(name)) }, attachedIn(t, layout, digestOf(got)), got)
			checkBill(t, bill, got, model, manifestOf(t, layout, digestOf(got)))
		})
	}
}

func checkBill(t *testing.T, bill sbomtest.Bill, got plugintest.Outcome, model []byte, m ocispec.Manifest) {
	t.Helper()
	about := bill.Metadata.Component
	if "sha256:"+about.Hashes[0].Content != digestOf(got) || about.Note("precision") != "float32" || about.Note("format") != "safetensors" {
		t.Errorf("about %+v", about)
	}
	if a := about.Pedigree.Ancestors; len(a) != 1 || "sha256:"+a[0].Hashes[0].Content != digest.FromString("base").String() {
		t.Errorf("ancestors %+v", a)
	}
	files := make(map[string]string)
	for i, c := range bill.Components {
		files[c.Name] = "sha256:" + c.Hashes[0].Content
		sealed := ""
		if m.Layers[i].MediaType == oci.MediaTypeEncrypted {
			sealed = m.Layers[i].Digest.String()
		}
		if c.Note("encrypted") != sealed {
			t.Errorf("%s is encrypted as %q, want %q", c.Name, c.Note("encrypted"), sealed)
		}
	}
	// What counts is what the files are once they are open.
	want := map[string]string{"model.safetensors": digest.FromBytes(model).String(), "data/train.csv": digest.FromString("1,2").String()}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Error(diff)
	}
}

// In a registry it is found as what refers to the package.
func TestBillInARegistry(t *testing.T) {
	t.Parallel()
	server := ocitest.StartReferrers(t)
	dir := tree(t, map[string][]byte{"out/model.safetensors": named("w", 250)})
	config := digits(map[string]cty.Value{"registry": cty.ObjectVal(map[string]cty.Value{
		"repository": cty.StringVal(server.Host + "/models/digits"), "plain_http": cty.True,
	})})
	h := start(t)
	got := h.Build("model", config, plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	again := h.Build("model", config, plugintest.Options{WorkDir: dir})
	if again.Outputs.GetAttr("sbom").AsString() != got.Outputs.GetAttr("sbom").AsString() {
		t.Error("the same package has another bill")
	}
	var index ocispec.Index
	_, raw := server.Get(t, "models/digits/referrers/"+digestOf(got))
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Manifests) != 1 {
		t.Errorf("attached: %s", raw)
	}
	billOf(t, func(name string) []byte {
		_, raw := server.Get(t, "models/digits/"+name)
		return raw
	}, index.Manifests, got)
}

func attachedIn(t *testing.T, layout, subject string) []ocispec.Descriptor {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(layout, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	var attached []ocispec.Descriptor
	for _, d := range index.Manifests {
		if d.Digest.String() != subject {
			attached = append(attached, d)
		}
	}
	return attached
}
