package config_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// FuzzParse loads whatever comes: it never panics, never takes long, and every
// place that it reports is inside the file.
func FuzzParse(f *testing.F) {
	digits, err := os.ReadFile(filepath.Join("testdata", "digits", "pipeline.hcl"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(digits)
	f.Add([]byte("pipeline \"p\" {}\n" + placesPipeline + secretsPipeline))
	f.Add([]byte(local(loops(2, `format("%5s", x)`))))
	f.Add([]byte("locals { a = local.a[*].b[local.a] }\nstage \"x\" { needs = [stage.x] }"))
	f.Add([]byte("locals {\n  a = <<-E\n  %{ for x in [1] ~}\n  ${x}\n  %{ endfor ~}\n  E\n}\n"))
	described := plugins(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.hcl"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		source, diags := config.Parse(config.Options{Path: dir})
		loaded, more := source.Load(config.Inputs{Plugins: described})
		if elapsed := time.Since(start); elapsed > 10*time.Second {
			t.Errorf("took %v", elapsed)
		}
		all := append(diags, more...)
		for _, d := range all {
			if d.Subject != nil && !d.Subject.CanSliceBytes(data) {
				t.Errorf("%s is at %v, outside the file", d.Summary, d.Subject)
			}
		}
		if err := diag.Render(&bytes.Buffer{}, all, source.Contents(), diag.Options{}); err != nil {
			t.Error(err)
		}
		if loaded == nil || all.HasErrors() {
			return
		}
		for _, s := range loaded.Pipeline.Stages {
			loaded.Evaluator.With(s, nil)
			loaded.Evaluator.When(s, nil)
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
