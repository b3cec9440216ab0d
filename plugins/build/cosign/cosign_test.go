package cosign_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// signer is a key in all the forms that tests need.
type signer struct {
	private *ecdsa.PrivateKey
	key     bundle.Key
	public  bundle.PublicKey
}

func newSigner(t *testing.T, curve elliptic.Curve) signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := bundle.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	return signer{private, key, public}
}

// place is where a package is, and how to read it.
type place struct {
	to      *oci.Destination
	store   cosign.Store
	subject ocispec.Descriptor
	name    string // for cosign; empty for a layout
}

// publish stores a package in a registry, or in a layout without one.
func publish(t *testing.T, host string) place {
	t.Helper()
	dir := t.TempDir()
	tree, err := workspace.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	block := cty.NullVal(cty.DynamicPseudoType)
	if host != "" {
		block = cty.ObjectVal(map[string]cty.Value{
			"repository": cty.StringVal(host + "/models/digits"), "tag": cty.StringVal("1.0"),
			"ca_file": cty.NullVal(cty.String), "mount_from": cty.NullVal(cty.List(cty.String)), "plain_http": cty.True,
		})
	}
	to, err := oci.OpenDestination(tree, sdk.NewConfig(cty.ObjectVal(map[string]cty.Value{
		"layout": cty.NullVal(cty.String), "registry": block,
	})), "digits", "1.0", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = to.Close(), tree.Close() })
	composed, err := to.Compose(t.Context(), oci.Manifest{ConfigType: ocispec.MediaTypeImageConfig, Config: []byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`)})
	if err == nil {
		err = to.Publish(t.Context(), composed)
	}
	if err != nil {
		t.Fatal(err)
	}
	desc := composed.Descriptor
	p := place{to: to, subject: desc}
	if host != "" {
		registry, err := oci.NewRegistry(oci.RegistryOptions{Host: host, Repository: "models/digits", PlainHTTP: true})
		if err != nil {
			t.Fatal(err)
		}
		p.store, p.name = registry, host+"/models/digits@"+desc.Digest.String()
		return p
	}
	root, err := os.OpenRoot(filepath.Join(dir, "dist/digits"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	if p.store, err = oci.OpenLayout(root, "", nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func places(t *testing.T) map[string]func(t *testing.T) place {
	t.Helper()
	return map[string]func(t *testing.T) place{
		"layout":   func(t *testing.T) place { return publish(t, "") },
		"API":      func(t *testing.T) place { return publish(t, ocitest.StartReferrers(t).Host) },
		"fallback": func(t *testing.T) place { return publish(t, ocitest.StartPlain(t, nil).Host) },
	}
}

func attach(t *testing.T, p place, b bundle.Bundle) digest.Digest {
	t.Helper()
	a, err := cosign.Attachment(b)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := p.to.Attach(t.Context(), p.subject, a)
	if err != nil {
		t.Fatal(err)
	}
	return desc.Digest
}

func sign(t *testing.T, s signer, subject digest.Digest) bundle.Bundle {
	t.Helper()
	b, err := cosign.Sign(t.Context(), s.key, subject)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func find(t *testing.T, p place) []cosign.Found {
	t.Helper()
	found, err := cosign.Find(t.Context(), p.store, p.subject.Digest)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSignature(t *testing.T) {
	t.Parallel()
	for name, open := range places(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, s := open(t), newSigner(t, elliptic.P256())
			first := attach(t, p, sign(t, s, p.subject.Digest))
			if again := attach(t, p, sign(t, s, p.subject.Digest)); again != first {
				t.Errorf("the same signature is %s and %s", first, again)
			}
			found := find(t, p)
			if len(found) != 1 || found[0].Format != cosign.FormatBundle || found[0].PredicateType != cosign.PredicateType || found[0].Manifest != first {
				t.Fatalf("%+v", found)
			}
			if _, err := found[0].Verify(s.public); err != nil {
				t.Error(err)
			}
			if _, err := found[0].Verify(newSigner(t, elliptic.P256()).public); err == nil {
				t.Error("another key verifies it")
			}
			checkManifest(t, p, first)
		})
	}
}

// checkManifest compares the manifest of a signature with what cosign writes.
func checkManifest(t *testing.T, p place, d digest.Digest) {
	t.Helper()
	var size int64
	refs, err := p.store.Referrers(t.Context(), p.subject.Digest)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range refs {
		if r.Digest == d {
			size = r.Size
		}
	}
	raw, err := p.store.Small(t.Context(), ocispec.Descriptor{Digest: d, Size: size, MediaType: ocispec.MediaTypeImageManifest}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	layers, _ := m["layers"].([]any)
	if len(layers) != 1 {
		t.Fatalf("%s", raw)
	}
	layer, _ := layers[0].(map[string]any)
	got := map[string]any{
		"artifactType": m["artifactType"], "config": m["config"], "subject": m["subject"], "annotations": m["annotations"],
		"layer": layer["mediaType"], "mediaType": m["mediaType"],
	}
	want := map[string]any{
		"artifactType": bundleType, "layer": bundleType, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": map[string]any{
			"mediaType": "application/vnd.oci.empty.v1+json", "size": 2.0,
			"digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
		},
		"subject": map[string]any{
			"mediaType": p.subject.MediaType, "digest": p.subject.Digest.String(), "size": float64(p.subject.Size),
		},
		"annotations": map[string]any{
			"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A signature counts for the manifest that it names, wherever it is attached.
func TestSignatureOfAnotherManifest(t *testing.T) {
	t.Parallel()
	p, s := publish(t, ""), newSigner(t, elliptic.P256())
	attach(t, p, sign(t, s, digest.FromString("another")))
	found := find(t, p)
	if len(found) != 1 {
		t.Fatalf("%+v", found)
	}
	if statement, err := found[0].Verify(s.public); err == nil {
		t.Errorf("it counts: %+v", statement)
	}
}

// What is attached and is no bundle does not hide one, and the type in an index
// is not relied upon.
func TestFindReadsEachManifest(t *testing.T) {
	t.Parallel()
	p, s := publish(t, ocitest.StartPlain(t, nil).Host), newSigner(t, elliptic.P256())
	for _, a := range []oci.Attachment{
		{Type: "application/spdx+json", Content: []byte("{}")},
		{Type: bundle.MediaType, Content: []byte("not a bundle")},
	} {
		if _, err := p.to.Attach(t.Context(), p.subject, a); err != nil {
			t.Fatal(err)
		}
	}
	want := attach(t, p, sign(t, s, p.subject.Digest))
	found, err := cosign.Find(t.Context(), mistyped{p.store}, p.subject.Digest)
	if err != nil || len(found) != 1 || found[0].Manifest != want {
		t.Errorf("%+v, %v", found, err)
	}
}

// mistyped is a registry whose index has the config's type for the artifact's.
type mistyped struct{ cosign.Store }

func (m mistyped) Referrers(ctx context.Context, subject digest.Digest) ([]ocispec.Descriptor, error) {
	refs, err := m.Store.Referrers(ctx, subject)
	for i := range refs {
		refs[i].ArtifactType = "application/vnd.oci.empty.v1+json"
	}
	return refs, err
}

// tagged is a store with one manifest under a tag.
type tagged struct {
	cosign.Store
	tag  string
	desc ocispec.Descriptor
	raw  map[digest.Digest][]byte
}

func (s tagged) Referrers(context.Context, digest.Digest) ([]ocispec.Descriptor, error) {
	return nil, nil
}

func (s tagged) Tagged(_ context.Context, tag string) (ocispec.Descriptor, bool, error) {
	return s.desc, tag == s.tag, nil
}

func (s tagged) Small(_ context.Context, desc ocispec.Descriptor, _ int64) ([]byte, error) {
	return s.raw[desc.Digest], nil
}

// legacy is the store that cosign before version 3 leaves.
func legacy(t *testing.T, tag, layerType string, content []byte, annotations map[string]string) tagged {
	t.Helper()
	layer := ocispec.Descriptor{MediaType: layerType, Digest: digest.FromBytes(content), Size: int64(len(content)), Annotations: annotations}
	raw, err := json.Marshal(ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Layers: []ocispec.Descriptor{layer}})
	if err != nil {
		t.Fatal(err)
	}
	desc := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	return tagged{tag: tag, desc: desc, raw: map[digest.Digest][]byte{desc.Digest: raw, layer.Digest: content}}
}

func TestLegacySignature(t *testing.T) {
	t.Parallel()
	s, subject := newSigner(t, elliptic.P384()), digest.FromString("package")
	for name, test := range map[string]struct {
		about digest.Digest
		kind  string
		good  bool
	}{
		"good":             {subject, "cosign container image signature", true},
		"another manifest": {digest.FromString("another"), "cosign container image signature", false},
		"another type":     {subject, "something else", false},
	} {
		payload := []byte(`{"critical":{"identity":{"docker-reference":"r.example/x"},"image":{"docker-manifest-digest":"` + test.about.String() + `"},"type":"` + test.kind + `"},"optional":null}`)
		sum := sha256.Sum256(payload) // whatever the curve
		signature, err := s.private.Sign(rand.Reader, sum[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		store := legacy(t, "sha256-"+subject.Encoded()+".sig", "application/vnd.dev.cosign.simplesigning.v1+json", payload,
			map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)})
		found, err := cosign.Find(t.Context(), store, subject)
		if err != nil || len(found) != 1 || found[0].Format != cosign.FormatSignature {
			t.Fatalf("%s: %+v, %v", name, found, err)
		}
		statement, err := found[0].Verify(s.public)
		if (err == nil) != test.good {
			t.Errorf("%s: %+v, %v", name, statement, err)
		}
		if _, err := found[0].Verify(newSigner(t, elliptic.P384()).public); err == nil {
			t.Errorf("%s: another key verifies it", name)
		}
	}
}

func TestLegacyAttestation(t *testing.T) {
	t.Parallel()
	s, subject := newSigner(t, elliptic.P256()), digest.FromString("package")
	for about, good := range map[digest.Digest]bool{subject: true, digest.FromString("another"): false} {
		b, err := cosign.Attest(t.Context(), s.key, about, "r.example/x", "https://example.com/claim/v1", json.RawMessage(`{"a":1}`))
		if err != nil {
			t.Fatal(err)
		}
		envelope, err := json.Marshal(b.Envelope)
		if err != nil {
			t.Fatal(err)
		}
		store := legacy(t, "sha256-"+subject.Encoded()+".att", "application/vnd.dsse.envelope.v1+json", envelope, nil)
		found, err := cosign.Find(t.Context(), store, subject)
		if err != nil || len(found) != 1 || found[0].PredicateType != "https://example.com/claim/v1" {
			t.Fatalf("%+v, %v", found, err)
		}
		if statement, err := found[0].Verify(s.public); (err == nil) != good {
			t.Errorf("%+v, %v", statement, err)
		}
	}
}

// The tool itself accepts what is written here, and what it writes is read.
func TestCosignAgrees(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("cosign")
	if err != nil {
		t.Skip("cosign is not here; the other tests hold the format to what it reads and writes")
	}
	for name, open := range places(t) {
		if name == "layout" {
			continue
		}
		for hash, curve := range map[string]elliptic.Curve{"sha256": elliptic.P256(), "sha384": elliptic.P384(), "sha512": elliptic.P521()} {
			t.Run(name+" "+hash, func(t *testing.T) {
				t.Parallel()
				accepted(t, tool, open(t), newSigner(t, curve), hash)
			})
		}
		t.Run(name+" written by cosign", func(t *testing.T) {
			t.Parallel()
			read(t, tool, open(t), newSigner(t, elliptic.P256()))
		})
	}
}

// command runs cosign without anything of the user's.
func command(t *testing.T, tool, dir string) func(args ...string) (string, error) {
	t.Helper()
	return func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir = dir
		cmd.Env = []string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "COSIGN_PASSWORD=secret", "COSIGN_YES=true"}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
}

func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	full := filepath.Join(dir, name)
	if err := os.WriteFile(full, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return full
}

func accepted(t *testing.T, tool string, p place, s signer, hash string) {
	t.Helper()
	dir := t.TempDir()
	run := command(t, tool, dir)
	public := write(t, dir, "public.pem", s.public.PEM())
	other := write(t, dir, "other.pem", newSigner(t, s.private.Curve).public.PEM())
	attach(t, p, sign(t, s, p.subject.Digest))
	claim, err := cosign.Attest(t.Context(), s.key, p.subject.Digest, "", "https://slsa.dev/provenance/v1", json.RawMessage(`{"buildDefinition":{},"runDetails":{}}`))
	if err != nil {
		t.Fatal(err)
	}
	attach(t, p, claim)
	model, err := oms.Sign(t.Context(), s.key, oms.Model{Name: "m", Method: oms.Files, Resources: []oms.Resource{oms.File("f", digest.FromString("f").String())}})
	if err != nil {
		t.Fatal(err)
	}
	attach(t, p, model)
	flags := []string{"--insecure-ignore-tlog=true", "--allow-http-registry=true", "--signature-digest-algorithm=" + hash}
	if out, err := run(append([]string{"verify", "--key", public, p.name}, flags...)...); err != nil {
		t.Errorf("cosign verify: %v\n%s", err, out)
	}
	if out, err := run(append([]string{"verify", "--key", other, p.name}, flags...)...); err == nil {
		t.Errorf("cosign verify with another key:\n%s", out)
	}
	out, err := run(append([]string{"verify-attestation", "--key", public, "--type", "slsaprovenance1", p.name}, flags...)...)
	if err != nil || !strings.Contains(out, "payload") {
		t.Errorf("cosign verify-attestation: %v\n%s", err, out)
	}
}

// read has cosign sign in both layouts, with a key that it has encrypted.
func read(t *testing.T, tool string, p place, s signer) {
	t.Helper()
	dir := t.TempDir()
	run := command(t, tool, dir)
	der, err := x509.MarshalPKCS8PrivateKey(s.private)
	if err != nil {
		t.Fatal(err)
	}
	plain := write(t, dir, "plain.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if out, err := run("import-key-pair", "--key", plain, "-o", "pair"); err != nil {
		t.Fatalf("cosign import-key-pair: %v\n%s", err, out)
	}
	sealed, err := os.ReadFile(filepath.Join(dir, "pair.key"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := bundle.ParseKey(sealed, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"true", "false"} {
		out, err := run("sign", "--key", "pair.key", "--tlog-upload=false", "--use-signing-config=false",
			"--new-bundle-format="+form, "--allow-http-registry=true", p.name)
		if err != nil {
			t.Fatalf("cosign sign: %v\n%s", err, out)
		}
	}
	formats := make(map[cosign.Format]bool)
	for _, f := range find(t, p) {
		formats[f.Format] = true
		if _, err := f.Verify(public); err != nil || f.PredicateType != cosign.PredicateType {
			t.Errorf("%s: %s, %v", f.Format, f.PredicateType, err)
		}
	}
	if diff := cmp.Diff(map[cosign.Format]bool{cosign.FormatBundle: true, cosign.FormatSignature: true}, formats); diff != "" {
		t.Error(diff)
	}
}
