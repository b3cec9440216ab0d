package fetch_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/bundle"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/keyless"
	"github.com/stagegate/stagegate/plugins/build/keyless/keylesstest"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

const workflow = "https://ci.example.com/models/digits/release.hcl@refs/heads/main"

func tokenOf(t *testing.T, i *keylesstest.Instance) string {
	t.Helper()
	return i.Token(t, workflow, time.Now().Add(time.Hour))
}

// certified is a block `verify` with a block `keyless`.
func certified(i *keylesstest.Instance, identity, issuer string, signatures ...string) cty.Value {
	pairs := []any{"keyless", object("identity", identity, "issuer", issuer, "trusted_root", i.Root)}
	if len(signatures) > 0 {
		pairs = append(pairs, "signatures", signatures)
	}
	return object(pairs...)
}

// What is signed without a key is found wherever it is, and whoever has signed it is
// told to policies as it was when it was signed.
func TestKeylessPackages(t *testing.T) {
	t.Parallel()
	i := keylesstest.Start(t, keylesstest.Faults{})
	for place, host := range map[string]string{"layout": "", "API": ocitest.StartReferrers(t).Host, "fallback": ocitest.StartPlain(t, nil).Host} {
		for _, words := range []string{"cosign", "oms", "oms cosign"} {
			t.Run(place+", "+words, func(t *testing.T) {
				t.Parallel()
				s := signer{nil, bundle.Key{}, cty.NilVal, "", keylesstest.Issuer + " " + workflow}
				sign := object("keyless", object("fulcio", i.Fulcio, "rekor", i.Rekor, "trusted_root", i.Root, "identity_token", cty.StringVal(tokenOf(t, i)).Mark(dynamic.Sensitive)))
				checkSigned(t, s, host, []any{"sign", sign}, []any{"verify", certified(i, workflow, keylesstest.Issuer, strings.Fields(words)...)}, words, "files")
			})
		}
	}
}

// keylessSigner signs as the workflow.
func keylessSigner(t *testing.T, i *keylesstest.Instance) bundle.Signer {
	t.Helper()
	root, err := keyless.ParseRoot(i.Root)
	if err != nil {
		t.Fatal(err)
	}
	s, err := keyless.Open(t.Context(), keyless.Options{Fulcio: i.Fulcio, Rekor: i.Rekor, Root: root, Token: tokenOf(t, i)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// None of them gets a byte into its place, and the message says who it was, and
// who is wanted.
func TestNotTheIdentity(t *testing.T) {
	t.Parallel()
	i, other := keylesstest.Start(t, keylesstest.Faults{}), keylesstest.Start(t, keylesstest.Faults{})
	s, content := newSigner(t), []byte("weights")
	file := oms.File("a", digest.FromBytes(content).String())
	good := certified(i, workflow, keylesstest.Issuer)
	for name, tc := range map[string]struct {
		by      bundle.Signer
		about   func(d digest.Digest) digest.Digest
		demand  cty.Value
		message string
	}{
		"another identity": {keylessSigner(t, i), nil, certified(i, workflow+"/fork", keylesstest.Issuer), "signed by somebody else: " + workflow + ", of " + keylesstest.Issuer},
		"another issuer":   {keylessSigner(t, i), nil, certified(i, workflow, "https://accounts.example.com"), "signed by somebody else: " + workflow + ", of " + keylesstest.Issuer},
		"another instance": {keylessSigner(t, other), nil, good, "it is not in a log of the trusted root"},
		"a key":            {s.key, nil, good, "signed with a key, without a certificate"},
		"files, by a key":  {s.key, nil, certified(i, workflow, keylesstest.Issuer, "oms"), "signed with a key, without a certificate"},
		"files, another":   {keylessSigner(t, other), nil, certified(i, workflow, keylesstest.Issuer, "oms"), "it is not in a log of the trusted root"},
		"another manifest": {keylessSigner(t, i), func(digest.Digest) digest.Digest { return digest.FromString("another") }, good, "the statement is not about"},
		"a certificate":    {keylessSigner(t, i), nil, verify([]string{s.public}), "signed with another key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a", content)}}, content)
			to, subject := store(t, dir, from)
			about := subject.Digest
			if tc.about != nil {
				about = tc.about(about)
			}
			b, err := cosign.Sign(t.Context(), tc.by, about)
			attach(t, to, subject, b, err)
			b, err = oms.Sign(t.Context(), tc.by, oms.Model{Name: "m", Method: oms.Files, Resources: []oms.Resource{file}})
			attach(t, to, subject, b, err)
			got := start(t).Build("fetch", object("from", from, "into", "in", "verify", tc.demand), plugintest.Options{WorkDir: dir})
			if f := got.Failure(); f.GetClass() != "signature_refused" || !strings.Contains(f.GetSummary(), tc.message) || !strings.Contains(f.GetDetail(), "Wanted is") {
				t.Errorf("%s, want %q", got, tc.message)
			}
			if _, err := os.Stat(filepath.Join(dir, "in")); !os.IsNotExist(err) || len(got.Artifacts) > 0 {
				t.Error("something of it was used")
			}
		})
	}
}

// The layout before cosign 3 holds certificates in another way, which is not read.
func TestKeylessOlderSignature(t *testing.T) {
	t.Parallel()
	i, host, s := keylesstest.Start(t, keylesstest.Faults{}), ocitest.StartPlain(t, nil).Host, newSigner(t)
	dir, _ := work(t)
	h := start(t)
	packed := h.Build("model", object("name", "digits", "files", []string{"out/**"}, "registry", object("repository", host+"/models/digits", "plain_http", cty.True)), plugintest.Options{WorkDir: dir})
	if !packed.Succeeded() {
		t.Fatal(packed)
	}
	subject := digest.Digest(packed.Outputs.GetAttr("digest").AsString())
	signOlder(t, s, host, subject, subject)
	got := h.Build("fetch", object("artifact", packed.Outputs.GetAttr("artifact"), "into", "in", "plain_http", cty.True, "verify", certified(i, workflow, keylesstest.Issuer)), plugintest.Options{WorkDir: dir})
	if f := got.Failure(); f.GetClass() != "signature_refused" || !strings.Contains(f.GetSummary(), "in the layout before cosign 3") {
		t.Error(got)
	}
}

func TestValidateVerifyKeyless(t *testing.T) {
	t.Parallel()
	h, i, s := start(t), keylesstest.Start(t, keylesstest.Faults{}), newSigner(t)
	from := "registry.example.com/models/digits@" + digest.FromString("x").String()
	at := func(steps ...sdk.Step) sdk.Path { return append(sdk.At(sdk.Attr("verify")), steps...) }
	block := certified(i, workflow, keylesstest.Issuer).GetAttr("keyless")
	for name, tc := range map[string]struct {
		block cty.Value
		path  sdk.Path
		want  string // empty means that it is valid
	}{
		"good":        {object("keyless", block), nil, ""},
		"unknown yet": {object("keyless", object("identity", cty.UnknownVal(cty.String), "issuer", "https://x", "trusted_root", i.Root)), nil, ""},
		"both":        {object("keys", []string{s.public}, "keyless", block), at(sdk.Attr("keyless")), "two ways to trust"},
		"neither":     {object("signatures", []string{"oms"}), at(sdk.Attr("keys")), "nobody to trust"},
		"no identity": {certified(i, "", keylesstest.Issuer), at(sdk.Attr("keyless"), sdk.Attr("identity")), "nobody to trust"},
		"no issuer":   {certified(i, workflow, ""), at(sdk.Attr("keyless"), sdk.Attr("issuer")), "nobody to trust"},
		"no root":     {object("keyless", object("identity", workflow, "issuer", keylesstest.Issuer, "trusted_root", "trusted_root.json")), at(sdk.Attr("keyless"), sdk.Attr("trusted_root")), "unusable trusted root"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := h.Validate("fetch", object("into", "in", "from", from, "verify", tc.block))
			if tc.want == "" {
				if len(diags) > 0 {
					t.Errorf("%+v", diags)
				}
				return
			}
			if len(diags) != 1 || diags[0].Summary != tc.want || diags[0].Detail == "" {
				t.Fatalf("diagnostics %+v, want one %q", diags, tc.want)
			}
			if diff := cmp.Diff(tc.path, diags[0].Path); diff != "" {
				t.Error(diff)
			}
		})
	}
}
