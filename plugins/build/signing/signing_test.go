package signing_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/image"
	"github.com/stagegate/stagegate/plugins/build/modelpack"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/plugins/build/sbom"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func start(t testing.TB) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "build", Version: "0.0.1", Builders: []sdk.Builder{modelpack.Builder{}, image.Builder{}}})
}

// newKey is a key as a secret holds it, and the other half.
func newKey(t testing.TB) (string, bundle.PublicKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	key, err := bundle.ParseKey(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	return string(text), public
}

func secret(s string) cty.Value { return cty.StringVal(s).Mark(dynamic.Sensitive) }

func sign(fields map[string]cty.Value) cty.Value { return cty.ObjectVal(fields) }

// weights are a safetensors file with two parameters, and a file beside it.
func weights(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	header := `{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	raw := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	raw = append(append(raw, header...), make([]byte, 8)...)
	for name, content := range map[string][]byte{"out/model.safetensors": raw, "out/sub/config.json": []byte("{}")} {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func model(more map[string]cty.Value) cty.Value {
	fields := map[string]cty.Value{"name": cty.StringVal("digits"), "files": cty.ListVal([]cty.Value{cty.StringVal("out/**")})}
	for k, v := range more {
		fields[k] = v
	}
	return cty.ObjectVal(fields)
}

func layoutOf(t *testing.T, dir string) *oci.Layout {
	t.Helper()
	root, err := os.OpenRoot(filepath.Join(dir, "dist/digits"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	layout, err := oci.OpenLayout(root, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// found are the signatures of a manifest by the type of their statement.
func found(t *testing.T, store cosign.Store, subject string) map[string]cosign.Found {
	t.Helper()
	list, err := cosign.Find(t.Context(), store, digest.Digest(subject))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]cosign.Found)
	for _, f := range list {
		out[f.PredicateType] = f
	}
	return out
}

func text(o plugintest.Outcome, name string) string { return o.Outputs.GetAttr(name).AsString() }

// Both signatures are where the package is, by either method; the outputs, the
// annotations and the attestations name them; and the digest of the package is
// that of the unsigned one.
func TestSignModel(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"files", "shards"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			key, public := newKey(t)
			dir, h := weights(t), start(t)
			plain := h.Build("model", model(nil), plugintest.Options{WorkDir: weights(t)})
			got := h.Build("model", model(map[string]cty.Value{
				"sign": sign(map[string]cty.Value{"key": secret(key), "method": cty.StringVal(method)}),
			}), plugintest.Options{WorkDir: dir})
			if !got.Succeeded() || !plain.Succeeded() {
				t.Fatal(got, plain)
			}
			if text(got, "digest") != text(plain, "digest") {
				t.Errorf("signed %s, unsigned %s", text(got, "digest"), text(plain, "digest"))
			}
			layout := layoutOf(t, dir)
			signatures := found(t, layout, text(got, "digest"))
			if f := signatures[cosign.PredicateType]; f.Manifest.String() != text(got, "signature") {
				t.Errorf("the signature is %s, the output %s", f.Manifest, text(got, "signature"))
			} else if _, err := f.Verify(public); err != nil {
				t.Error(err)
			}
			b := modelSignature(t, layout, text(got, "model_signature"))
			checkModel(t, b, public, method, dir)
			notes := got.Artifacts[0].Annotations
			if notes[sdk.AnnotationSignatures] != "oms cosign" || notes[sdk.AnnotationSigner] != public.Fingerprint() {
				t.Errorf("annotations: %v", notes)
			}
			checkUnsigned(t, plain)
			if a := attestations(got); len(a) != 3 || a[0].GetSubjectDigest() != text(got, "digest") || a[0].GetPredicateType() != oms.PredicateType || len(a[0].GetEnvelope()) == 0 {
				t.Errorf("attestations: %+v", a)
			}
			for _, secretLine := range strings.Split(key, "\n")[1:3] {
				if shown := fmt.Sprint(got, string(got.Stdout), string(got.Stderr), attestations(got)); strings.Contains(shown, secretLine) {
					t.Errorf("the key shows: %s", shown)
				}
			}
		})
	}
}

func attestations(o plugintest.Outcome) []*pluginv1.Attestation {
	var out []*pluginv1.Attestation
	for _, e := range o.Events {
		if a := e.GetAttestation(); a != nil {
			out = append(out, a)
		}
	}
	return out
}

func checkUnsigned(t *testing.T, plain plugintest.Outcome) {
	t.Helper()
	if notes := plain.Artifacts[0].Annotations; notes[sdk.AnnotationSignatures] != "absent" || notes[sdk.AnnotationSigner] != "" {
		t.Errorf("annotations of the unsigned one: %v", notes)
	}
	if !plain.Outputs.GetAttr("signature").IsNull() || !plain.Outputs.GetAttr("model_signature").IsNull() {
		t.Errorf("the unsigned one: %#v", plain.Outputs)
	}
	for _, a := range attestations(plain) {
		if a.GetPredicateType() != sbom.PredicateType || len(a.GetEnvelope()) > 0 {
			t.Errorf("of the unsigned one: %v", a)
		}
	}
}

// modelSignature reads the layer of a referrer, as a client saves it.
func modelSignature(t *testing.T, layout *oci.Layout, d string) bundle.Bundle {
	t.Helper()
	index, err := layout.Referrers(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, desc := range index {
		if desc.Digest.String() != d {
			continue
		}
		raw, err := layout.Small(t.Context(), desc, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		var m ocispec.Manifest
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		if name := m.Layers[0].Annotations[ocispec.AnnotationTitle]; name != "model.sig" {
			t.Errorf("it would be saved as %q", name)
		}
		content, err := layout.Small(t.Context(), m.Layers[0], 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		b, err := bundle.Parse(content)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	t.Fatalf("%s is not in the layout: %v", d, index)
	return bundle.Bundle{}
}

// checkModel compares the signature with the files on disk.
func checkModel(t *testing.T, b bundle.Bundle, public bundle.PublicKey, method, dir string) {
	t.Helper()
	m, err := oms.Verify(b, public)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != "digits" || string(m.Method) != method {
		t.Errorf("%+v", m)
	}
	var resources []oms.Resource
	for _, name := range []string{"model.safetensors", "sub/config.json"} {
		content, err := os.ReadFile(filepath.Join(dir, "out", name))
		if err != nil {
			t.Fatal(err)
		}
		r := oms.File(name, digest.FromBytes(content).String())
		if method == "shards" {
			r.Name = fmt.Sprintf("%s:0:%d", name, len(content))
		}
		resources = append(resources, r)
	}
	if err := m.Compare(resources); err != nil {
		t.Error(err)
	}
}

// In a registry, with a key that cosign has encrypted; and the same again is the
// same.
func TestSignInARegistry(t *testing.T) {
	t.Parallel()
	key, public := newKey(t)
	block, _ := pem.Decode([]byte(key))
	sealed, err := encrypted.Encrypt(block.Bytes, []byte("a password"))
	if err != nil {
		t.Fatal(err)
	}
	for name, host := range map[string]string{"API": ocitest.StartReferrers(t).Host, "fallback": ocitest.StartPlain(t, nil).Host} {
		var before string
		for range 2 {
			got := start(t).Build("model", model(map[string]cty.Value{
				"sign": sign(map[string]cty.Value{
					"key":      secret(string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: sealed}))),
					"password": secret("a password"),
				}),
				"registry": cty.ObjectVal(map[string]cty.Value{
					"repository": cty.StringVal(host + "/models/digits"), "plain_http": cty.True, "tag": cty.StringVal("1.0"),
				}),
			}), plugintest.Options{WorkDir: weights(t)})
			if !got.Succeeded() {
				t.Fatal(name, got)
			}
			registry, err := oci.NewRegistry(oci.RegistryOptions{Host: host, Repository: "models/digits", PlainHTTP: true})
			if err != nil {
				t.Fatal(err)
			}
			signatures := found(t, registry, text(got, "digest"))
			if kinds := slices.Sorted(maps.Keys(signatures)); !slices.Equal(kinds, []string{sbom.PredicateType, oms.PredicateType, cosign.PredicateType}) {
				t.Fatalf("%s: %v", name, kinds)
			}
			for _, kind := range []string{sbom.PredicateType, cosign.PredicateType} { // that of the files is about the files
				if _, err := signatures[kind].Verify(public); err != nil {
					t.Errorf("%s: %s: %v", name, kind, err)
				}
			}
			if tagged, ok, err := registry.Tagged(t.Context(), "1.0"); err != nil || !ok || tagged.Digest.String() != text(got, "digest") {
				t.Errorf("%s: the tag names %v, %v", name, tagged, err)
			}
			if after := text(got, "signature") + text(got, "model_signature"); before != "" && after != before {
				t.Errorf("%s: %s, and before %s", name, after, before)
			} else {
				before = after
			}
		}
	}
}

func TestSignImage(t *testing.T) {
	t.Parallel()
	key, public := newKey(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!/bin/sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	got := start(t).Build("image", cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal("digits"), "entrypoint": cty.ListVal([]cty.Value{cty.StringVal("/run.sh")}),
		"file": cty.MapVal(map[string]cty.Value{"/run.sh": cty.ObjectVal(map[string]cty.Value{"source": cty.StringVal("run.sh")})}),
		"sign": sign(map[string]cty.Value{"key": secret(key)}),
	}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	signatures := found(t, layoutOf(t, dir), text(got, "digest"))
	if _, err := signatures[cosign.PredicateType].Verify(public); err != nil || len(signatures) != 1 {
		t.Errorf("%v, %v", signatures, err)
	}
	if notes := got.Artifacts[0].Annotations; notes[sdk.AnnotationSignatures] != "cosign" {
		t.Errorf("annotations: %v", notes)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	key, _ := newKey(t)
	at := func(name string) sdk.Path { return sdk.At(sdk.Attr("sign"), sdk.Attr(name)) }
	for name, test := range map[string]struct {
		fields  map[string]cty.Value
		path    sdk.Path
		summary string // empty means that it is valid
	}{
		"good":              {map[string]cty.Value{"key": secret(key)}, nil, ""},
		"not known yet":     {map[string]cty.Value{"key": cty.UnknownVal(cty.String).Mark(dynamic.Sensitive)}, nil, ""},
		"password unknown":  {map[string]cty.Value{"key": secret("x"), "password": cty.UnknownVal(cty.String).Mark(dynamic.Sensitive)}, nil, ""},
		"key in clear":      {map[string]cty.Value{"key": cty.StringVal(key)}, at("key"), "a secret in clear"},
		"password in clear": {map[string]cty.Value{"key": secret(key), "password": cty.StringVal("x")}, at("password"), "a secret in clear"},
		"no key":            {map[string]cty.Value{"key": secret("hello")}, at("key"), "unusable signing key"},
		"unknown method":    {map[string]cty.Value{"key": secret(key), "method": cty.StringVal("tree")}, at("method"), "unknown method"},
	} {
		diags := start(t).Validate("model", model(map[string]cty.Value{"sign": sign(test.fields)}))
		if test.summary == "" {
			if len(diags) > 0 {
				t.Errorf("%s: %+v", name, diags)
			}
			continue
		}
		if len(diags) != 1 || diags[0].Summary != test.summary {
			t.Errorf("%s: %+v", name, diags)
			continue
		}
		if diff := cmp.Diff(test.path, diags[0].Path); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// A key that cannot be used costs no packing, and nothing is left.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	sealed, err := encrypted.Encrypt([]byte("x"), []byte("a password"))
	if err != nil {
		t.Fatal(err)
	}
	dir := weights(t)
	got := start(t).Build("model", model(map[string]cty.Value{"sign": sign(map[string]cty.Value{
		"key":      secret(string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: sealed}))),
		"password": secret("another"),
	})}), plugintest.Options{WorkDir: dir})
	if f := got.Failure(); f.GetClass() != "key_unusable" || f.GetTransient() || !strings.Contains(f.GetDetail()+f.GetSummary(), "password is wrong") {
		t.Errorf("%v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "dist")); err == nil {
		t.Error("something was stored")
	}
}
