package config_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// FuzzParse loads whatever comes, as the files of an archive: it never panics,
// never goes on and on, every place that it reports is inside its file, and what
// it loads can be loaded again from its snapshot at another place.
func FuzzParse(f *testing.F) {
	digits, err := os.ReadFile(filepath.Join("testdata", "digits", "pipeline.hcl"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(digits)
	f.Add([]byte("pipeline \"p\" {}\n" + placesPipeline + secretsPipeline))
	f.Add([]byte(local(loops(2, `format("%5s", x)`))))
	cases, err := filepath.Glob(filepath.Join("testdata", "diagnostics", "*.txtar"))
	if err != nil || len(cases) == 0 {
		f.Fatalf("find cases: %v, %d found", err, len(cases))
	}
	for _, path := range cases {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		archive.Files = slices.DeleteFunc(archive.Files, func(m txtar.File) bool { return m.Name == "want" })
		f.Add(txtar.Format(archive))
	}
	described := plugins(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		unpack(t, dir, data)
		start := processorTime(t)
		source, diags := config.Parse(config.Options{Path: dir})
		loaded, more := source.Load(config.Inputs{Plugins: described})
		if elapsed := processorTime(t) - start; elapsed > bombTime {
			t.Errorf("took %v of the processor", elapsed)
		}
		all := append(diags, more...)
		contents := source.Contents()
		for _, d := range all {
			if d.Subject != nil && !d.Subject.CanSliceBytes(contents[d.Subject.Filename]) {
				t.Errorf("%s is at %v, outside the file", d.Summary, d.Subject)
			}
		}
		if err := diag.Render(&bytes.Buffer{}, all, contents, diag.Options{}); err != nil {
			t.Error(err)
		}
		if loaded == nil || all.HasErrors() {
			return
		}
		for _, s := range loaded.Pipeline.Stages {
			loaded.Evaluator.With(s, nil)
			loaded.Evaluator.When(s, nil)
			if name := pipeline.StageName(s.Address()); name != s.Name {
				t.Errorf("the address of %s is that of %s", s.Name, name)
			}
		}
		reload(t, source, loaded, described)
	})
}

// unpack writes the files of an archive, or a file a.hcl when it is none.
func unpack(t *testing.T, dir string, data []byte) {
	t.Helper()
	archive := txtar.Parse(data)
	if len(archive.Files) == 0 {
		archive.Files = []txtar.File{{Name: "a.hcl", Data: data}}
	}
	for _, file := range archive.Files {
		// The system refuses some names, which are none of ours then.
		path := filepath.Join(dir, file.Name)
		if filepath.IsLocal(file.Name) && os.MkdirAll(filepath.Dir(path), 0o700) == nil {
			_ = os.WriteFile(path, file.Data, 0o600)
		}
	}
}

// reload loads a pipeline from its snapshot, where its files are not.
func reload(t *testing.T, source *config.Source, loaded *config.Loaded, described map[string]*pluginv1.DescribeResponse) {
	t.Helper()
	snapshot, err := source.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again, diags := config.Parse(config.Options{Path: t.TempDir(), Snapshot: snapshot})
	reloaded, more := again.Load(config.Inputs{Plugins: described})
	if all := append(diags, more...); all.HasErrors() {
		t.Fatalf("what was loaded cannot be loaded again: %v", all)
	}
	if again.Digest != source.Digest || len(reloaded.Pipeline.Stages) != len(loaded.Pipeline.Stages) {
		t.Fatalf("%d stages of %s became %d of %s", len(loaded.Pipeline.Stages), source.Digest, len(reloaded.Pipeline.Stages), again.Digest)
	}
	for i, s := range loaded.Pipeline.Stages {
		if got := reloaded.Pipeline.Stages[i]; got.Name != s.Name || !slices.Equal(got.Needs, s.Needs) {
			t.Errorf("%s with needs %v became %s with %v", s.Name, s.Needs, got.Name, got.Needs)
		}
	}
}

// FuzzSnapshot loads from what may be no snapshot: it never panics, and reads no
// file in its place.
func FuzzSnapshot(f *testing.F) {
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.hcl"), []byte("pipeline \"p\" {}\n"+placesPipeline), 0o600); err != nil {
		f.Fatal(err)
	}
	described := plugins(f)
	source, _ := config.Parse(config.Options{Path: dir})
	source.Load(config.Inputs{Plugins: described})
	whole, err := source.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, data []byte) {
		source, diags := config.Parse(config.Options{Path: dir, Snapshot: data})
		_, more := source.Load(config.Inputs{Plugins: described})
		all := append(diags, more...)
		if err := diag.Render(&bytes.Buffer{}, all, source.Contents(), diag.Options{}); err != nil {
			t.Error(err)
		}
		for name, text := range source.Contents() {
			if !all.HasErrors() && len(text) > len(data) {
				t.Errorf("%s has %d bytes, and the snapshot %d", name, len(text), len(data))
			}
		}
	})
}

// constants are values of expressions without names.
type constants struct{}

func (constants) Value(expr hclsyntax.Expression, want cty.Type) (cty.Value, diag.List) {
	v, problems := expr.Value(nil)
	if problems.HasErrors() {
		return cty.UnknownVal(want), diag.FromHCL(problems)
	}
	converted, err := convert.Convert(v, want)
	if err != nil {
		return cty.UnknownVal(want), diag.List{{Severity: diag.Error, Summary: err.Error()}}
	}
	return converted, nil
}

func (constants) Work(int, hcl.Range) diag.List { return nil }

func (c constants) With(string, cty.Value) body.Values { return c }

// FuzzWith decodes HCL by a random schema: whatever is decoded without an error
// survives the way to a plugin and back.
func FuzzWith(f *testing.F) {
	f.Add(uint64(1), []byte("a = 1\nb { a = \"x\" }\n"))
	f.Add(uint64(7), []byte("c = [1, 2]\nd \"k\" { a = null }\nd \"l\" {}\n"))
	f.Add(uint64(42), []byte("a = \"x\"\nb = { k = [true] }\ne {}\ne {}\n"))
	f.Fuzz(func(t *testing.T, seed uint64, source []byte) {
		if len(source) > 4096 || bytes.ContainsAny(source, "$%(-!") {
			return // depth is FuzzParse's matter; this is about values
		}
		schema := randomBlock(t, rand.New(rand.NewPCG(seed, 0)), 0)
		spec, err := body.Compile(schema)
		if err != nil {
			t.Fatalf("compile %v: %v", schema, err)
		}
		parsed, problems := hclsyntax.ParseConfig(source, "f.hcl", hcl.InitialPos)
		if problems.HasErrors() {
			return
		}
		v, diags := spec.Decode(body.Source{Body: parsed.Body.(*hclsyntax.Body), What: "it"}, constants{})
		if !v.Type().IsObjectType() {
			t.Fatalf("value is a %s", v.Type().FriendlyName())
		}
		if diags.HasErrors() {
			return
		}
		ty, err := dynamic.ImpliedType(schema)
		if err != nil {
			t.Fatal(err)
		}
		wire, err := dynamic.Encode(v, ty)
		if err != nil {
			t.Fatalf("encode %#v: %v", v, err)
		}
		back, err := dynamic.Decode(wire, ty)
		if err != nil {
			t.Fatalf("decode %#v: %v", v, err)
		}
		sent, _ := v.UnmarkDeep()
		received, _ := back.UnmarkDeep()
		if !received.RawEquals(sent) {
			t.Errorf("sent %#v\nreceived %#v", sent, received)
		}
	})
}

// randomBlock is a schema with the names a to e.
func randomBlock(tb testing.TB, rng *rand.Rand, depth int) *pluginv1.Block {
	tb.Helper()
	types := []cty.Type{
		cty.String, cty.Number, cty.Bool, cty.DynamicPseudoType, cty.List(cty.Number), cty.Map(cty.List(cty.Bool)), cty.Set(cty.String),
		cty.Object(map[string]cty.Type{"x": cty.String}), cty.ObjectWithOptionalAttrs(map[string]cty.Type{"k": cty.DynamicPseudoType}, []string{"k"}),
	}
	out := &pluginv1.Block{}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if rng.IntN(2) == 0 || depth == 2 {
			a := attribute(tb, name, types[rng.IntN(len(types))])
			a.Sensitive = rng.IntN(4) == 0
			out.Attributes = append(out.Attributes, a)
			continue
		}
		out.Blocks = append(out.Blocks, &pluginv1.NestedBlock{
			TypeName: name, Nesting: pluginv1.Nesting(1 + rng.IntN(3)), Block: randomBlock(tb, rng, depth+1),
		})
	}
	return out
}
