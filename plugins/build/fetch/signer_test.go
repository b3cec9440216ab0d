package fetch_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

// signer is a key in the forms that pipelines and tests have it.
type signer struct {
	private *ecdsa.PrivateKey
	key     bundle.Key
	secret  cty.Value // of `sign`
	public  string    // of `verify`
	print   string
}

func newSigner(t testing.TB) signer {
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
	return signer{private, key, cty.StringVal(string(text)).Mark(dynamic.Sensitive), string(public.PEM()), public.Fingerprint()}
}

func verify(keys []string, signatures ...string) cty.Value {
	if len(signatures) == 0 {
		return object("keys", keys)
	}
	return object("keys", keys, "signatures", signatures)
}

// destination is the layout dist of a folder, or a registry.
func destination(t *testing.T, dir string, registry cty.Value) *oci.Destination {
	t.Helper()
	tree, err := workspace.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	layout := cty.StringVal("dist")
	if !registry.IsNull() {
		layout = cty.NullVal(cty.String)
	}
	to, err := oci.OpenDestination(tree, sdk.NewConfig(cty.ObjectVal(map[string]cty.Value{"layout": layout, "registry": registry})), "dist", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = to.Close(), tree.Close() })
	return to
}

// signOlder stores a signature as cosign 2 does.
func signOlder(t *testing.T, s signer, host string, subject, about digest.Digest) {
	t.Helper()
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, about)
	sum := sha256.Sum256(payload)
	signature, err := s.private.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	to := destination(t, t.TempDir(), object("repository", host+"/models/digits", "plain_http", cty.True, "tag", oci.FallbackTag(subject)+".sig",
		"ca_file", cty.NullVal(cty.String), "mount_from", cty.NullVal(cty.List(cty.String))))
	layer, err := to.Blob(t.Context(), oci.Bytes("payload", payload))
	if err != nil {
		t.Fatal(err)
	}
	layer.MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
	layer.Annotations = map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)}
	composed, err := to.Compose(t.Context(), oci.Manifest{ConfigType: ocispec.MediaTypeImageConfig, Config: []byte("{}"), Layers: []ocispec.Descriptor{layer}})
	if err == nil {
		err = to.Publish(t.Context(), composed)
	}
	if err != nil {
		t.Fatal(err)
	}
}
