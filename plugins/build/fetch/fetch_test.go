package fetch_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"
	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/encryption"
	"github.com/stagegate/stagegate/plugins/build/fetch"
	"github.com/stagegate/stagegate/plugins/build/modelpack"
	"github.com/stagegate/stagegate/plugins/build/oci"
	"github.com/stagegate/stagegate/plugins/build/oci/loopback"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

func start(t testing.TB) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "build", Version: "0.0.1", Builders: []sdk.Builder{modelpack.Builder{}, fetch.Builder{}}})
}

func weights(n int) []byte {
	header := fmt.Sprintf(`{"w":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}`, n, 4*n)
	raw := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(raw, header...), bytes.Repeat([]byte{1, 2, 3, 4}, n)...)
}

func object(pairs ...any) cty.Value {
	fields := make(map[string]cty.Value)
	for i := 0; i < len(pairs); i += 2 {
		switch v := pairs[i+1].(type) {
		case string:
			fields[pairs[i].(string)] = cty.StringVal(v)
		case []string:
			var list []cty.Value
			for _, s := range v {
				list = append(list, cty.StringVal(s))
			}
			fields[pairs[i].(string)] = cty.ListVal(list)
		case cty.Value:
			fields[pairs[i].(string)] = v
		}
	}
	return cty.ObjectVal(fields)
}

// below are the files in a folder, with their content.
func below(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, name))
		found[name] = string(raw)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return found
}

// work is a work folder with a model to pack.
func work(t *testing.T) (string, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{"model.safetensors": string(weights(300_000)), "config.json": "{}", "code/run.py": "pass", "empty.txt": ""}
	for name, content := range files {
		full := filepath.Join(dir, "out", name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, files
}

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	secret, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// What was packed comes back, from wherever it went.
func TestThereAndBack(t *testing.T) {
	t.Parallel()
	server := ocitest.StartTLS(t, nil)
	secret := identity(t)
	kms := func(name, body string) string {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return file
	}
	wrap, unwrap := kms("wrap", "base64 | rev"), kms("unwrap", "rev | base64 -d")
	registry := object("repository", server.Host+"/models/digits", "ca_file", server.CAFile, "tag", "1.0")
	for name, tc := range map[string]struct {
		pack, fetch []any
		encryption  string
	}{
		"layout":             {[]any{"layout", "dist"}, nil, "absent"},
		"registry":           {[]any{"registry", registry}, []any{"ca_file", server.CAFile}, "absent"},
		"encrypted layout":   {[]any{"layout", "dist", "encrypt", object("recipients", []string{secret.Recipient().String()})}, []any{"decrypt", object("identities", []string{secret.String()})}, encryption.Algorithm},
		"encrypted registry": {[]any{"registry", registry, "encrypt", object("recipients", []string{secret.Recipient().String()})}, []any{"ca_file", server.CAFile, "decrypt", object("identities", []string{secret.String()})}, encryption.Algorithm},
		"a key of a KMS":     {[]any{"layout", "dist", "encrypt", object("kms_command", []string{wrap}, "kms_key", "k")}, []any{"decrypt", object("kms_command", []string{unwrap})}, encryption.Algorithm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			dir, files := work(t)
			packed := h.Build("model", object(append([]any{"name", "digits", "files", []string{"out/**"}}, tc.pack...)...), plugintest.Options{WorkDir: dir})
			if !packed.Succeeded() {
				t.Fatal(packed)
			}
			got := h.Build("fetch", object(append([]any{"artifact", packed.Outputs.GetAttr("artifact"), "into", "in/base"}, tc.fetch...)...), plugintest.Options{WorkDir: dir})
			if !got.Succeeded() {
				t.Fatal(got)
			}
			if diff := cmp.Diff(files, below(t, filepath.Join(dir, "in/base"))); diff != "" {
				t.Error(diff)
			}
			if got.Outputs.GetAttr("digest").AsString() != packed.Outputs.GetAttr("digest").AsString() {
				t.Errorf("digest %s", got.Outputs.GetAttr("digest").AsString())
			}
			a := sdk.ArtifactOf(got.Outputs.GetAttr("artifact"))
			before := sdk.ArtifactOf(packed.Outputs.GetAttr("artifact"))
			if a.Location != before.Location || a.Size != before.Size || a.Annotations[sdk.AnnotationEncryption] != tc.encryption || a.Annotations[sdk.AnnotationRegistryTLS] != before.Annotations[sdk.AnnotationRegistryTLS] {
				t.Errorf("artifact %+v, packed as %+v", a, before)
			}
			var paths []string
			for _, f := range got.Result.GetFiles() {
				paths = append(paths, f.GetPath())
			}
			if want := []string{"in/base/code/run.py", "in/base/config.json", "in/base/empty.txt", "in/base/model.safetensors"}; !slices.Equal(paths, want) {
				t.Errorf("files of the result: %q", paths)
			}
		})
	}
}

// A tag is what it is at the time, and the outputs say which package that was.
func TestTag(t *testing.T) {
	t.Parallel()
	server := ocitest.StartPlain(t, nil)
	h := start(t)
	dir, files := work(t)
	packed := h.Build("model", object("name", "digits", "files", []string{"out/**"}, "registry",
		object("repository", server.Host+"/models/digits", "plain_http", cty.True, "tag", "1.0")), plugintest.Options{WorkDir: dir})
	if !packed.Succeeded() {
		t.Fatal(packed)
	}
	config := []any{"into", "in", "plain_http", cty.True, "from"}
	got := h.Build("fetch", object(append(config, server.Host+"/models/digits:1.0")...), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() || got.Outputs.GetAttr("reference").AsString() != packed.Outputs.GetAttr("reference").AsString() {
		t.Fatal(got)
	}
	if diff := cmp.Diff(files, below(t, filepath.Join(dir, "in"))); diff != "" {
		t.Error(diff)
	}
	for _, missing := range []string{":2.0", "@" + digest.FromString("other").String()} {
		got = h.Build("fetch", object(append(config, server.Host+"/models/digits"+missing)...), plugintest.Options{WorkDir: dir})
		if got.Failure().GetClass() != "package_missing" || got.Failure().GetDetail() == "" {
			t.Error(got)
		}
	}
}

// pack stores layers by hand in a layout, as hostile as they are.
func pack(t *testing.T, dir string, m ocispec.Manifest, blobs ...[]byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(dir, "dist"), 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(filepath.Join(dir, "dist"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	layout, err := oci.OpenLayout(root, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range append(blobs, []byte("{}")) {
		if _, err := layout.Blob(t.Context(), oci.Bytes("blob", raw)); err != nil {
			t.Fatal(err)
		}
	}
	if m.MediaType == "" {
		m.MediaType = ocispec.MediaTypeImageManifest
	}
	m.SchemaVersion = 2
	if m.Config.Digest == "" {
		m.Config = ocispec.Descriptor{MediaType: ocispec.MediaTypeEmptyJSON, Digest: digest.FromString("{}"), Size: 2}
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	desc, err := layout.Manifest(t.Context(), m.MediaType, raw)
	if err != nil {
		t.Fatal(err)
	}
	return "oci-layout:dist@" + desc.Digest.String()
}

func raw(name string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{
		MediaType: spec.MediaTypeModelWeightRaw, Digest: digest.FromBytes(content), Size: int64(len(content)),
		Annotations: map[string]string{spec.AnnotationFilepath: name},
	}
}

func TestRefusedPackages(t *testing.T) {
	t.Parallel()
	fine := []byte("fine")
	other := raw("b", fine)
	other.Digest = digest.FromString("evil")
	longer, huge, unnamed := raw("b", fine), raw("b", fine), raw("", fine)
	longer.Size++
	huge.Size = 1 << 62
	terabyte := raw("b", fine)
	terabyte.Size = 1 << 45
	sealed := raw("w", fine)
	sealed.MediaType = oci.MediaTypeEncrypted
	sealed.Annotations[oci.AnnotationPlainDigest] = digest.FromString("plain").String()
	sealed.Annotations[oci.AnnotationKMSKey] = "alias/models"
	many := make([]ocispec.Descriptor, 10_001)
	for i := range many {
		many[i] = raw(fmt.Sprint(i), fine)
	}
	for name, tc := range map[string]struct {
		m     ocispec.Manifest
		class string
	}{
		"parent":       {ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a", fine), raw("../b", fine)}}, "name_refused"},
		"deep parent":  {ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a/../../b", fine)}}, "name_refused"},
		"absolute":     {ocispec.Manifest{Layers: []ocispec.Descriptor{raw("/etc/cron.d/x", fine)}}, "name_refused"},
		"the folder":   {ocispec.Manifest{Layers: []ocispec.Descriptor{raw(".", fine)}}, "name_refused"},
		"control":      {ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a\x1b[2J", fine)}}, "name_refused"},
		"twice":        {ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a", fine), raw("A", fine)}}, "name_refused"},
		"staging":      {ocispec.Manifest{Layers: []ocispec.Descriptor{raw(".fetch-x/a", fine)}}, "name_refused"},
		"file, folder": {ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a", fine), raw("a/b", fine)}}, "fetch_failed"},
		"no name":      {ocispec.Manifest{Layers: []ocispec.Descriptor{unnamed}}, "package_invalid"},
		"wrong digest": {ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a", fine), other}}, "fetch_failed"},
		"wrong size":   {ocispec.Manifest{Layers: []ocispec.Descriptor{longer}}, "digest_mismatch"},
		"huge size":    {ocispec.Manifest{Layers: []ocispec.Descriptor{huge}}, "package_invalid"},
		"no room":      {ocispec.Manifest{Layers: []ocispec.Descriptor{terabyte}}, "no_room"},
		"empty":        {ocispec.Manifest{}, "package_invalid"},
		"many":         {ocispec.Manifest{Layers: many}, "package_invalid"},
		"index":        {ocispec.Manifest{MediaType: ocispec.MediaTypeImageIndex}, "package_invalid"},
		"image":        {ocispec.Manifest{Config: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageConfig, Digest: digest.FromString("{}"), Size: 2}, Layers: []ocispec.Descriptor{raw("a", fine)}}, "package_invalid"},
		"config":       {ocispec.Manifest{Config: ocispec.Descriptor{MediaType: spec.MediaTypeModelConfig, Digest: digest.FromString("{}"), Size: 2}, Layers: []ocispec.Descriptor{raw("a", fine)}}, "package_invalid"},
		"no key":       {ocispec.Manifest{Layers: []ocispec.Descriptor{sealed}}, "encrypted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			from := pack(t, dir, tc.m, fine)
			got := start(t).Build("fetch", object("from", from, "into", "in"), plugintest.Options{WorkDir: dir})
			if got.Failure().GetClass() != tc.class {
				t.Errorf("%s, want class %s", got, tc.class)
			}
			if left := below(t, filepath.Join(dir, "in")); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
			if outside, err := os.ReadDir(dir); err != nil || len(outside) > 2 {
				t.Errorf("written outside: %v, %v", outside, err)
			}
		})
	}
}

// A blob that was changed where it is kept.
func TestDamagedBlob(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	content := weights(100_000)
	from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{raw("w", content), raw("x", []byte("fine"))}}, content, []byte("fine"))
	name := filepath.Join(dir, "dist/blobs", strings.Replace(digest.FromBytes(content).String(), ":", "/", 1))
	changed := bytes.Clone(content)
	changed[200_000] ^= 1
	if err := os.WriteFile(name, changed, 0o600); err != nil {
		t.Fatal(err)
	}
	got := start(t).Build("fetch", object("from", from, "into", "in"), plugintest.Options{WorkDir: dir})
	if got.Failure().GetClass() != "digest_mismatch" || !strings.Contains(got.Failure().GetSummary(), "w is not what its digest says") {
		t.Error(got)
	}
	if left := below(t, filepath.Join(dir, "in")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Keys that do not fit, and ciphertext whose digest fits and whose content was
// not made with the key.
func TestDecryptionFails(t *testing.T) {
	t.Parallel()
	h := start(t)
	dir, _ := work(t)
	secret := identity(t)
	packed := h.Build("model", object("name", "digits", "files", []string{"out/**"}, "layout", "dist", "encrypt", object("recipients", []string{secret.Recipient().String()})), plugintest.Options{WorkDir: dir})
	if !packed.Succeeded() {
		t.Fatal(packed)
	}
	got := h.Build("fetch", object("artifact", packed.Outputs.GetAttr("artifact"), "into", "in", "decrypt", object("identities", []string{identity(t).String()})), plugintest.Options{WorkDir: dir})
	if got.Failure().GetClass() != "no_key" || !strings.Contains(got.Failure().GetDetail(), "sha256:") {
		t.Error(got)
	}
	for name, tc := range map[string]struct {
		change func(sealed []byte) ([]byte, string)
		class  string
	}{
		"flipped": {func(s []byte) ([]byte, string) { s[len(s)-5] ^= 1; return s, "plain" }, "decryption_failed"},
		"cut":     {func(s []byte) ([]byte, string) { return s[:len(s)-100], "plain" }, "decryption_failed"},
		"no age":  {func([]byte) ([]byte, string) { return []byte("hello"), "plain" }, "decryption_failed"},
		"other":   {func(s []byte) ([]byte, string) { return s, "other" }, "digest_mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var sealed bytes.Buffer
			w, err := age.Encrypt(&sealed, secret.Recipient())
			if err == nil {
				_, err = w.Write(bytes.Repeat([]byte("x"), 200_000))
			}
			if err != nil || w.Close() != nil {
				t.Fatal(err)
			}
			content, plain := tc.change(sealed.Bytes())
			layer := raw("w", content)
			layer.MediaType = oci.MediaTypeEncrypted
			layer.Annotations[oci.AnnotationPlainMediaType] = spec.MediaTypeModelWeightRaw
			layer.Annotations[oci.AnnotationPlainDigest] = digest.FromString(plain).String()
			dir := t.TempDir()
			from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{layer}}, content)
			got := start(t).Build("fetch", object("from", from, "into", "in", "decrypt", object("identities", []string{secret.String()})), plugintest.Options{WorkDir: dir})
			if got.Failure().GetClass() != tc.class {
				t.Errorf("%s, want class %s", got, tc.class)
			}
			if left := below(t, filepath.Join(dir, "in")); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A registry that cuts what it sends: it goes on, and what comes is verified.
func TestGoesOnAfterACut(t *testing.T) {
	t.Parallel()
	registry := loopback.New(loopback.Options{Folder: t.TempDir()})
	var cuts atomic.Int32
	server := ocitest.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method == http.MethodGet && strings.Contains(req.URL.Path, "/blobs/") && cuts.Load() < 2 && req.Header.Get("X-Whole") == "" {
			w = &cutting{ResponseWriter: w, left: 400_000, cut: func() { cuts.Add(1) }}
		}
		registry.ServeHTTP(w, req)
	}))
	h := start(t)
	dir, files := work(t)
	packed := h.Build("model", object("name", "digits", "files", []string{"out/**"}, "registry", object("repository", server.Host+"/models/digits", "plain_http", cty.True)), plugintest.Options{WorkDir: dir})
	if !packed.Succeeded() {
		t.Fatal(packed)
	}
	got := h.Build("fetch", object("artifact", packed.Outputs.GetAttr("artifact"), "into", "in", "plain_http", cty.True), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() || cuts.Load() < 2 {
		t.Fatalf("%s, %d cuts", got, cuts.Load())
	}
	if diff := cmp.Diff(files, below(t, filepath.Join(dir, "in"))); diff != "" {
		t.Error(diff)
	}
}

type cutting struct {
	http.ResponseWriter
	left int
	cut  func()
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) > c.left {
		c.cut()
		_, _ = c.ResponseWriter.Write(p[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

// What is in the way is not removed, and nothing is moved then.
func TestSomethingIsInTheWay(t *testing.T) {
	t.Parallel()
	fine := []byte("fine")
	for name, place := range map[string]string{"a folder for a file": "in/b/keep", "a file for a folder": "in/sub"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			full := filepath.Join(dir, place)
			if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(full, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{raw("a", fine), raw("b", fine), raw("sub/c", fine)}}, fine)
			got := start(t).Build("fetch", object("from", from, "into", "in"), plugintest.Options{WorkDir: dir})
			if got.Failure().GetClass() != "folder_unusable" || got.Failure().GetDetail() == "" {
				t.Error(got)
			}
			if left := below(t, filepath.Join(dir, "in")); len(left) != 1 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// Links in the work folder lead nowhere, and what a killed one left goes.
func TestWorkFolder(t *testing.T) {
	t.Parallel()
	fine := []byte("fine")
	dir, outside := t.TempDir(), t.TempDir()
	from := pack(t, dir, ocispec.Manifest{Layers: []ocispec.Descriptor{raw("sub/a", fine)}}, fine)
	if err := os.MkdirAll(filepath.Join(dir, "in/.fetch-dead/x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "in/sub")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	for _, into := range []string{"in", "out/x"} {
		got := start(t).Build("fetch", object("from", from, "into", into), plugintest.Options{WorkDir: dir})
		if got.Failure().GetClass() != "folder_unusable" {
			t.Error(got)
		}
	}
	if found, err := os.ReadDir(outside); err != nil || len(found) != 0 {
		t.Errorf("written outside: %v, %v", found, err)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "in")); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}
