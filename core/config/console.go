package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
)

// Evaluate is the value of an expression that somebody asks for, in the scope of
// the pipeline itself. Name is what diagnostics call it, and differs for each
// one. Outputs are the objects of finished stages by name; what other stages
// make is unknown, and so is every secret. It is bounded as a pipeline's own
// expressions are, and is not for concurrent use.
func (l *Loaded) Evaluate(name, text string, outputs map[string]cty.Value) (cty.Value, diag.List) {
	src := []byte(text)
	if d := guard.Check(name, src, hcl.InitialPos); d != nil {
		return cty.DynamicVal, diag.List{*d}
	}
	expr, problems := hclsyntax.ParseExpression(src, name, hcl.InitialPos)
	if problems.HasErrors() {
		return cty.DynamicVal, diag.FromHCL(problems)
	}
	e := l.Evaluator
	root := e.source.root
	asked := &stage{module: root, refs: &references{}}
	asked.refs.collect(expr)
	var diags diag.List
	if root.resolve(asked.refs, anywhere(), &diags); diags.HasErrors() {
		return cty.DynamicVal, diags.Sorted()
	}
	expr = budget.Meter(expr)
	asked.refs.meter()
	spend := budget.New(budget.Stage)
	p := &prepared{block: &block{stage: asked, late: root.lateBindings(asked.refs)}}
	p.reads = e.selects(root, asked.refs.names, each{}, spend, &diags)
	s, more := e.scope(p, outputs, spend, unknownSecret())
	if diags = append(diags, more...); diags.HasErrors() {
		return cty.DynamicVal, diags.Sorted()
	}
	v, more := s.Value(expr, cty.DynamicPseudoType)
	return v, append(diags, more...).Sorted()
}
