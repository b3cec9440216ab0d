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
	name := n.schema.GetTypeName()
	written := blocksOf(in.Body, name)
	n.count(in, written, diags)
	switch n.schema.GetNesting() {
	case pluginv1.Nesting_NESTING_LIST:
		return n.list(in, written, values, diags)
	case pluginv1.Nesting_NESTING_MAP:
		return n.labelled(in, written, values, diags)
	default:
		if len(written) == 0 {
			return cty.NullVal(n.spec.ty)
		}
		return n.one(in, written[0], 0, values, diags)
	}
}

func (n *nested) one(in Source, b *hclsyntax.Block, labels int, values Values, diags *diag.List) cty.Value {
	if len(b.Labels) != labels {
		diags.Append(labelRange(b), fmt.Sprintf("Wrong number of labels on %q", b.Type), fmt.Sprintf(
			"Write %s { … }.", blockHeader(n)))
	}
	v, more := n.spec.Decode(Source{Body: b.Body, Header: headerOf(b), What: b.Type + " in " + in.What}, values)
	*diags = append(*diags, more...)
	return v
}

func (n *nested) list(in Source, written []*hclsyntax.Block, values Values, diags *diag.List) cty.Value {
	elements := make([]cty.Value, 0, len(written))
	for _, b := range written {
		elements = append(elements, n.one(in, b, 0, values, diags))
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

func (n *nested) labelled(in Source, written []*hclsyntax.Block, values Values, diags *diag.List) cty.Value {
	elements := make(map[string]cty.Value, len(written))
	first := make(map[string]hcl.Range, len(written))
	for _, b := range written {
		v := n.one(in, b, 1, values, diags)
		if len(b.Labels) == 0 {
			continue
		}
		label := b.Labels[0]
		if earlier, twice := first[label]; twice {
			diags.Append(labelRange(b), fmt.Sprintf("Duplicate %s %q", b.Type, label), fmt.Sprintf(
				"There is one already at %s. Rename one of them, or merge them.", at(earlier)))
			continue
		}
		first[label] = headerOf(b)
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
func (n *nested) count(in Source, written []*hclsyntax.Block, diags *diag.List) {
	name, least, most := n.schema.GetTypeName(), int(n.schema.GetMinItems()), int(n.schema.GetMaxItems())
	if n.schema.GetNesting() == pluginv1.Nesting_NESTING_SINGLE {
		most = 1
	}
	if len(written) < least {
		diags.Append(&in.Header, fmt.Sprintf("Missing required block %q", name), fmt.Sprintf(
			"%s needs at least %d and has %d: write %s { … }%s.",
			in.What, least, len(written), blockHeader(n), describe(n.schema.GetBlock().GetDescription())))
	}
	if most > 0 && len(written) > most {
		diags.Append(headerOf(written[most]).Ptr(), fmt.Sprintf("Too many %q blocks", name), fmt.Sprintf(
			"%s may have at most %d and has %d. The first is at %s.", in.What, most, len(written), at(headerOf(written[0]))))
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
