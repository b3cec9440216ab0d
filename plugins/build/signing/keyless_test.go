package signing_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/keyless"
	"github.com/stagegate/stagegate/plugins/build/keyless/keylesstest"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/plugins/build/oms"
	"github.com/stagegate/stagegate/plugins/build/sbom"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

const workflow = "https://ci.example.com/models/digits/release.hcl@refs/heads/main"

// certified is a block `sign` with a block `keyless`.
func certified(t *testing.T, i *keylesstest.Instance, more map[string]cty.Value) cty.Value {
	t.Helper()
	fields := map[string]cty.Value{
		"fulcio": cty.StringVal(i.Fulcio), "rekor": cty.StringVal(i.Rekor), "trusted_root": cty.StringVal(i.Root),
		"identity_token": secret(i.Token(t, workflow, time.Now().Add(time.Hour))),
	}
	if i.CA != "" {
		fields["ca"] = cty.StringVal(i.CA)
	}
	for k, v := range more {
		fields[k] = v
	}
	return sign(map[string]cty.Value{"keyless": cty.ObjectVal(fields)})
}

// All that is signed of a model is signed by the identity, wherever the package is
// stored; annotations name it; and the token is nowhere.
func TestSignModelKeyless(t *testing.T) {
	t.Parallel()
	i := keylesstest.Start(t, keylesstest.Faults{TLS: true})
	root, err := keyless.ParseRoot(i.Root)
	if err != nil {
		t.Fatal(err)
	}
	who := keyless.Identity{Name: workflow, Issuer: keylesstest.Issuer}
	for name, host := range map[string]string{"layout": "", "API": ocitest.StartReferrers(t).Host, "fallback": ocitest.StartPlain(t, nil).Host} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := weights(t)
			block := certified(t, i, map[string]cty.Value{"identity": cty.StringVal(who.Name), "issuer": cty.StringVal(who.Issuer)})
			got := start(t).Build("model", model(withRegistry(host, map[string]cty.Value{"sign": block})), plugintest.Options{WorkDir: dir})
			if !got.Succeeded() {
				t.Fatal(got)
			}
			var store cosign.Store
			if host == "" {
				store = layoutOf(t, dir)
			} else if store, err = oci.NewRegistry(oci.RegistryOptions{Host: host, Repository: "models/digits", PlainHTTP: true}); err != nil {
				t.Fatal(err)
			}
			signatures := found(t, store, text(got, "digest"))
			for _, kind := range []string{oms.PredicateType, cosign.PredicateType, sbom.PredicateType} {
				if _, err := root.Verify(signatures[kind].Bundle, who); err != nil {
					t.Errorf("%s: %v", kind, err)
				}
			}
			notes := got.Artifacts[0].Annotations
			if notes[sdk.AnnotationSignatures] != "oms cosign" || notes[sdk.AnnotationSigner] != "https://issuer.example.com "+workflow {
				t.Errorf("annotations: %v", notes)
			}
			token, _ := block.GetAttr("keyless").GetAttr("identity_token").Unmark()
			if part := strings.Split(token.AsString(), ".")[2]; strings.Contains(got.String()+string(got.Stdout)+string(got.Stderr), part) || holds(t, dir, part) {
				t.Error("the token shows")
			}
			if out := string(got.Stdout); !strings.Contains(out, "cosign signature by "+workflow+", of "+keylesstest.Issuer) {
				t.Errorf("it does not say who has signed: %s", out)
			}
		})
	}
}

func withRegistry(host string, fields map[string]cty.Value) map[string]cty.Value {
	if host != "" {
		fields["registry"] = cty.ObjectVal(map[string]cty.Value{
			"repository": cty.StringVal(host + "/models/digits"), "plain_http": cty.True, "tag": cty.StringVal("1.0"),
		})
	}
	return fields
}

// holds reports whether a file below a folder holds a text.
func holds(t *testing.T, dir, text string) bool {
	t.Helper()
	there := false
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		there = there || strings.Contains(string(content), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return there
}

// What cannot be signed is not published: no manifest, no tag, no artifact. What
// goes wrong at Fulcio costs no packing.
func TestUnsignedIsUnpublished(t *testing.T) {
	t.Parallel()
	busy := func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	}
	for name, tc := range map[string]struct {
		faults keylesstest.Faults
		class  string
		packed bool
	}{
		"Fulcio": {keylesstest.Faults{Fulcio: busy}, "fulcio_unavailable", false},
		"Rekor":  {keylesstest.Faults{Rekor: busy}, "rekor_unavailable", true},
		"lie":    {keylesstest.Faults{Promise: func(b []byte) []byte { b[len(b)-1] ^= 1; return b }}, "rekor_lied", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, registry, dir := keylesstest.Start(t, tc.faults), ocitest.StartPlain(t, nil), weights(t)
			fields := withRegistry(registry.Host, map[string]cty.Value{"sign": certified(t, i, nil), "layout": cty.StringVal("dist/digits")})
			got := start(t).Build("model", model(fields), plugintest.Options{WorkDir: dir})
			if f := got.Failure(); f.GetClass() != tc.class || len(got.Artifacts) > 0 {
				t.Fatalf("%v, want %s", got, tc.class)
			}
			if status, body := registry.Get(t, "models/digits/tags/list"); status != http.StatusNotFound {
				t.Errorf("the registry has tags: %s", body)
			}
			raw, err := os.ReadFile(filepath.Join(dir, "dist/digits", ocispec.ImageIndexFile))
			var index ocispec.Index
			if err == nil {
				err = json.Unmarshal(raw, &index)
			}
			if !os.IsNotExist(err) || len(index.Manifests) > 0 {
				t.Errorf("the layout has an index: %s, %v", raw, err)
			}
			if _, err := os.Stat(filepath.Join(dir, "dist")); os.IsNotExist(err) == tc.packed {
				t.Errorf("packed: %v", err)
			}
		})
	}
}

func TestValidateKeyless(t *testing.T) {
	t.Parallel()
	i := keylesstest.Start(t, keylesstest.Faults{})
	key, _ := newKey(t)
	in := func(name string) sdk.Path {
		return sdk.At(sdk.Attr("sign"), sdk.Attr("keyless"), sdk.Attr(name))
	}
	with := func(name string, v cty.Value) cty.Value { return certified(t, i, map[string]cty.Value{name: v}) }
	for name, test := range map[string]struct {
		block   cty.Value
		path    sdk.Path
		summary string // empty means that it is valid
	}{
		"good":            {certified(t, i, nil), nil, ""},
		"not known yet":   {with("identity_token", cty.UnknownVal(cty.String).Mark(dynamic.Sensitive)), nil, ""},
		"token in clear":  {with("identity_token", cty.StringVal(i.Token(t, workflow, time.Now()))), in("identity_token"), "a secret in clear"},
		"no token":        {with("identity_token", secret("hello")), in("identity_token"), "unusable identity token"},
		"plain http":      {with("fulcio", cty.StringVal("http://fulcio.example.com")), in("fulcio"), "unusable address"},
		"no address":      {with("rekor", cty.StringVal("rekor.example.com")), in("rekor"), "unusable address"},
		"no trusted root": {with("trusted_root", cty.StringVal("trusted_root.json")), in("trusted_root"), "unusable trusted root"},
		"no authorities":  {with("ca", cty.StringVal("ca.pem")), in("ca"), "unusable authorities"},
		"neither":         {cty.EmptyObjectVal, sdk.At(sdk.Attr("sign")), "nothing to sign with"},
		"both": {sign(map[string]cty.Value{"key": secret(key), "keyless": certified(t, i, nil).GetAttr("keyless")}),
			sdk.At(sdk.Attr("sign"), sdk.Attr("keyless")), "two ways to sign"},
	} {
		diags := start(t).Validate("model", model(map[string]cty.Value{"sign": test.block}))
		if test.summary == "" {
			if len(diags) > 0 {
				t.Errorf("%s: %+v", name, diags)
			}
			continue
		}
		if len(diags) != 1 || diags[0].Summary != test.summary || diags[0].Detail == "" {
			t.Errorf("%s: %+v", name, diags)
			continue
		}
		if diff := cmp.Diff(test.path, diags[0].Path); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
