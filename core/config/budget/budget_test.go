package budget_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func parse(t *testing.T, src string) hclsyntax.Expression {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(src), "x", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return e
}

func context() *hcl.EvalContext {
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"big":  cty.TupleVal([]cty.Value{cty.StringVal(strings.Repeat("x", 1000)), cty.StringVal("y")}),
			"ten":  cty.ListVal([]cty.Value{cty.NumberIntVal(1), cty.NumberIntVal(2)}),
			"yes":  cty.True,
			"name": cty.StringVal("a"),
		},
		Functions: map[string]function.Function{"upper": stdlib.UpperFunc, "join": stdlib.JoinFunc},
	}
}

// TestMeteringChangesNoValue evaluates every kind of expression with and
// without metering.
func TestMeteringChangesNoValue(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`1 + 2 * 3 == 7 && !false`, `-1`, `"a"`, `"a${name}b"`, `"${name}"`, `[1, "x", [name]]`, `{ a = 1, (name) = 2, "q" = big[0] }`,
		`[for k, v in big : "${k}${v}" if v != "y"]`, `{for k, v in big : v => k...}`, `big[*]`, `[{ a = 1 }][*].a`, `ten.*`,
		`yes ? "x" : name`, `upper(name)`, `join(",", [name, upper("b")]...)`, `(name)`, `{ a = { b = 1 } }.a.b`, `[1, 2][0]`,
		`"%{ for v in ten }${v},%{ endfor }"`, `"%{ if yes }a%{ else }b%{ endif }"`, `null`,
	} {
		want, wantDiags := parse(t, src).Value(context())
		ctx := context().NewChild()
		budget.New(budget.Load).Install(ctx)
		got, gotDiags := budget.Meter(parse(t, src)).Value(ctx)
		if !got.RawEquals(want) || len(gotDiags) != len(wantDiags) {
			t.Errorf("%s = %#v %v, want %#v %v", src, got, gotDiags, want, wantDiags)
		}
	}
}

func TestEverythingThatGrowsPays(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`"${big[0]}${big[0]}"`, `[big, big]`, `{ a = big }`, `[for x in big : x]`, `upper(big[0])`, `big == big`, `yes ? big : big`,
		`"${upper(big[0])}" == ""`, `big[*]`, `"%{ for v in big }${v}%{ endfor }"`, `join("", big)`,
	} {
		ctx := context().NewChild()
		b := budget.New(900)
		b.Install(ctx)
		if v, _ := budget.Meter(parse(t, src)).Value(ctx); v.IsWhollyKnown() {
			t.Errorf("%s costs less than the text in it", src)
		}
		if !b.Exhausted() {
			t.Errorf("%s does not exhaust the budget", src)
		}
	}
}

func TestSpend(t *testing.T) {
	t.Parallel()
	deep := cty.StringVal("x")
	for range 100 {
		deep = cty.TupleVal([]cty.Value{deep})
	}
	long := make([]cty.Value, 1000)
	for i := range long {
		long[i] = cty.True
	}
	huge, err := cty.ParseNumberVal("1e99999")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		v     cty.Value
		units int64
		want  bool
	}{
		{"text within", cty.StringVal("xxxx"), 100, true},
		{"text beyond", cty.StringVal(strings.Repeat("x", 100)), 100, false},
		{"marked text", cty.StringVal(strings.Repeat("x", 100)).Mark("m"), 100, false},
		{"unknown", cty.UnknownVal(cty.List(cty.String)), 100, true},
		{"null", cty.NullVal(cty.String), 100, true},
		{"deep", deep, budget.Load, false},
		{"huge number", huge, budget.Load, false},
		{"infinity", cty.PositiveInfinity, budget.Load, false},
		{"tuple", cty.TupleVal(long), 100_000, true},
	} {
		if got := budget.New(c.units).Spend(c.v); got != c.want {
			t.Errorf("%s: spend = %v, want %v", c.name, got, c.want)
		}
	}
	if _, err := budget.New(100_000).Convert(cty.TupleVal(long), cty.List(cty.Bool)); err == nil {
		t.Error("converting a tuple costs no more than holding it")
	}
}

func TestBudgetIsShared(t *testing.T) {
	t.Parallel()
	b := budget.New(1000 * 64)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			for range 100 {
				b.Spend(cty.True)
			}
		})
	}
	wg.Wait()
	if !b.Exhausted() || b.Spend(cty.True) {
		t.Error("a thousand values of 64 units cost less than 64,000")
	}
}
