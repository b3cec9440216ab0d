package body

import (
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// Place is the range that a plugin's path means: the expression of an
// argument, an element inside it as far as it is written there, or the header
// of a block. What is not written is placed at the block it belongs to.
func (s *Spec) Place(in Source, path *pluginv1.AttributePath) hcl.Range {
	steps := path.GetSteps()
	if len(steps) == 0 || in.Body == nil {
		return in.Header
	}
	name := steps[0].GetAttribute()
	if written := in.Body.Attributes[name]; written != nil && s.byName[name] != nil {
		return Locate(written.Expr, elements(steps[1:]))
	}
	n := s.byType[name]
	if n == nil {
		return in.Header
	}
	for _, b := range in.Body.Blocks {
		if b.Type == Dynamic && len(b.Labels) == 1 && b.Labels[0] == name {
			return headerOf(b) // which block it made is not written anywhere
		}
	}
	block, rest := n.pick(blocksOf(in.Body, name), steps[1:])
	if block == nil {
		return in.Header
	}
	return n.spec.Place(Source{Body: block.Body, Header: headerOf(block)}, &pluginv1.AttributePath{Steps: rest})
}

// pick is the block that the first step selects, and the steps after it.
func (n *nested) pick(written []*hclsyntax.Block, steps []*pluginv1.AttributePath_Step) (*hclsyntax.Block, []*pluginv1.AttributePath_Step) {
	if len(written) == 0 {
		return nil, nil
	}
	if n.schema.GetNesting() == pluginv1.Nesting_NESTING_SINGLE || len(steps) == 0 {
		return written[0], steps
	}
	switch step := steps[0].GetSelector().(type) {
	case *pluginv1.AttributePath_Step_Index:
		if step.Index >= 0 && step.Index < int64(len(written)) {
			return written[step.Index], steps[1:]
		}
	case *pluginv1.AttributePath_Step_Key:
		for _, b := range written {
			if len(b.Labels) > 0 && b.Labels[0] == step.Key {
				return b, steps[1:]
			}
		}
	}
	return nil, nil
}

// elements is the part of a path inside an argument.
func elements(steps []*pluginv1.AttributePath_Step) cty.Path {
	var path cty.Path
	for _, step := range steps {
		switch s := step.GetSelector().(type) {
		case *pluginv1.AttributePath_Step_Attribute:
			path = path.GetAttr(s.Attribute)
		case *pluginv1.AttributePath_Step_Key:
			path = path.IndexString(s.Key)
		case *pluginv1.AttributePath_Step_Index:
			path = path.IndexInt(int(s.Index))
		}
	}
	return path
}

// Locate is the range of the part of an expression that makes the part of its
// value at path, as far as that is written there.
func Locate(expr hcl.Expression, path cty.Path) hcl.Range {
	expr = budget.Unwrap(expr)
	if len(path) == 0 {
		return expr.Range()
	}
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		return Locate(e.Expression, path)
	case *hclsyntax.TupleConsExpr:
		if i, ok := index(path[0]); ok && i < len(e.Exprs) {
			return Locate(e.Exprs[i], path[1:])
		}
	case *hclsyntax.ObjectConsExpr:
		if r, ok := locateItem(e, path); ok {
			return r
		}
	}
	return expr.Range()
}

func locateItem(e *hclsyntax.ObjectConsExpr, path cty.Path) (hcl.Range, bool) {
	want, ok := key(path[0])
	if !ok {
		return hcl.Range{}, false
	}
	for _, item := range e.Items {
		name, diags := item.KeyExpr.Value(nil)
		if diags.HasErrors() || !name.IsKnown() || name.IsNull() || name.Type() != cty.String || name.AsString() != want {
			continue
		}
		if len(path) == 1 {
			return hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range()), true
		}
		return Locate(item.ValueExpr, path[1:]), true
	}
	return hcl.Range{}, false
}

func index(step cty.PathStep) (int, bool) {
	s, ok := step.(cty.IndexStep)
	if !ok || s.Key.Type() != cty.Number || !s.Key.IsKnown() {
		return 0, false
	}
	n, accuracy := s.Key.AsBigFloat().Int64()
	return int(n), accuracy == big.Exact && n >= 0
}

func key(step cty.PathStep) (string, bool) {
	switch s := step.(type) {
	case cty.GetAttrStep:
		return s.Name, true
	case cty.IndexStep:
		if s.Key.Type() == cty.String && s.Key.IsKnown() {
			return s.Key.AsString(), true
		}
	}
	return "", false
}
