package modelpack_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/modelpack/model-spec/schema"
	spec "github.com/modelpack/model-spec/specs-go/v1"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/modelpack"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

func start(t testing.TB) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "build", Version: "0.0.1", Builders: []sdk.Builder{modelpack.Builder{}}})
}

func strs(w ...string) cty.Value {
	out := make([]cty.Value, len(w))
	for i, s := range w {
		out[i] = cty.StringVal(s)
	}
	return cty.ListVal(out)
}

// digits is a configuration; more is added to or replaces it.
func digits(more map[string]cty.Value) cty.Value {
	fields := map[string]cty.Value{"name": cty.StringVal("digits"), "files": strs("out/*")}
	for k, v := range more {
		fields[k] = v
	}
	return cty.ObjectVal(fields)
}

// weights is a valid safetensors file with n parameters.
func weights(n int) []byte { return named("w", n) }

func named(name string, n int) []byte {
	header := fmt.Sprintf(`{%q:{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}`, name, n, 4*n)
	raw := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(raw, header...), make([]byte, 4*n)...)
}

func tree(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
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

func manifestOf(t *testing.T, layout, digest string) ocispec.Manifest {
	t.Helper()
	var m ocispec.Manifest
	if err := json.Unmarshal(ocitest.Blob(t, layout, digest), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func digestOf(o plugintest.Outcome) string { return o.Outputs.GetAttr("digest").AsString() }

func TestPackFollowsTheSpecification(t *testing.T) {
	t.Parallel()
	model := weights(7850)
	dir := tree(t, map[string][]byte{
		"out/model.safetensors": model, "out/config.json": []byte("{}"), "out/README.md": []byte("# Digits"),
		"out/eval/run.py": []byte("pass"), "out/eval/held-out.csv": []byte("1,2"),
	})
	got := start(t).Build("model", digits(map[string]cty.Value{
		"files": strs("out/**"), "version": cty.StringVal("1.2.0"), "architecture": cty.StringVal("mlp"),
		"licenses": strs("Apache-2.0"), "authors": strs("Ada"), "created_at": cty.StringVal("2026-01-31T12:00:00+01:00"),
	}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	layout := filepath.Join(dir, "dist/digits")
	m := manifestOf(t, layout, digestOf(got))
	if m.ArtifactType != spec.ArtifactTypeModelManifest || m.Config.MediaType != spec.MediaTypeModelConfig || m.MediaType != ocispec.MediaTypeImageManifest {
		t.Errorf("types: %s, %s, %s", m.ArtifactType, m.Config.MediaType, m.MediaType)
	}
	kinds := make(map[string]string)
	for _, l := range m.Layers {
		kinds[l.Annotations[spec.AnnotationFilepath]] = l.MediaType
	}
	want := map[string]string{
		"model.safetensors": spec.MediaTypeModelWeightRaw, "config.json": spec.MediaTypeModelWeightConfigRaw,
		"README.md": spec.MediaTypeModelDocRaw, "eval/run.py": spec.MediaTypeModelCodeRaw, "eval/held-out.csv": spec.MediaTypeModelDatasetRaw,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	raw := ocitest.Blob(t, layout, m.Config.Digest.String())
	if err := schema.ValidatorMediaTypeModelConfig.Validate(bytes.NewReader(raw)); err != nil {
		t.Errorf("config %s: %v", raw, err)
	}
	checkConfig(t, raw, m)
}

func checkConfig(t *testing.T, raw []byte, m ocispec.Manifest) {
	t.Helper()
	var config spec.Model
	if err := json.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	for i, l := range m.Layers {
		if config.ModelFS.DiffIDs[i] != l.Digest {
			t.Errorf("diffId %d is %s, the layer %s", i, config.ModelFS.DiffIDs[i], l.Digest)
		}
	}
	if c := config.Config; c.Format != "safetensors" || c.ParamSize != "7.9k" || c.Precision != "float32" || c.Architecture != "mlp" {
		t.Errorf("config: %+v", c)
	}
	if d := config.Descriptor; d.Name != "digits" || d.Version != "1.2.0" || d.CreatedAt.Format(time.RFC3339) != "2026-01-31T11:00:00Z" {
		t.Errorf("descriptor: %+v", d)
	}
}

// A layer's digest is the file's sha256, and the artifact says what was seen.
func TestWeightsAreRaw(t *testing.T) {
	t.Parallel()
	model := weights(10)
	dir := tree(t, map[string][]byte{"out/model.safetensors": model})
	got := start(t).Build("model", digits(nil), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	layout := filepath.Join(dir, "dist/digits")
	m := manifestOf(t, layout, digestOf(got))
	if len(m.Layers) != 1 || m.Layers[0].Digest != digest.FromBytes(model) {
		t.Errorf("layers: %+v", m.Layers)
	}
	a := sdk.ArtifactOf(got.Outputs.GetAttr("artifact"))
	size := int64(len(ocitest.Blob(t, layout, a.Digest))) + m.Config.Size + int64(len(model))
	want := sdk.Artifact{
		Name: "digits", Digest: digestOf(got), MediaType: ocispec.MediaTypeImageManifest, Size: size,
		Location:    "oci-layout:" + layout + "@" + digestOf(got),
		Annotations: map[string]string{sdk.AnnotationFormat: "safetensors", sdk.AnnotationEncryption: "absent", sdk.AnnotationSignatures: "absent"},
	}
	want.Annotations[sdk.AnnotationSBOM] = a.Annotations[sdk.AnnotationSBOM] // see TestBill
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
	if len(got.Artifacts) != 1 || got.Artifacts[0].GetDigest() != a.Digest {
		t.Errorf("announced: %v", got.Artifacts)
	}
}

// The same files give the same digest, whatever their times, the folder they
// lie in, and the order in which they were made.
func TestReproducible(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"out/model.safetensors": weights(3), "out/config.json": []byte("{}")}
	digests := make(map[string]bool)
	for i := range 3 {
		dir := tree(t, files)
		when := time.Unix(int64(1e9+i*12345), 0)
		for name := range files {
			if err := os.Chtimes(filepath.Join(dir, name), when, when); err != nil {
				t.Fatal(err)
			}
		}
		got := start(t).Build("model", digits(map[string]cty.Value{"layout": cty.StringVal(fmt.Sprint("layout-", i))}), plugintest.Options{WorkDir: dir})
		if !got.Succeeded() {
			t.Fatal(got)
		}
		digests[digestOf(got)] = true
	}
	if len(digests) != 1 {
		t.Errorf("digests: %v", digests)
	}
	// A change of this value means that users' digests change with a release of
	// ours: say so in the notes.
	if want := "sha256:f68b8abd6079ded5a06acb4889612ce2e6579c140354a5585e109375517cbb3d"; !digests[want] {
		t.Errorf("digests %v, want %s", digests, want)
	}
}

func TestPushToRegistry(t *testing.T) {
	t.Parallel()
	server := ocitest.StartTLS(t, nil)
	dir := tree(t, map[string][]byte{"out/model.safetensors": weights(3), "ca.pem": server.CA})
	registry := cty.ObjectVal(map[string]cty.Value{
		"repository": cty.StringVal(server.Host + "/models/digits"), "ca_file": cty.StringVal("ca.pem"), "tag": cty.StringVal("candidate"),
	})
	got := start(t).Build("model", digits(map[string]cty.Value{"registry": registry}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	a := sdk.ArtifactOf(got.Outputs.GetAttr("artifact"))
	if a.Location != "oci://"+server.Host+"/models/digits@"+a.Digest || got.Outputs.GetAttr("reference").AsString() != server.Host+"/models/digits@"+a.Digest {
		t.Errorf("location %s, outputs %#v", a.Location, got.Outputs)
	}
	if a.Annotations[sdk.AnnotationRegistryTLS] != "1.3" || a.Annotations[sdk.AnnotationRegistryCA] != "verified" || a.Annotations[sdk.AnnotationRegistryHost] != server.Host {
		t.Errorf("annotations: %v", a.Annotations)
	}
	if status, _ := server.Get(t, "models/digits/manifests/candidate"); status != http.StatusOK {
		t.Errorf("the tag is not there: %d", status)
	}
	if _, err := os.Stat(filepath.Join(dir, "dist")); !os.IsNotExist(err) {
		t.Errorf("a layout was written that nobody asked for: %v", err)
	}
}

func TestPackArtifacts(t *testing.T) {
	t.Parallel()
	h := start(t)
	blob := func(name string, content []byte) cty.Value {
		d := h.Store.AddBlob(content)
		return sdk.Artifact{Name: name, Digest: d, Size: int64(len(content)), Location: "blob:" + d}.Value()
	}
	dir := t.TempDir()
	got := h.Build("model", cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal("digits"),
		"artifacts": cty.MapVal(map[string]cty.Value{
			"model.safetensors": blob("weights", weights(3)), "sub/config.json": blob("config", []byte("{}")),
		}),
	}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	m := manifestOf(t, filepath.Join(dir, "dist/digits"), digestOf(got))
	if len(m.Layers) != 2 || m.Layers[0].Digest != digest.FromBytes(weights(3)) || m.Layers[1].Annotations[spec.AnnotationFilepath] != "sub/config.json" {
		t.Errorf("layers: %+v", m.Layers)
	}
	bad := sdk.Artifact{Name: "image", Digest: "sha256:" + strings.Repeat("0", 64), Location: "oci://example.com/x@sha256:0"}.Value()
	got = h.Build("model", cty.ObjectVal(map[string]cty.Value{
		"name": cty.StringVal("digits"), "artifacts": cty.MapVal(map[string]cty.Value{"x.json": bad}),
	}))
	if got.Failure().GetClass() != "artifact_unusable" {
		t.Error(got)
	}
}

// pytorch is what torch.save writes, as far as the check is concerned.
func pytorch(t *testing.T, entry string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(entry)
	if err == nil {
		_, err = f.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRefused(t *testing.T) {
	t.Parallel()
	pickle := []byte("\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix")
	text := []byte("cos\nsystem\n(S'echo'\ntR.")
	for name, tc := range map[string]struct {
		files map[string][]byte
		more  map[string]cty.Value
		class string
	}{
		"pickle":               {map[string][]byte{"out/model.bin": pickle}, nil, "pickle_refused"},
		"pickle as config":     {map[string][]byte{"out/config.json": pickle}, nil, "pickle_refused"},
		"pickle in text":       {map[string][]byte{"out/notes.txt": text}, nil, "pickle_refused"},
		"pickle renamed":       {map[string][]byte{"out/model.safetensors": pickle}, nil, "safetensors_invalid"},
		"torch archive":        {map[string][]byte{"out/model.pt": pytorch(t, "archive/data.pkl", pickle)}, nil, "pickle_refused"},
		"torch as data":        {map[string][]byte{"out/data.csv": pytorch(t, "x", pickle)}, nil, "pickle_refused"},
		"objects in npz":       {map[string][]byte{"out/w.npz": pytorch(t, "a.npy", []byte("\x93NUMPY\x01\x00v\x00{'descr': '|O', "))}, nil, "pickle_refused"},
		"broken archive":       {map[string][]byte{"out/model.bin": []byte("PK\x03\x04....")}, nil, "pickle_refused"},
		"archive":              {map[string][]byte{"out/model.bin": []byte("\x1f\x8b\x08....")}, nil, "archive_refused"},
		"truncated weights":    {map[string][]byte{"out/model.safetensors": weights(9)[:60]}, nil, "safetensors_invalid"},
		"huge header":          {map[string][]byte{"out/model.safetensors": append(binary.LittleEndian.AppendUint64(nil, 1<<60), '{')}, nil, "safetensors_invalid"},
		"empty weights":        {map[string][]byte{"out/model.gguf": nil}, nil, "weights_empty"},
		"unknown kind":         {map[string][]byte{"out/thing.xyz": []byte("x")}, nil, "kind_unknown"},
		"other format":         {map[string][]byte{"out/model.gguf": []byte("GGUF....")}, map[string]cty.Value{"format": cty.StringVal("safetensors")}, "format_mismatch"},
		"missing file":         {nil, map[string]cty.Value{"files": strs("nowhere.json")}, "file_missing"},
		"pattern without file": {nil, nil, "file_missing"},
		"folder":               {map[string][]byte{"out/x.json/y": []byte("{}")}, map[string]cty.Value{"files": strs("out/x.json")}, "file_missing"},
		"outside of base":      {map[string][]byte{"out/a.json": []byte("{}"), "b.json": []byte("{}")}, map[string]cty.Value{"files": strs("out/a.json", "b.json"), "base": cty.StringVal("out")}, "file_misplaced"},
		"case collision":       {map[string][]byte{"out/A.json": []byte("{}"), "out/a.json": []byte("{}")}, nil, "file_twice"},
		"index without shard":  {map[string][]byte{"out/m.safetensors.index.json": []byte(`{"weight_map":{"w":"m-1.safetensors"}}`)}, nil, "safetensors_invalid"},
		"index forgets": {map[string][]byte{
			"out/m.safetensors.index.json": []byte(`{"weight_map":{"a":"m-1.safetensors"}}`), "out/m-1.safetensors": named("a", 1), "out/m-2.safetensors": named("b", 1),
		}, nil, "safetensors_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, tc.files)
			got := start(t).Build("model", digits(tc.more), plugintest.Options{WorkDir: dir})
			if got.Failure().GetClass() != tc.class {
				t.Errorf("%s, want class %s", got, tc.class)
			}
			if index, err := os.ReadFile(filepath.Join(dir, "dist/digits/index.json")); err == nil {
				t.Errorf("a package was written: %s", index)
			}
		})
	}
}

// A link out of the work folder is not followed, neither for a file nor for the
// layout.
func TestLinksOut(t *testing.T) {
	t.Parallel()
	outside := tree(t, map[string][]byte{"secret.json": []byte("{}")})
	dir := tree(t, map[string][]byte{"out/model.safetensors": weights(1)})
	if err := os.Symlink(filepath.Join(outside, "secret.json"), filepath.Join(dir, "out/config.json")); err != nil {
		t.Fatal(err)
	}
	got := start(t).Build("model", digits(nil), plugintest.Options{WorkDir: dir})
	if got.Failure().GetClass() != "file_missing" || !strings.Contains(got.Failure().GetSummary(), "outside of the work folder") {
		t.Error(got)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "layout")); err != nil {
		t.Fatal(err)
	}
	got = start(t).Build("model", digits(map[string]cty.Value{"files": strs("out/model.safetensors"), "layout": cty.StringVal("layout/here")}), plugintest.Options{WorkDir: dir})
	if got.Failure().GetClass() != "destination_unusable" {
		t.Error(got)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 1 {
		t.Errorf("written outside: %v, %v", left, err)
	}
}

// A valid file whose header's length looks like the start of a pickle.
func TestHeaderLengthLikePickle(t *testing.T) {
	t.Parallel()
	header := `{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`
	header += strings.Repeat(" ", 0x0280-len(header))
	raw := append(binary.LittleEndian.AppendUint64(nil, 0x0280), header...)
	dir := tree(t, map[string][]byte{"out/model.safetensors": append(raw, 0)})
	if got := start(t).Build("model", digits(nil), plugintest.Options{WorkDir: dir}); !got.Succeeded() {
		t.Error(got)
	}
}

func TestKindsAreDeclared(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string][]byte{"out/thing.xyz": []byte("x"), "out/labels.json": []byte("{}")})
	got := start(t).Build("model", digits(map[string]cty.Value{"kinds": cty.MapVal(map[string]cty.Value{
		"*.xyz": cty.StringVal("weight"), "labels.json": cty.StringVal("dataset"), "*.json": cty.StringVal("doc"),
	})}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	m := manifestOf(t, filepath.Join(dir, "dist/digits"), digestOf(got))
	if m.Layers[0].MediaType != spec.MediaTypeModelDatasetRaw || m.Layers[1].MediaType != spec.MediaTypeModelWeightRaw {
		t.Errorf("layers: %+v", m.Layers)
	}
	if note := m.Layers[1].Annotations[spec.AnnotationMediaTypeUntested]; note != "false" {
		t.Errorf("a declared kind counts as untested: %s", note)
	}
	if got.Artifacts[0].GetAnnotations()[sdk.AnnotationFormat] != "unknown" {
		t.Errorf("annotations: %v", got.Artifacts[0].GetAnnotations())
	}
}

func TestProgressInBytes(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string][]byte{"out/model.safetensors": weights(1000)})
	got := start(t).Build("model", digits(nil), plugintest.Options{WorkDir: dir})
	for _, e := range got.Events {
		if p := e.GetProgress(); p.GetTask() == "packing model.safetensors" && p.GetUnit() == "bytes" && p.GetCurrent() == p.GetTotal() && p.GetTotal() > 4000 {
			return
		}
	}
	t.Errorf("no progress: %s", got)
}

func TestValidate(t *testing.T) {
	t.Parallel()
	h := start(t)
	registry := func(pairs ...string) map[string]cty.Value {
		block := make(map[string]cty.Value)
		for i := 0; i < len(pairs); i += 2 {
			block[pairs[i]] = cty.StringVal(pairs[i+1])
			if pairs[i] == "plain_http" {
				block[pairs[i]] = cty.True
			}
		}
		return map[string]cty.Value{"registry": cty.ObjectVal(block)}
	}
	one := func(name, value string) map[string]cty.Value { return map[string]cty.Value{name: cty.StringVal(value)} }
	at := func(steps ...sdk.Step) sdk.Path { return sdk.At(steps...) }
	for name, tc := range map[string]struct {
		more map[string]cty.Value
		path sdk.Path
		want string
	}{
		"name":           {one("name", "../x"), at(sdk.Attr("name")), "unusable name"},
		"no files":       {map[string]cty.Value{"files": cty.ListValEmpty(cty.String)}, at(sdk.Attr("files")), "nothing to pack"},
		"file outside":   {map[string]cty.Value{"files": strs("a", "/etc/passwd")}, at(sdk.Attr("files"), sdk.Index(1)), "unusable file"},
		"pattern":        {map[string]cty.Value{"files": strs("a[")}, at(sdk.Attr("files"), sdk.Index(0)), "unusable pattern"},
		"base":           {one("base", ".."), at(sdk.Attr("base")), "unusable folder"},
		"layout":         {one("layout", "/tmp/elsewhere"), at(sdk.Attr("layout")), "unusable layout folder"},
		"kinds":          {map[string]cty.Value{"kinds": cty.MapVal(one("*.x", "brain"))}, at(sdk.Attr("kinds")), "unusable kinds"},
		"param_size":     {one("param_size", "many"), at(sdk.Attr("param_size")), "unusable number of parameters"},
		"created_at":     {one("created_at", "yesterday"), at(sdk.Attr("created_at")), "unusable time"},
		"repository":     {registry("repository", "digits"), at(sdk.Attr("registry"), sdk.Attr("repository")), "unusable repository"},
		"tag in it":      {registry("repository", "example.com/digits:1"), at(sdk.Attr("registry"), sdk.Attr("repository")), "unusable repository"},
		"tag":            {registry("repository", "example.com/digits", "tag", "-x"), at(sdk.Attr("registry"), sdk.Attr("tag")), "unusable tag"},
		"plain HTTP":     {registry("repository", "example.com/digits", "plain_http", ""), at(sdk.Attr("registry"), sdk.Attr("plain_http")), "plain HTTP to another machine"},
		"CA outside":     {registry("repository", "example.com/digits", "ca_file", "../ca.pem"), at(sdk.Attr("registry"), sdk.Attr("ca_file")), "unusable CA file"},
		"artifact's key": {map[string]cty.Value{"artifacts": cty.MapVal(map[string]cty.Value{"../x": sdk.Artifact{}.Value()})}, at(sdk.Attr("artifacts"), sdk.Key("../x")), "unusable name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := h.Validate("model", digits(tc.more))
			if len(diags) != 1 || diags[0].Summary != tc.want || diags[0].Detail == "" {
				t.Fatalf("diagnostics %+v, want one %q", diags, tc.want)
			}
			if diff := cmp.Diff(tc.path, diags[0].Path); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, host := range []string{"localhost:5000", "127.0.0.1:5000", "[::1]:5000"} {
		if diags := h.Validate("model", digits(registry("repository", host+"/digits", "plain_http", ""))); len(diags) != 0 {
			t.Errorf("%s: %+v", host, diags)
		}
	}
}

// One bad file among many: nothing of the others is stored.
func TestNothingIsStoredOfABadPackage(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{"out/z.safetensors": weights(9)[:60]}
	for i := range 20 {
		files[fmt.Sprintf("out/%02d.safetensors", i)] = named(fmt.Sprint("w", i), 3)
	}
	dir := tree(t, files)
	got := start(t).Build("model", digits(nil), plugintest.Options{WorkDir: dir})
	if got.Failure().GetClass() != "safetensors_invalid" {
		t.Fatal(got)
	}
	if left, err := os.ReadDir(filepath.Join(dir, "dist/digits/blobs/sha256")); err != nil || len(left) != 0 {
		t.Errorf("stored: %v, %v", left, err)
	}
}

// Many layers at once give the same package as one after the other would.
func TestManyLayers(t *testing.T) {
	t.Parallel()
	files := make(map[string][]byte)
	for i := range 50 {
		files[fmt.Sprintf("out/%02d.safetensors", i)] = named(fmt.Sprint("w", i), i)
	}
	dir := tree(t, files)
	got := start(t).Build("model", digits(nil), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() {
		t.Fatal(got)
	}
	m := manifestOf(t, filepath.Join(dir, "dist/digits"), digestOf(got))
	for i, l := range m.Layers {
		name := fmt.Sprintf("%02d.safetensors", i)
		if l.Annotations[spec.AnnotationFilepath] != name || l.Digest != digest.FromBytes(files["out/"+name]) {
			t.Errorf("layer %d is %s %s", i, l.Annotations[spec.AnnotationFilepath], l.Digest)
		}
	}
	if lines := strings.Count(string(got.Stdout), "\n"); lines != 52 { // the files, the bill of materials, and the reference
		t.Errorf("%d lines: %s", lines, string(got.Stdout))
	}
}
