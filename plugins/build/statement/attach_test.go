package statement_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/cosign"
	"github.com/stagegate/stagegate/plugins/build/image"
	"github.com/stagegate/stagegate/plugins/build/modelpack"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/decision"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

const provenance = "https://slsa.dev/provenance/v1"

func start(t *testing.T) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "build", Version: "0.0.1", Builders: []sdk.Builder{modelpack.Builder{}, image.Builder{}}})
}

// sealed is a statement as the runner signs it.
func sealed(t *testing.T, about string) []byte {
	t.Helper()
	statement := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":%q,"predicate":{}}`, strings.TrimPrefix(about, "sha256:"), provenance)
	envelope, err := decision.SealStatement(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), []byte(statement))
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

// configs are those of builders that push to a registry; without one they store
// in a layout.
func configs(host string) map[string]cty.Value {
	model := map[string]cty.Value{"name": cty.StringVal("digits"), "files": cty.ListVal([]cty.Value{cty.StringVal("run.sh")})}
	runnable := map[string]cty.Value{
		"name": cty.StringVal("digits"), "entrypoint": cty.ListVal([]cty.Value{cty.StringVal("/run.sh")}),
		"file": cty.MapVal(map[string]cty.Value{"/run.sh": cty.ObjectVal(map[string]cty.Value{"source": cty.StringVal("run.sh")})}),
	}
	for _, fields := range []map[string]cty.Value{model, runnable} {
		if host != "" {
			fields["registry"] = cty.ObjectVal(map[string]cty.Value{
				"repository": cty.StringVal(host + "/models/digits"), "plain_http": cty.True, "tag": cty.StringVal("1.0"),
			})
		}
	}
	return map[string]cty.Value{"model": cty.ObjectVal(model), "image": cty.ObjectVal(runnable)}
}

func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A statement is where signatures are, by either way to find them. The tag stays,
// and the same statement again is the same.
func TestAttach(t *testing.T) {
	t.Parallel()
	for name, host := range map[string]string{"API": ocitest.StartReferrers(t).Host, "fallback": ocitest.StartPlain(t, nil).Host} {
		for component, config := range configs(host) {
			h, here := start(t), plugintest.Options{WorkDir: folder(t)}
			got := h.Build(component, config, here)
			if !got.Succeeded() {
				t.Fatal(name, got)
			}
			artifact := sdk.ArtifactOf(got.Outputs.GetAttr("artifact"))
			envelope := sealed(t, artifact.Digest)
			first := h.Attach(component, config, artifact, envelope, here)
			if again := h.Attach(component, config, artifact, envelope, here); again.GetReference() != first.GetReference() || again.GetFailure() != nil {
				t.Errorf("%s: %v, and then %v", name, first, again)
			}
			registry, err := oci.NewRegistry(oci.RegistryOptions{Host: host, Repository: "models/digits", PlainHTTP: true})
			if err != nil {
				t.Fatal(err)
			}
			found, err := cosign.Find(t.Context(), registry, digest.Digest(artifact.Digest))
			if err != nil || len(found) != 1 || found[0].PredicateType != provenance || host+"/models/digits@"+found[0].Manifest.String() != first.GetReference() {
				t.Fatalf("%s: %v, %+v, %v", name, first, found, err)
			}
			var want, is struct{ Payload, PayloadType string }
			if err := json.Unmarshal(envelope, &want); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(found[0].Envelope, &is); err != nil || is != want {
				t.Errorf("%s: %s, want %s", name, found[0].Envelope, envelope)
			}
			if tagged, ok, err := registry.Tagged(t.Context(), "1.0"); err != nil || !ok || tagged.Digest.String() != artifact.Digest {
				t.Errorf("%s: the tag names %v, %v", name, tagged, err)
			}
		}
	}
}

// What is in the work folder stays as the stage has left it.
func TestNothingIsAttachedInALayout(t *testing.T) {
	t.Parallel()
	h, here := start(t), plugintest.Options{WorkDir: folder(t)}
	config := configs("")["model"]
	got := h.Build("model", config, here)
	index := filepath.Join(here.WorkDir, "dist/digits/index.json")
	before, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	artifact := sdk.ArtifactOf(got.Outputs.GetAttr("artifact"))
	if res := h.Attach("model", config, artifact, sealed(t, artifact.Digest), here); res.GetReference() != "" || res.GetFailure() != nil {
		t.Errorf("%v", res)
	}
	if after, err := os.ReadFile(index); err != nil || string(after) != string(before) {
		t.Errorf("the index is %s, %v", after, err)
	}
}

func TestAttachFails(t *testing.T) {
	t.Parallel()
	host := ocitest.StartReferrers(t).Host
	gone := digest.FromString("never pushed").String()
	for name, test := range map[string]struct {
		host     string
		envelope []byte
		want     string
	}{
		"no such package":  {host, sealed(t, gone), "the package is no longer in its registry"},
		"no registry":      {"127.0.0.1:1", sealed(t, gone), "cannot look for " + gone},
		"no envelope":      {host, []byte("{}"), "not a sigstore bundle"},
		"a field too many": {host, append(sealed(t, gone)[:len(sealed(t, gone))-1], `,"payload":""}`...), "not a sigstore bundle"},
	} {
		artifact := sdk.Artifact{Name: "digits", Digest: gone, Location: "oci://" + test.host + "/models/digits@" + gone}
		res := start(t).Attach("model", configs(test.host)["model"], artifact, test.envelope, plugintest.Options{WorkDir: folder(t)})
		if !strings.Contains(res.GetFailure().GetSummary(), test.want) || res.GetReference() != "" {
			t.Errorf("%s: %v", name, res)
		}
	}
}
