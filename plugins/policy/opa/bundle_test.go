package opa

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/sdk"
)

// ruleSource is a bundle's one rule with the given body.
func ruleSource(body string) string {
	return "package stagegate.own\n\n# METADATA\n# custom:\n#   id: own\ndeny contains result if {\n" + body + "\n}\n"
}

const goodResult = `	result := {"id": "own", "msg": "no"}` + "\n"

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	named := "\n# METADATA\n# custom:\n#   id: own\n"
	tests := map[string]struct {
		files bundleFiles
		says  string
	}{
		"empty":               {bundleFiles{}, "holds no rule"},
		"only data":           {bundleFiles{"data.json": []byte("{}")}, "holds no rule"},
		"only helpers":        {bundleFiles{"a.rego": []byte("package stagegate.own\nx := 1")}, "holds no rule"},
		"fewer than declared": {bundleFiles{"a.rego": []byte(ruleSource(goodResult)), ".manifest": []byte(`{"metadata":{"min_rules":2}}`)}, "fewer than the 2"},
		"negative":            {bundleFiles{"a.rego": []byte(ruleSource(goodResult)), ".manifest": []byte(`{"metadata":{"min_rules":-1}}`)}, "declares -1"},
		"manifest twice":      {bundleFiles{"a.rego": []byte(ruleSource(goodResult)), ".manifest": []byte(`{"metadata":{"min_rules":2},"metadata":{}}`)}, "twice"},
		"old Rego":            {bundleFiles{"a.rego": []byte(ruleSource(goodResult)), ".manifest": []byte(`{"rego_version":0}`)}, "only version 1"},
		"old syntax":          {bundleFiles{"a.rego": []byte("package stagegate.own\ndeny[x] { x := 1 }")}, "rego_parse_error"},
		"no METADATA":         {bundleFiles{"a.rego": []byte("package stagegate.own\ndeny contains x if x := 1")}, "needs a METADATA"},
		"second without":      {bundleFiles{"a.rego": []byte(ruleSource(goodResult) + "\ndeny contains x if x := 1")}, "needs a METADATA"},
		"no id":               {bundleFiles{"a.rego": []byte("package stagegate.own\n# METADATA\n# title: x\ndeny contains x if x := 1")}, "no custom.id"},
		"strange judges":      {bundleFiles{"a.rego": []byte("package stagegate.own\n# METADATA\n# custom:\n#   id: own\n#   judges: all\ndeny contains x if x := 1")}, "custom.judges"},
		"wrong package":       {bundleFiles{"a.rego": []byte("package stagegat.own" + named + "deny contains x if x := 1")}, "never evaluated"},
		"deeper package":      {bundleFiles{"a.rego": []byte("package stagegate.own.more" + named + "deny contains x if x := 1")}, "never evaluated"},
		"conftest's package":  {bundleFiles{"a.rego": []byte("package main" + named + "deny contains x if x := 1")}, "never evaluated"},
		"complete rule":       {bundleFiles{"a.rego": []byte("package stagegate.own" + named + "deny := []")}, "must be a set"},
		"nested rule":         {bundleFiles{"a.rego": []byte("package stagegate.own" + named + "deny.more contains x if x := 1")}, "must be a set"},
		"violation":           {bundleFiles{"a.rego": []byte("package stagegate.own" + named + "violation contains x if x := 1")}, "no meaning"},
		"deny with suffix":    {bundleFiles{"a.rego": []byte("package stagegate.own" + named + "deny_more contains x if x := 1")}, "no meaning"},
		"allow":               {bundleFiles{"a.rego": []byte("package stagegate.own" + named + "allow if true")}, "no meaning"},
		"same id in two":      {bundleFiles{"a.rego": []byte(ruleSource(goodResult)), "b.rego": []byte(strings.Replace(ruleSource(goodResult), ".own", ".other", 1))}, "also in group"},
		"unused variable":     {bundleFiles{"a.rego": []byte(ruleSource(goodResult + "\tx := 1"))}, "unused"},
		"data file twice":     {bundleFiles{"a.rego": []byte(ruleSource(goodResult)), "data.json": []byte(`{"x":{"y":1}}`), "x/data.json": []byte(`{"y":2}`)}, "set by another file"},
		"data is a list":      {bundleFiles{"a.rego": []byte(ruleSource(goodResult)), "data.json": []byte(`[]`)}, "not hold an object"},
		"data with two keys":  {bundleFiles{"a.rego": []byte(ruleSource(goodResult)), "data.json": []byte(`{"a":1,"a":2}`)}, "twice"},
		"YAML with two keys":  {bundleFiles{"a.rego": []byte(ruleSource(goodResult)), "data.yaml": []byte("a: 1\na: 2\n")}, "already set"},
	}
	for _, name := range []string{"http.send({})", "net.lookup_ip_addr(\"x\")", "opa.runtime()", "time.now_ns()", "rand.intn(\"x\", 5)", "uuid.rfc4122(\"x\")", "rego.parse_module(\"x\", \"y\")"} {
		tests["calls "+name] = struct {
			files bundleFiles
			says  string
		}{bundleFiles{"a.rego": []byte(ruleSource("\tx := " + name + "\n\tresult := {\"id\": \"own\", \"msg\": x}"))}, "undefined function"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := compile(t.Context(), test.files, selection{})
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

// Nothing that answers differently from one time to the next can be called.
func TestCapabilitiesAreClosed(t *testing.T) {
	t.Parallel()
	for _, b := range capabilities().Builtins {
		if b.IsNondeterministic() || strings.HasPrefix(b.Name, "http.") || strings.HasPrefix(b.Name, "net.lookup") || strings.HasPrefix(b.Name, "opa.") {
			t.Errorf("%s can be called", b.Name)
		}
	}
}

func TestEvaluationThatIsNotWhole(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ body, input, says string }{
		"text":            {`	result := "no"`, `{}`, "write {"},
		"no message":      {`	result := {"id": "own"}`, `{}`, "needs an id and a msg"},
		"other rule":      {`	result := {"id": "other", "msg": "x"}`, `{}`, "not there"},
		"unknown field":   {`	result := {"id": "own", "msg": "x", "details": {}}`, `{}`, "nobody reads"},
		"wrong type":      {`	result := {"id": "own", "msg": 5}`, `{}`, "wrong shape"},
		"built-in fails":  {"\tto_number(input.x) > 5\n" + goodResult, `{"x":"y"}`, "evaluate rules"},
		"input is broken": {goodResult, `{`, "read policy input"},
		"input is a list": {goodResult, `[]`, "not an object"},
		"two keys":        {goodResult, `{"scope":"deployment","scope":"artifacts"}`, "twice"},
		"too much":        {"\tsome i in numbers.range(1, 6000)\n\tresult := {\"id\": \"own\", \"msg\": sprintf(\"%d\", [i])}", `{}`, "more than 5000 findings"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := compile(t.Context(), bundleFiles{"a.rego": []byte(ruleSource(test.body))}, selection{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.judge(t.Context(), []byte(test.input))
			if err == nil || !strings.Contains(err.Error(), test.says) || got.Verdict == sdk.VerdictPass {
				t.Errorf("got %+v, %v; want %q", got, err, test.says)
			}
		})
	}
}

func TestRulesThatNeverEndAreStopped(t *testing.T) {
	t.Parallel()
	p, err := compile(t.Context(), bundleFiles{"a.rego": []byte(ruleSource(
		"\tsome a in numbers.range(1, 100000)\n\tsome b in numbers.range(1, 100000)\n\ta * b == -1\n" + goodResult))}, selection{})
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stopped")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, stop)
	defer cancel()
	if _, err := p.judge(ctx, []byte(`{}`)); !errors.Is(err, stop) {
		t.Errorf("got %v, want %v", err, stop)
	}
}

func TestRuleWithoutArtifactsHasNothingToSay(t *testing.T) {
	t.Parallel()
	source := strings.Replace(ruleSource(`	result := {"id": "own", "msg": "no"}`), "id: own", "id: own\n#   judges: deployment", 1)
	p, err := compile(t.Context(), bundleFiles{"a.rego": []byte(source)}, selection{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.judge(t.Context(), []byte(`{"scope":"artifacts"}`)); err == nil || !strings.Contains(err.Error(), "nothing is deployed") {
		t.Errorf("got %v", err)
	}
}

func TestParameters(t *testing.T) {
	t.Parallel()
	raw := func(s string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"allowed_registries": json.RawMessage(s)}
	}
	p, err := compile(t.Context(), builtin(), selection{parameters: raw(`["elsewhere.example"]`)})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.judge(t.Context(), readFile(t, "testdata/release.json"))
	if err != nil || got.Verdict != sdk.VerdictDeny || !slices.ContainsFunc(got.Violations, func(v sdk.Violation) bool { return v.Rule == "registry_allowed" }) {
		t.Errorf("got %+v, %v", got, err)
	}
	if p.identity.Digest == builtinPolicy(t).identity.Digest {
		t.Error("parameters do not show in the digest")
	}
	for name, test := range map[string]struct {
		parameters map[string]json.RawMessage
		says       string
	}{
		"misspelt":   {map[string]json.RawMessage{"allowed_registry": json.RawMessage(`[]`)}, "declares: allowed_algorithms"},
		"wrong type": {raw(`"elsewhere.example"`), "is a list, not a string"},
	} {
		if _, err := compile(t.Context(), builtin(), selection{parameters: test.parameters}); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %q", name, err, test.says)
		}
	}
}

func TestBlindNegations(t *testing.T) {
	t.Parallel()
	source := `package stagegate.own

import data.stagegate.parameters

good(x) if x == 1

a if not good(input.x)

b if not input.x in {1}

c if not good(object.get(input.y, "x", 0))

d if not good(good(input))

e if not startswith(input.image, "x")

fine1 if not input.x

fine2 if not input.x == 1

fine3 if not good(object.get(input, "x", 0))

fine4 if not good(parameters.x)

fine5 if not data.stagegate.parameters.x in {1}
`
	modules, err := parseModules(bundleFiles{"a.rego": []byte(source)})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(blindNegations(modules), "\n")
	for _, line := range []int{7, 9, 11, 13, 15} {
		if !strings.Contains(got, fmt.Sprintf("a.rego:%d:", line)) {
			t.Errorf("line %d is not found in:\n%s", line, got)
		}
	}
	if n := strings.Count(got, "a.rego:"); n != 5 {
		t.Errorf("%d places found, want 5:\n%s", n, got)
	}
}

func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func tarball(t *testing.T, headers ...tar.Header) string {
	t.Helper()
	var buf bytes.Buffer
	zipped := gzip.NewWriter(&buf)
	archive := tar.NewWriter(zipped)
	for _, h := range headers {
		content := []byte(ruleSource(goodResult))
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
		}
		if h.Typeflag == tar.TypeReg && h.Size == 0 {
			h.Size = int64(len(content))
		}
		if err := archive.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := archive.Write(append(content, make([]byte, max(0, int(h.Size)-len(content)))...)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.String()
}

func TestReadBundle(t *testing.T) {
	t.Parallel()
	dir := writeTree(t, map[string]string{
		"rules/stagegate/own.rego": ruleSource(goodResult), "rules/own_test.rego": "package x",
		"rules/README.md": "text", "rules/.manifest": "{}", "rules/deeper/.manifest": "{}",
		"rules.tar.gz": tarball(t, tar.Header{Name: "./stagegate/own.rego"}, tar.Header{Name: "doc/", Typeflag: tar.TypeDir}, tar.Header{Name: "README"}),
	})
	for name, want := range map[string][]string{
		"rules":                     {".manifest", "stagegate/own.rego"},
		"rules.tar.gz":              {"stagegate/own.rego"},
		filepath.Join(dir, "rules"): {".manifest", "stagegate/own.rego"},
	} {
		files, err := readBundle(dir, name)
		if got := slices.Sorted(maps.Keys(files)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v; want %v", name, got, err, want)
		}
	}
}

func TestReadBundleRefuses(t *testing.T) {
	t.Parallel()
	dir := writeTree(t, map[string]string{
		"secret.rego":    ruleSource(goodResult),
		"work/plain.txt": "text", "work/twice.tar.gz": tarball(t, tar.Header{Name: "a.rego"}, tar.Header{Name: "x/../a.rego"}),
		"work/link.tar.gz": tarball(t, tar.Header{Name: "a.rego", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}),
		"work/big.tar.gz":  tarball(t, tar.Header{Name: "a.rego", Size: maxBytes + 1}),
		"work/big/a.rego":  strings.Repeat("#", maxBytes+1),
		"work/linked/x":    "",
	})
	work := filepath.Join(dir, "work")
	for link, target := range map[string]string{"linked/a.rego": "../../secret.rego", "outside": "..", "loop": "loop"} {
		if err := os.Symlink(target, filepath.Join(work, link)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range maxFiles + 1 {
		path := filepath.Join(work, "many", fmt.Sprintf("%d.rego", i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	deep := filepath.Join(work, "deep", strings.Repeat("d/", maxDepth+1))
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{
		"none": "no such file", "plain.txt": "no gzipped tarball", "twice.tar.gz": "twice", "link.tar.gz": "not a regular file",
		"big.tar.gz": "more than 4194304 bytes", "big": "more than 4194304 bytes", "linked": "not a regular file",
		"outside": "escapes", "loop": "", "many": "more than 512 files", "deep": "folders deep", "../secret.rego": "escapes",
		filepath.Join(dir, "secret.rego"): "outside the pipeline's folder",
	} {
		if files, err := readBundle(work, name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %d files, %v; want %q", name, len(files), err, says)
		}
	}
}

func TestDigestTellsBundlesApart(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, files := range []bundleFiles{
		{}, {"a": nil}, {"a": []byte("b")}, {"ab": nil}, {"a": []byte("b"), "c": nil}, {"a": []byte("b 1 c 0 ")},
	} {
		seen[files.digest()] = true
	}
	if len(seen) != 6 {
		t.Errorf("6 bundles have %d digests", len(seen))
	}
}
