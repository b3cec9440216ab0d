package bundle

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

func curves() map[string]elliptic.Curve {
	return map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}
}

func generate(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func pkcs8(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func parsed(t *testing.T, text []byte) Key {
	t.Helper()
	key, err := ParseKey(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicHalf(t *testing.T, key Key) PublicKey {
	t.Helper()
	public, err := key.Public()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

const statement = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"00"}}],"predicateType":"https://example.com/x"}`

// The curve decides the hash, and what is signed is the encoding of DSSE. The
// expectation is written out, and checked by another implementation below.
func TestSealPairsCurveAndHash(t *testing.T) {
	t.Parallel()
	hashes := map[string]crypto.Hash{"P-256": crypto.SHA256, "P-384": crypto.SHA384, "P-521": crypto.SHA512}
	signed := fmt.Sprintf("DSSEv1 28 application/vnd.in-toto+json %d %s", len(statement), statement)
	for name, curve := range curves() {
		private := generate(t, curve)
		b, err := parsed(t, block("PRIVATE KEY", pkcs8(t, private))).Sign(t.Context(), []byte(statement), named("a hint"))
		if err != nil {
			t.Fatal(err)
		}
		var raw struct {
			MediaType string
			Material  struct {
				PublicKey   struct{ Hint string }
				TlogEntries []any
			} `json:"verificationMaterial"`
			Envelope struct {
				Payload, PayloadType string
				Signatures           []struct{ Sig string }
			} `json:"dsseEnvelope"`
		}
		if err := json.Unmarshal(b.Raw, &raw); err != nil {
			t.Fatal(err)
		}
		if raw.MediaType != "application/vnd.dev.sigstore.bundle.v0.3+json" || raw.Material.PublicKey.Hint != "a hint" || raw.Material.TlogEntries == nil {
			t.Errorf("%s: %s", name, b.Raw)
		}
		sig, err := base64.StdEncoding.DecodeString(raw.Envelope.Signatures[0].Sig)
		if err != nil {
			t.Fatal(err)
		}
		h := hashes[name].New()
		h.Write([]byte(signed))
		if !ecdsa.VerifyASN1(&private.PublicKey, h.Sum(nil), sig) {
			t.Errorf("%s: the signature is not over the pre-authentication encoding with the curve's hash", name)
		}
	}
}

func TestSealIsReproducible(t *testing.T) {
	t.Parallel()
	key := parsed(t, block("PRIVATE KEY", pkcs8(t, generate(t, elliptic.P256()))))
	first, err := key.Sign(t.Context(), []byte(statement), named(""))
	second, err2 := key.Sign(t.Context(), []byte(statement), named(""))
	if err := errors.Join(err, err2); err != nil || string(first.Raw) != string(second.Raw) {
		t.Errorf("%v: %s and %s", err, first.Raw, second.Raw)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	key := parsed(t, block("PRIVATE KEY", pkcs8(t, generate(t, elliptic.P384()))))
	public, other := publicHalf(t, key), publicHalf(t, parsed(t, block("PRIVATE KEY", pkcs8(t, generate(t, elliptic.P384())))))
	for name, hint := range map[string]string{"model hint": public.ModelHint(), "cosign hint": public.CosignHint(), "no hint": "", "own hint": "release-key"} {
		b, err := key.Sign(t.Context(), []byte(statement), named(hint))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.Verify(public); err != nil || string(got) != statement {
			t.Errorf("%s: %v, %s", name, err, got)
		}
		if _, err := b.Verify(other); err == nil || strings.Contains(name, "hint ") && !errors.Is(err, ErrOtherKey) {
			t.Errorf("%s: another key: %v", name, err)
		}
	}
	b, err := key.Sign(t.Context(), []byte(statement), PublicKey.CosignHint)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(b.Raw), base64.StdEncoding.EncodeToString([]byte(statement)), base64.StdEncoding.EncodeToString([]byte(strings.Replace(statement, "00", "01", 1))), 1)
	forged, err := Parse([]byte(changed))
	if err != nil || changed == string(b.Raw) {
		t.Fatal(err, "nothing was changed")
	}
	if got, err := forged.Verify(public); !errors.Is(err, ErrSignature) || got != nil {
		t.Errorf("a changed statement: %s, %v", got, err)
	}
}

func TestHintsAreTheStandardOnes(t *testing.T) {
	t.Parallel()
	// As sha256sum and openssl pkey -pubin -outform der | sha256sum have it.
	const text = "-----BEGIN PUBLIC KEY-----\n" +
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdEC2+WHx8JJLDKVFAq2cfte54My1\n" +
		"JfkuMYRkbOctfZ0JdXLkqGSF/wFQPJOAx0vGSDWp+JBLYgukOe8VzhrGkw==\n-----END PUBLIC KEY-----\n"
	public, err := ParsePublicKey([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := public.ModelHint(), "ac477dde697dcedf6a9af5a86f54b0b3bc2f594b6b2f2cf02bc73efaeadf1c68"; got != want {
		t.Errorf("model hint %s, want %s", got, want)
	}
	if got, want := public.CosignHint(), "E1LEApgfeDgVkkaIIU4MsV2lmZY6qNp3US+t231Rd0I="; got != want {
		t.Errorf("cosign hint %s, want %s", got, want)
	}
	if got, want := public.Fingerprint(), "sha256:1352c402981f783815924688214e0cb15da599963aa8da77512faddb7d517742"; got != want {
		t.Errorf("fingerprint %s, want %s", got, want)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	good, err := parsed(t, block("PRIVATE KEY", pkcs8(t, generate(t, elliptic.P256())))).Sign(t.Context(), []byte(statement), named("h"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"another version":    {"v0.3+json", "v0.2+json"},
		"another payload":    {"vnd.in-toto+json", "vnd.other+json"},
		"two signatures":     {`"signatures":[`, `"signatures":[{"sig":"AA==","keyid":""},`},
		"no signature":       {`"signatures":[{`, `"signatures":[],"other":[{`},
		"a name twice":       {`"verificationMaterial"`, `"mediaType":"x","verificationMaterial"`},
		"no base64":          {`"payload":"`, `"payload":"*`},
		"another value":      {`{`, `[{`},
		"something after it": {`]}}`, `]}} {}`},
	} {
		bad := strings.Replace(string(good.Raw), change[0], change[1], 1)
		if bad == string(good.Raw) {
			t.Errorf("%s: nothing was changed", name)
		}
		if _, err := Parse([]byte(bad)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(make([]byte, MaxSize+1)); !errors.Is(err, ErrMalformed) {
		t.Errorf("too large: %v", err)
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	private := generate(t, elliptic.P256())
	sec1, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encrypted.Encrypt(pkcs8(t, private), []byte("a password"))
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		text     []byte
		password string
		says     string // empty means that the key is read
	}{
		"PKCS#8":         {block("PRIVATE KEY", pkcs8(t, private)), "", ""},
		"SEC 1":          {block("EC PRIVATE KEY", sec1), "", ""},
		"openssl":        {append(block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}), block("EC PRIVATE KEY", sec1)...), "", ""},
		"sigstore":       {block("ENCRYPTED SIGSTORE PRIVATE KEY", sealed), "a password", ""},
		"cosign":         {block("ENCRYPTED COSIGN PRIVATE KEY", sealed), "a password", ""},
		"wrong password": {block("ENCRYPTED SIGSTORE PRIVATE KEY", sealed), "another", "password is wrong or missing"},
		"no password":    {block("ENCRYPTED SIGSTORE PRIVATE KEY", sealed), "", "password is wrong or missing"},
		"encrypted":      {block("ENCRYPTED PRIVATE KEY", []byte("x")), "", "encrypted PKCS#8"},
		"RSA":            {block("PRIVATE KEY", pkcs8(t, rsaKey)), "", "RSA"},
		"Ed25519":        {block("PRIVATE KEY", pkcs8(t, ed)), "", "Ed25519"},
		"P-224":          {block("PRIVATE KEY", pkcs8(t, generate(t, elliptic.P224()))), "", "P-224 is not P-256"},
		"public":         {block("PUBLIC KEY", []byte("x")), "", "not a private key"},
		"no PEM":         {[]byte("hello"), "", "not in PEM"},
		"damaged":        {block("PRIVATE KEY", []byte("hello")), "", "damaged"},
		"two":            {append(block("PRIVATE KEY", pkcs8(t, private)), block("PRIVATE KEY", pkcs8(t, private))...), "", "something follows"},
		"large":          {make([]byte, maxKey+1), "", "more than"},
	}
	for name, test := range tests {
		key, err := ParseKey(test.text, []byte(test.password))
		if test.says == "" {
			if err != nil || !key.private.Equal(private) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

// Another implementation of all that is not JSON.
func TestOpenSSLVerifies(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not here; TestSealPairsCurveAndHash checks the same without it")
	}
	flags := map[string]string{"P-256": "-sha256", "P-384": "-sha384", "P-521": "-sha512"}
	for name, curve := range map[string]string{"P-256": "prime256v1", "P-384": "secp384r1", "P-521": "secp521r1"} {
		dir := t.TempDir()
		file := func(name string, content []byte) string {
			full := filepath.Join(dir, name)
			if err := os.WriteFile(full, content, 0o600); err != nil {
				t.Fatal(err)
			}
			return full
		}
		run := func(args ...string) []byte {
			out, err := exec.CommandContext(t.Context(), openssl, args...).CombinedOutput()
			if err != nil {
				t.Fatalf("openssl %v: %v\n%s", args, err, out)
			}
			return out
		}
		key := parsed(t, run("ecparam", "-name", curve, "-genkey"))
		b, err := key.Sign(t.Context(), []byte(statement), named(""))
		if err != nil {
			t.Fatal(err)
		}
		public := file("public.pem", publicHalf(t, key).PEM())
		message := file("message", []byte(fmt.Sprintf("DSSEv1 28 application/vnd.in-toto+json %d %s", len(statement), statement)))
		if out := run("dgst", flags[name], "-verify", public, "-signature", file("signature", b.signature), message); !strings.Contains(string(out), "Verified OK") {
			t.Errorf("%s: %s", name, out)
		}
		sum := run("dgst", "-sha256", "-r", public)
		if hint, _, _ := strings.Cut(string(sum), " "); hint != publicHalf(t, key).ModelHint() {
			t.Errorf("%s: hint %s, openssl says %s", name, publicHalf(t, key).ModelHint(), sum)
		}
		der := file("public.der", run("pkey", "-pubin", "-in", public, "-outform", "der"))
		if sum := run("dgst", "-sha256", "-r", der); !strings.HasPrefix(string(sum), strings.TrimPrefix(publicHalf(t, key).Fingerprint(), "sha256:")) {
			t.Errorf("%s: fingerprint %s, openssl says %s", name, publicHalf(t, key).Fingerprint(), sum)
		}
	}
}

// named is the same whatever the key.
func named(hint string) Naming { return func(PublicKey) string { return hint } }
