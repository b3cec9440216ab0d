package body

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// decode is the value of all blocks of one type.
func (n *nested) decode(in Source, values Values, diags *diag.List) cty.Value {
	written, marks, known := n.expanded(in, values, diags)
	if !known {
		for _, b := range written {
			n.one(in, b, len(b.labels), diags) // what is wrong in it is wrong in any case
		}
		return cty.UnknownVal(n.valueType()).WithMarks(marks)
	}
	n.count(in, written, diags)
	switch n.schema.GetNesting() {
	case pluginv1.Nesting_NESTING_LIST:
		return n.list(in, written, diags)
	case pluginv1.Nesting_NESTING_MAP:
		return n.labelled(in, written, diags)
	default:
		if len(written) == 0 {
			return cty.NullVal(n.spec.ty)
		}
		return n.one(in, written[0], 0, diags)
	}
}

// valueType is the type of the value of all blocks together.
func (n *nested) valueType() cty.Type {
	switch dynamic := n.spec.ty.HasDynamicTypes(); {
	case n.schema.GetNesting() == pluginv1.Nesting_NESTING_SINGLE || n.schema.GetNesting() == pluginv1.Nesting_NESTING_UNSPECIFIED:
		return n.spec.ty
	case dynamic:
		return cty.DynamicPseudoType
	case n.schema.GetNesting() == pluginv1.Nesting_NESTING_LIST:
		return cty.List(n.spec.ty)
	default:
		return cty.Map(n.spec.ty)
	}
}

func (n *nested) one(in Source, b written, labels int, diags *diag.List) cty.Value {
	if len(b.labels) != labels {
		place := b.header
		if len(b.ranges) > 0 {
			place = b.ranges[0]
		}
		diags.Append(&place, fmt.Sprintf("Wrong number of labels on %q", b.kind), fmt.Sprintf(
			"Write %s { … }.", blockHeader(n)))
	}
	v, more := n.spec.Decode(Source{Body: b.Body, Header: b.header, What: b.kind + " in " + in.What}, b.values)
	*diags = append(*diags, more...)
	return v
}

func (n *nested) list(in Source, all []written, diags *diag.List) cty.Value {
	elements := make([]cty.Value, 0, len(all))
	for _, b := range all {
		elements = append(elements, n.one(in, b, 0, diags))
	}
	switch {
	case n.spec.ty.HasDynamicTypes():
		return cty.TupleVal(elements)
	case len(elements) == 0:
		return cty.ListValEmpty(n.spec.ty)
	default:
		return cty.ListVal(elements)
	}
}

func (n *nested) labelled(in Source, all []written, diags *diag.List) cty.Value {
	elements := make(map[string]cty.Value, len(all))
	first := make(map[string]hcl.Range, len(all))
	for _, b := range all {
		v := n.one(in, b, 1, diags)
		if len(b.labels) == 0 {
			continue
		}
		label := b.labels[0]
		if earlier, twice := first[label]; twice {
			diags.Append(&b.ranges[0], fmt.Sprintf("Duplicate %s %q", b.kind, label), fmt.Sprintf(
				"There is one already at %s. Rename one of them, or merge them.", at(earlier)))
			continue
		}
		first[label] = b.header
		elements[label] = v
	}
	switch {
	case n.spec.ty.HasDynamicTypes():
		return cty.ObjectVal(elements)
	case len(elements) == 0:
		return cty.MapValEmpty(n.spec.ty)
	default:
		return cty.MapVal(elements)
	}
}

// count checks how often a block may appear.
func (n *nested) count(in Source, all []written, diags *diag.List) {
	name, least, most := n.schema.GetTypeName(), int(n.schema.GetMinItems()), int(n.schema.GetMaxItems())
	if n.schema.GetNesting() == pluginv1.Nesting_NESTING_SINGLE {
		most = 1
	}
	if len(all) < least {
		diags.Append(&in.Header, fmt.Sprintf("Missing required block %q", name), fmt.Sprintf(
			"%s needs at least %d and has %d: write %s { … }%s.",
			in.What, least, len(all), blockHeader(n), describe(n.schema.GetBlock().GetDescription())))
	}
	if most > 0 && len(all) > most {
		diags.Append(&all[most].header, fmt.Sprintf("Too many %q blocks", name), fmt.Sprintf(
			"%s may have at most %d and has %d. The first is at %s.", in.What, most, len(all), at(all[0].header)))
	}
}

func blocksOf(in *hclsyntax.Body, name string) []*hclsyntax.Block {
	if in == nil {
		return nil
	}
	var out []*hclsyntax.Block
	for _, b := range in.Blocks {
		if b.Type == name {
			out = append(out, b)
		}
	}
	return out
}

// blockHeader is how to write a block of this type.
func blockHeader(n *nested) string {
	if n.schema.GetNesting() != pluginv1.Nesting_NESTING_MAP {
		return n.schema.GetTypeName()
	}
	label := n.schema.GetLabel()
	if label == "" {
		label = "name"
	}
	return fmt.Sprintf("%s %q", n.schema.GetTypeName(), label)
}

func labelRange(b *hclsyntax.Block) *hcl.Range {
	if len(b.LabelRanges) > 0 {
		return &b.LabelRanges[0]
	}
	return &b.TypeRange
}

func at(r hcl.Range) string { return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line) }
