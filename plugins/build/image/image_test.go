package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/image"
	"github.com/stagegate/stagegate/plugins/build/oci/ocitest"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

func start(t testing.TB) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "build", Version: "0.0.1", Builders: []sdk.Builder{image.Builder{}}})
}

func strs(w ...string) cty.Value {
	out := make([]cty.Value, len(w))
	for i, s := range w {
		out[i] = cty.StringVal(s)
	}
	return cty.ListVal(out)
}

func file(pairs ...string) cty.Value {
	out := make(map[string]cty.Value)
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i]] = cty.StringVal(pairs[i+1])
	}
	return cty.ObjectVal(out)
}

// files are file blocks; plugintest completes what they leave out.
func files(blocks map[string]cty.Value) cty.Value { return cty.ObjectVal(blocks) }

func config(more map[string]cty.Value) cty.Value {
	fields := map[string]cty.Value{
		"name": cty.StringVal("server"), "entrypoint": strs("/app/server"),
		"file": files(map[string]cty.Value{"/app/server": file("source", "server")}),
	}
	for k, v := range more {
		fields[k] = v
	}
	return cty.ObjectVal(fields)
}

// elfHeader is as much of a 64-bit ELF file as names its machine and, when
// loader is not empty, its loader.
func elfHeader(machine byte, loader string) []byte {
	raw := make([]byte, 64)
	copy(raw, "\x7fELF\x02\x01\x01")
	raw[16], raw[18], raw[20] = 2, machine, 1
	raw[52], raw[54] = 64, 56
	if loader == "" {
		return raw
	}
	raw[32], raw[56] = 64, 1 // one program header, right after
	program := make([]byte, 56)
	program[0], program[4], program[8] = 3, 4, 120
	program[32], program[40] = byte(len(loader)+1), byte(len(loader)+1)
	return append(append(raw, program...), append([]byte(loader), 0)...)
}

const machineAMD64, machineARM64 = 62, 183

func tree(t testing.TB, content map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	if content["server"] == nil {
		content["server"] = elfHeader(machineAMD64, "")
	}
	for name, raw := range content {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o600)
		if strings.Contains(name, "server") {
			mode = 0o700
		}
		if err := os.WriteFile(full, raw, mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// packed reads an image back.
func packed(t *testing.T, dir string, got plugintest.Outcome) (ocispec.Manifest, ocispec.Image, []tar.Header) {
	t.Helper()
	if !got.Succeeded() {
		t.Fatal(got)
	}
	layout := filepath.Join(dir, "dist/server")
	var m ocispec.Manifest
	var i ocispec.Image
	if err := json.Unmarshal(ocitest.Blob(t, layout, got.Outputs.GetAttr("digest").AsString()), &m); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(ocitest.Blob(t, layout, m.Config.Digest.String()), &i); err != nil {
		t.Fatal(err)
	}
	var headers []tar.Header
	for r := tar.NewReader(bytes.NewReader(ocitest.Blob(t, layout, m.Layers[0].Digest.String()))); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return m, i, headers
		}
		if err != nil {
			t.Fatal(err)
		}
		headers = append(headers, *h)
	}
}

func TestImage(t *testing.T) {
	t.Parallel()
	dir := tree(t, map[string][]byte{"model/weights.bin": []byte("w"), "model/deep/config.json": []byte("{}")})
	got := start(t).Build("image", config(map[string]cty.Value{
		"cmd": strs("--port", "8080"), "ports": strs("8080", "53/udp"), "working_dir": cty.StringVal("/app"),
		"env":    cty.MapVal(map[string]cty.Value{"B": cty.StringVal("2"), "A": cty.StringVal("1")}),
		"labels": cty.MapVal(map[string]cty.Value{"org.opencontainers.image.source": cty.StringVal("x")}),
		"file": files(map[string]cty.Value{
			"/app/server": file("source", "server"), "/models": file("source", "model", "mode", "0440"),
		}),
	}), plugintest.Options{WorkDir: dir})
	m, i, headers := packed(t, dir, got)
	if m.Config.MediaType != ocispec.MediaTypeImageConfig || m.Layers[0].MediaType != ocispec.MediaTypeImageLayer || i.RootFS.DiffIDs[0] != m.Layers[0].Digest {
		t.Errorf("manifest %+v, config %+v", m, i)
	}
	want := ocispec.ImageConfig{
		User: "65532:65532", WorkingDir: "/app", Env: []string{"A=1", "B=2"},
		Entrypoint: []string{"/app/server"}, Cmd: []string{"--port", "8080"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "53/udp": {}},
		Labels:       map[string]string{"org.opencontainers.image.source": "x"},
	}
	if diff := cmp.Diff(want, i.Config); diff != "" {
		t.Error(diff)
	}
	if i.OS != "linux" || i.Architecture != "amd64" {
		t.Errorf("platform %s/%s", i.OS, i.Architecture)
	}
	var lines []string
	for _, h := range headers {
		if h.Uid != 0 || h.Gid != 0 || !h.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%s is owned by %d:%d and from %s", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		lines = append(lines, fmt.Sprintf("%s %04o", h.Name, h.Mode))
	}
	if diff := cmp.Diff([]string{
		"app/ 0755", "models/ 0755", "models/deep/ 0755", "app/server 0755", "models/deep/config.json 0440", "models/weights.bin 0440",
	}, lines); diff != "" {
		t.Error(diff)
	}
}

func TestReproducible(t *testing.T) {
	t.Parallel()
	digests := make(map[string]bool)
	for n := range 3 {
		dir := tree(t, map[string][]byte{"data": []byte("x")})
		when := time.Unix(int64(1e9+n*1000), 0)
		if err := os.Chtimes(filepath.Join(dir, "server"), when, when); err != nil {
			t.Fatal(err)
		}
		got := start(t).Build("image", config(nil), plugintest.Options{WorkDir: dir})
		packed(t, dir, got)
		digests[got.Outputs.GetAttr("digest").AsString()] = true
	}
	if len(digests) != 1 {
		t.Errorf("digests: %v", digests)
	}
	// A change of this value means that users' digests change with a release of
	// ours: say so in the notes.
	if want := "sha256:b2eadd3249fb37bce1830770ec755b0323ebb3a2fc12c18fa0446fd9eb273ef8"; !digests[want] {
		t.Errorf("digests %v, want %s", digests, want)
	}
}

func TestFromArtifactToRegistry(t *testing.T) {
	t.Parallel()
	h := start(t)
	content := elfHeader(machineARM64, "")
	d := h.Store.AddBlob(content)
	server := ocitest.StartPlain(t, nil)
	got := h.Build("image", config(map[string]cty.Value{
		"file": files(map[string]cty.Value{"/app/server": cty.ObjectVal(map[string]cty.Value{
			"artifact": sdk.Artifact{Name: "server", Digest: d, Size: int64(len(content)), Location: "blob:" + d}.Value(), "mode": cty.StringVal("0755"),
		})}),
		"registry": cty.ObjectVal(map[string]cty.Value{"repository": cty.StringVal(server.Host + "/server"), "plain_http": cty.True}),
	}))
	if !got.Succeeded() {
		t.Fatal(got)
	}
	if status, body := server.Get(t, "server/manifests/"+got.Outputs.GetAttr("digest").AsString()); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if notes := got.Artifacts[0].GetAnnotations(); notes[sdk.AnnotationRegistryTLS] != "none" {
		t.Errorf("annotations: %v", notes)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	block := func(pairs ...string) map[string]cty.Value {
		return map[string]cty.Value{"file": files(map[string]cty.Value{"/app/server": file(pairs...)})}
	}
	for name, tc := range map[string]struct {
		content map[string][]byte
		more    map[string]cty.Value
		class   string
	}{
		"no entrypoint":    {nil, map[string]cty.Value{"entrypoint": strs("/other")}, "entrypoint_missing"},
		"not executable":   {nil, block("source", "server", "mode", "0644"), "entrypoint_not_executable"},
		"dynamic":          {map[string][]byte{"server": elfHeader(machineAMD64, "/lib64/ld-linux-x86-64.so.2")}, nil, "entrypoint_dynamic"},
		"damaged":          {map[string][]byte{"server": []byte("\x7fELF")}, nil, "entrypoint_unusable"},
		"other platform":   {nil, map[string]cty.Value{"platform": cty.StringVal("linux/arm64")}, "platform_mismatch"},
		"missing file":     {nil, block("source", "nowhere"), "file_missing"},
		"file below file":  {map[string][]byte{"a": []byte("x")}, map[string]cty.Value{"file": files(map[string]cty.Value{"/app/server": file("source", "server"), "/app/server/a": file("source", "a")})}, "file_twice"},
		"folder over file": {map[string][]byte{"d/server": []byte("x")}, map[string]cty.Value{"file": files(map[string]cty.Value{"/app/server": file("source", "server"), "/app": file("source", "d")})}, "file_twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.content == nil {
				tc.content = make(map[string][]byte)
			}
			dir := tree(t, tc.content)
			got := start(t).Build("image", config(tc.more), plugintest.Options{WorkDir: dir})
			if got.Failure().GetClass() != tc.class {
				t.Errorf("%s, want class %s", got, tc.class)
			}
			if _, err := os.Stat(filepath.Join(dir, "dist/server/index.json")); err == nil {
				t.Error("an image was written")
			}
		})
	}
}

// A loader that is in the image will do, and a script has no platform.
func TestPlatform(t *testing.T) {
	t.Parallel()
	const loader = "/lib/ld.so"
	for name, tc := range map[string]struct {
		server       []byte
		more         map[string]cty.Value
		architecture string
	}{
		"with loader": {elfHeader(machineARM64, loader), map[string]cty.Value{"file": files(map[string]cty.Value{"/app/server": file("source", "server"), loader: file("source", "server")})}, "arm64"},
		"script":      {[]byte("#!/bin/sh\n"), nil, runtime.GOARCH},
		"declared":    {[]byte("#!/bin/sh\n"), map[string]cty.Value{"platform": cty.StringVal("linux/s390x")}, "s390x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tree(t, map[string][]byte{"server": tc.server})
			_, i, _ := packed(t, dir, start(t).Build("image", config(tc.more), plugintest.Options{WorkDir: dir}))
			if i.Architecture != tc.architecture {
				t.Errorf("architecture %s, want %s", i.Architecture, tc.architecture)
			}
		})
	}
}

func TestLinksOut(t *testing.T) {
	t.Parallel()
	outside := tree(t, map[string][]byte{"secret": []byte("secret")})
	dir := tree(t, map[string][]byte{"d/fine": []byte("x")})
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "d/link")); err != nil {
		t.Fatal(err)
	}
	got := start(t).Build("image", config(map[string]cty.Value{
		"file": files(map[string]cty.Value{"/app/server": file("source", "server"), "/d": file("source", "d")}),
	}), plugintest.Options{WorkDir: dir})
	if got.Failure().GetClass() != "file_missing" || !strings.Contains(got.Failure().GetSummary(), "outside of the work folder") {
		t.Error(got)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	h := start(t)
	one := func(name, value string) map[string]cty.Value { return map[string]cty.Value{name: cty.StringVal(value)} }
	block := func(target string, pairs ...string) map[string]cty.Value {
		return map[string]cty.Value{"file": files(map[string]cty.Value{target: file(pairs...)})}
	}
	for name, tc := range map[string]struct {
		more map[string]cty.Value
		path sdk.Path
		want string
	}{
		"name":            {one("name", "a/b"), sdk.At(sdk.Attr("name")), "unusable name"},
		"entrypoint":      {map[string]cty.Value{"entrypoint": strs("server")}, sdk.At(sdk.Attr("entrypoint")), "unusable entrypoint"},
		"user name":       {one("user", "root"), sdk.At(sdk.Attr("user")), "unusable user"},
		"working dir":     {one("working_dir", "app"), sdk.At(sdk.Attr("working_dir")), "unusable folder"},
		"platform":        {one("platform", "windows/amd64"), sdk.At(sdk.Attr("platform")), "unknown platform"},
		"created_at":      {one("created_at", "now"), sdk.At(sdk.Attr("created_at")), "unusable time"},
		"port":            {map[string]cty.Value{"ports": strs("80", "99999")}, sdk.At(sdk.Attr("ports"), sdk.Index(1)), "unusable port"},
		"env":             {map[string]cty.Value{"env": cty.MapVal(one("A=B", "c"))}, sdk.At(sdk.Attr("env"), sdk.Key("A=B")), "unusable variable name"},
		"relative target": {block("app", "source", "a"), sdk.At(sdk.Attr("file"), sdk.Key("app")), "unusable path in the image"},
		"target up":       {block("/app/../etc", "source", "a"), sdk.At(sdk.Attr("file"), sdk.Key("/app/../etc")), "unusable path in the image"},
		"no source":       {block("/a"), sdk.At(sdk.Attr("file"), sdk.Key("/a")), "no source, or two"},
		"source outside":  {block("/a", "source", "/etc/passwd"), sdk.At(sdk.Attr("file"), sdk.Key("/a"), sdk.Attr("source")), "unusable file"},
		"setuid":          {block("/a", "source", "a", "mode", "4755"), sdk.At(sdk.Attr("file"), sdk.Key("/a"), sdk.Attr("mode")), "unusable mode"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			diags := h.Validate("image", config(tc.more))
			if len(diags) != 1 || diags[0].Summary != tc.want || diags[0].Detail == "" {
				t.Fatalf("diagnostics %+v, want one %q", diags, tc.want)
			}
			if diff := cmp.Diff(tc.path, diags[0].Path); diff != "" {
				t.Error(diff)
			}
		})
	}
}
