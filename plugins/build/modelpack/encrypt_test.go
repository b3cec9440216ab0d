package modelpack_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	"github.com/modelpack/model-spec/schema"
	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/encryption"
	"github.com/stagegate/stagegate/plugins/build/modelpack"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oci/loopback"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/plugins/build/safetensors"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	secret, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// encrypted adds a block to a configuration.
func encrypted(fields, more map[string]cty.Value) map[string]cty.Value {
	out := map[string]cty.Value{"encrypt": cty.ObjectVal(fields)}
	for k, v := range more {
		out[k] = v
	}
	return out
}

func TestWeightsAreEncrypted(t *testing.T) {
	t.Parallel()
	secret, second := identity(t), identity(t)
	model := weights(200_000)
	dir := tree(t, map[string][]byte{
		"out/model.safetensors": model, "out/config.json": []byte("{}"), "keys": []byte("# the other team\n" + second.Recipient().String() + "\n"),
	})
	got := start(t).Build("model", digits(encrypted(map[string]cty.Value{
		"recipients": strs(secret.Recipient().String()), "recipients_file": cty.StringVal("keys"),
	}, nil)), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	layout := filepath.Join(dir, "dist/digits")
	m := manifestOf(t, layout, digestOf(got))
	config, layer := m.Layers[0], m.Layers[1]
	if config.MediaType != spec.MediaTypeModelWeightConfigRaw || string(ocitest.Blob(t, layout, config.Digest.String())) != "{}" {
		t.Errorf("config: %+v", config)
	}
	if layer.MediaType != oci.MediaTypeEncrypted || layer.Annotations[oci.AnnotationPlainMediaType] != spec.MediaTypeModelWeightRaw ||
		layer.Annotations[oci.AnnotationPlainDigest] != digest.FromBytes(model).String() || strings.Count(layer.Annotations[oci.AnnotationRecipients], "sha256:") != 2 {
		t.Errorf("layer: %+v", layer)
	}
	sealed := ocitest.Blob(t, layout, layer.Digest.String())
	for _, key := range []age.Identity{secret, second} {
		r, err := age.Decrypt(bytes.NewReader(sealed), key)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := io.ReadAll(r); err != nil || !bytes.Equal(plain, model) {
			t.Errorf("decrypted: %v", err)
		}
	}
	raw := ocitest.Blob(t, layout, m.Config.Digest.String())
	if err := schema.ValidatorMediaTypeModelConfig.Validate(bytes.NewReader(raw)); err != nil {
		t.Error(err)
	}
	var described spec.Model
	if err := json.Unmarshal(raw, &described); err != nil || described.ModelFS.DiffIDs[1] != digest.FromBytes(model) || described.Config.ParamSize != "200k" {
		t.Errorf("%s, %v", raw, err)
	}
	if note := got.Artifacts[0].GetAnnotations()[sdk.AnnotationEncryption]; note != encryption.Algorithm {
		t.Errorf("policies are told %q", note)
	}
}

// What is in clear is in no file of the layout, not even for a moment in a
// temporary one that is left.
func TestNothingIsLeftInClear(t *testing.T) {
	t.Parallel()
	model := weights(50_000)
	copy(model[100_000:], "this is what must not be seen")
	dir := tree(t, map[string][]byte{"out/model.safetensors": model})
	got := start(t).Build("model", digits(encrypted(map[string]cty.Value{"recipients": strs(identity(t).Recipient().String())}, nil)), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	err := filepath.WalkDir(filepath.Join(dir, "dist"), func(name string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(name)
		if bytes.Contains(raw, []byte("must not be seen")) {
			t.Errorf("%s is in clear", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The header of encrypted weights is read out of a registry with a few small
// requests, however large they are.
func TestHeaderOfEncryptedWeights(t *testing.T) {
	t.Parallel()
	var bytesSent, requests atomic.Int64
	registry := loopback.New(loopback.Options{Folder: t.TempDir()})
	server := ocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") && req.Header.Get("Range") != "" {
			requests.Add(1)
			w = &counting{ResponseWriter: w, n: &bytesSent}
		}
		registry.ServeHTTP(w, req)
	}))
	secret := identity(t)
	dir := tree(t, map[string][]byte{"out/model.safetensors": weights(5_000_000)})
	got := start(t).Build("model", digits(encrypted(map[string]cty.Value{"recipients": strs(secret.Recipient().String())}, map[string]cty.Value{
		"layout": cty.StringVal("layout"), "registry": cty.ObjectVal(map[string]cty.Value{
			"repository": cty.StringVal(server.Host + "/models/digits"), "plain_http": cty.True,
		}),
	})), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	layer := manifestOf(t, filepath.Join(dir, "layout"), digestOf(got)).Layers[0]
	r, err := oci.NewRegistry(oci.RegistryOptions{Host: server.Host, Repository: "models/digits", PlainHTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := encryption.ParseIdentities([]byte(secret.String()))
	if err != nil {
		t.Fatal(err)
	}
	plain, size, err := ids.ReaderAt(r.ReaderAt(t.Context(), ocispec.Descriptor{Digest: layer.Digest, Size: layer.Size}), layer.Size)
	if err != nil {
		t.Fatal(err)
	}
	summary, err := safetensors.Check(io.NewSectionReader(plain, 0, size), size)
	if err != nil || summary.Parameters != 5_000_000 {
		t.Errorf("%+v, %v", summary, err)
	}
	if n := bytesSent.Load(); n == 0 || n > 1<<20 || requests.Load() > 20 {
		t.Errorf("%d bytes of %d in %d requests", n, layer.Size, requests.Load())
	}
}

type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counting) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

func TestKMSWrapsTheKey(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string][]byte{"out/model.safetensors": weights(1000), "kms": []byte("#!/bin/sh\nbase64 | rev\n")})
	if err := os.Chmod(filepath.Join(dir, "kms"), 0o700); err != nil {
		t.Fatal(err)
	}
	got := start(t).Build("model", digits(encrypted(map[string]cty.Value{"kms_command": strs("./kms"), "kms_key": cty.StringVal("alias/models")}, nil)), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	layer := manifestOf(t, filepath.Join(dir, "dist/digits"), digestOf(got)).Layers[0]
	if layer.MediaType != oci.MediaTypeEncrypted || layer.Annotations[oci.AnnotationKMSKey] != "alias/models" {
		t.Errorf("layer: %+v", layer)
	}
}

// What cannot be encrypted is not stored at all.
func TestEncryptionFails(t *testing.T) {
	t.Parallel()
	for name, fields := range map[string]map[string]cty.Value{
		"KMS refuses":       {"kms_command": strs("false"), "kms_key": cty.StringVal("k")},
		"KMS wraps nothing": {"kms_command": strs("cat"), "kms_key": cty.StringVal("k")},
		"no program":        {"kms_command": strs("./nowhere"), "kms_key": cty.StringVal("k")},
		"no file":           {"recipients_file": cty.StringVal("nowhere")},
		"no recipient":      {"recipients_file": cty.StringVal("out/model.safetensors")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, map[string][]byte{"out/model.safetensors": weights(1000)})
			got := start(t).Build("model", digits(encrypted(fields, nil)), plugintest.Options{WorkDir: dir})
			if got.Failure().GetClass() != "encryption_failed" || got.Failure().GetDetail() == "" {
				t.Error(got)
			}
			if left, err := os.ReadDir(filepath.Join(dir, "dist/digits/blobs/sha256")); err == nil && len(left) != 0 {
				t.Errorf("stored: %v", left)
			}
		})
	}
}

func TestValidateEncrypt(t *testing.T) {
	t.Parallel()
	h := start(t)
	secret := identity(t)
	public := secret.Recipient().String()
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	at := func(steps ...sdk.Step) sdk.Path { return append(sdk.At(sdk.Attr("encrypt")), steps...) }
	for name, tc := range map[string]struct {
		fields map[string]cty.Value
		path   sdk.Path
		want   string
	}{
		"nobody":        {map[string]cty.Value{}, at(), "nobody to encrypt for"},
		"empty":         {map[string]cty.Value{"recipients": cty.ListValEmpty(cty.String)}, at(), "nobody to encrypt for"},
		"recipient":     {map[string]cty.Value{"recipients": strs(public, "me@example.com")}, at(sdk.Attr("recipients"), sdk.Index(1)), "unusable recipient"},
		"secret key":    {map[string]cty.Value{"recipients": strs(secret.String())}, at(sdk.Attr("recipients"), sdk.Index(0)), "unusable recipient"},
		"mixed":         {map[string]cty.Value{"recipients": strs(public, hybrid.Recipient().String())}, at(sdk.Attr("recipients")), "unusable recipients"},
		"file outside":  {map[string]cty.Value{"recipients_file": cty.StringVal("/etc/keys")}, at(sdk.Attr("recipients_file")), "unusable file"},
		"key not named": {map[string]cty.Value{"kms_command": strs("kms")}, at(sdk.Attr("kms_command")), "the key has no name"},
		"key alone":     {map[string]cty.Value{"recipients": strs(public), "kms_key": cty.StringVal("k")}, at(sdk.Attr("kms_key")), "a key without a command"},
		"name of key":   {map[string]cty.Value{"kms_command": strs("kms"), "kms_key": cty.StringVal("a b")}, at(sdk.Attr("kms_key")), "unusable name of a key"},
		"command empty": {map[string]cty.Value{"recipients": strs(public), "kms_command": cty.ListValEmpty(cty.String), "kms_key": cty.StringVal("k")}, at(sdk.Attr("kms_command")), "no program"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := h.Validate("model", digits(encrypted(tc.fields, nil)))
			if len(diags) != 1 || diags[0].Summary != tc.want || diags[0].Detail == "" || strings.Contains(diags[0].Detail, "SECRET-KEY-1") {
				t.Fatalf("diagnostics %+v, want one %q", diags, tc.want)
			}
			if diff := cmp.Diff(tc.path, diags[0].Path); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A KMS is something outside; recipients are part of what a result depends on.
func TestInputsOfEncryption(t *testing.T) {
	t.Parallel()
	public := identity(t).Recipient().String()
	inputs := func(fields map[string]cty.Value) sdk.Inputs {
		config := start(t).Config("model", digits(encrypted(fields, nil)))
		return modelpack.Builder{}.Inputs(t.Context(), sdk.ValidateRequest{Config: sdk.NewConfig(config), WorkDir: "/work"})
	}
	got := inputs(map[string]cty.Value{"recipients": strs(public), "recipients_file": cty.StringVal("keys[1]")})
	if diff := cmp.Diff(sdk.Inputs{Complete: true, Files: []string{"out/*", `keys\[1]`}}, got); diff != "" {
		t.Error(diff)
	}
	if got := inputs(map[string]cty.Value{"kms_command": strs("kms"), "kms_key": cty.StringVal("k")}); got.Complete || got.Reason == "" {
		t.Errorf("%+v", got)
	}
}
