package body

import (
	"fmt"
	"maps"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

// Dynamic is the type of blocks that make other blocks.
const Dynamic = "dynamic"

// maxGenerated bounds the blocks that one dynamic block makes. Each costs as
// much as perGenerated arguments, beside those that it has.
const (
	maxGenerated = 1000
	perGenerated = 8
)

// written is a block as it is to be read: one in the file, or one that a
// dynamic block makes.
type written struct {
	*hclsyntax.Block // of a dynamic block, its content
	kind             string
	labels           []string
	ranges           []hcl.Range // of the labels
	values           Values
	header           hcl.Range
}

// expanded are all blocks of a type. They are not known when a dynamic block's
// for_each is not; then they have its marks.
func (n *nested) expanded(in Source, values Values, diags *diag.List) (all []written, marks cty.ValueMarks, known bool) {
	if in.Body == nil {
		return nil, nil, true
	}
	name := n.schema.GetTypeName()
	marks, known = make(cty.ValueMarks), true
	for _, b := range in.Body.Blocks {
		switch {
		case b.Type == name:
			all = append(all, written{b, name, b.Labels, b.LabelRanges, values, headerOf(b)})
		case b.Type == Dynamic && len(b.Labels) == 1 && b.Labels[0] == name:
			made, ok := n.generate(b, values, marks, diags)
			all, known = append(all, made...), known && ok
		}
	}
	return all, marks, known
}

// generate makes the blocks of one dynamic block. When they are not known, the
// marks of what is unknown are added to marks.
func (n *nested) generate(b *hclsyntax.Block, values Values, marks cty.ValueMarks, diags *diag.List) ([]written, bool) {
	forEach, content := b.Body.Attributes["for_each"], contentOf(b)
	if forEach == nil || content == nil {
		return nil, false // it has been said
	}
	v, problems := values.Value(forEach.Expr, cty.DynamicPseudoType)
	if *diags = append(*diags, problems...); problems.HasErrors() {
		return nil, false
	}
	place := forEach.Expr.Range()
	v, own := v.Unmark()
	switch _, sensitive := own[dynamic.Sensitive]; {
	case sensitive:
		diags.Append(&place, "\"for_each\" cannot be sensitive", "How many blocks there are would show it. Use a value that is not sensitive.")
		return nil, false
	case !v.IsKnown():
		maps.Copy(marks, own)
		return nil, false
	case v.IsNull() || !v.CanIterateElements():
		diags.Append(&place, "Wrong type for \"for_each\"", "A dynamic block needs a list, set, map or object; an empty one makes no block.")
		return nil, false
	case v.LengthInt() > maxGenerated:
		diags.Append(&place, "Too many blocks", fmt.Sprintf("for_each has %d elements; at most %d blocks can be made.", v.LengthInt(), maxGenerated))
		return nil, false
	}
	iterator := iteratorOf(b)
	var all []written
	for it := v.ElementIterator(); it.Next(); {
		key, value := it.Element()
		if v.Type().IsSetType() {
			key = value
		}
		if problems := values.Work(perGenerated, place); problems.HasErrors() {
			*diags = append(*diags, problems...)
			return nil, false
		}
		one := written{Block: content, kind: n.schema.GetTypeName(), header: headerOf(b), values: values.With(iterator, cty.ObjectVal(map[string]cty.Value{
			"key": key, "value": value,
		}))}
		if !one.label(b.Body.Attributes["labels"], marks, diags) {
			return nil, false
		}
		all = append(all, one)
	}
	return all, true
}

// label values the labels of a block that is made.
func (w *written) label(a *hclsyntax.Attribute, marks cty.ValueMarks, diags *diag.List) bool {
	if a == nil {
		return true
	}
	v, problems := w.values.Value(a.Expr, cty.List(cty.String))
	*diags = append(*diags, problems...)
	v, own := v.UnmarkDeep()
	if problems.HasErrors() || !v.IsWhollyKnown() {
		maps.Copy(marks, own)
		return false
	}
	place := a.Expr.Range()
	if _, sensitive := own[dynamic.Sensitive]; sensitive || v.IsNull() {
		diags.Append(&place, "Wrong labels", "Labels are a list of texts that are neither null nor sensitive.")
		return false
	}
	for _, label := range v.AsValueSlice() {
		if label.IsNull() {
			diags.Append(&place, "Wrong labels", "A label is null.")
			return false
		}
		w.labels, w.ranges = append(w.labels, label.AsString()), append(w.ranges, place)
	}
	return true
}

func contentOf(b *hclsyntax.Block) *hclsyntax.Block {
	for _, inner := range b.Body.Blocks {
		if inner.Type == "content" {
			return inner
		}
	}
	return nil
}

// iteratorOf is the name under which a dynamic block's content knows its
// element.
func iteratorOf(b *hclsyntax.Block) string {
	if a := b.Body.Attributes["iterator"]; a != nil {
		return hcl.ExprAsKeyword(budget.Unwrap(a.Expr))
	}
	return b.Labels[0]
}

// checkDynamic checks how a dynamic block is written.
func (s *Spec) checkDynamic(in Source, b *hclsyntax.Block, diags *diag.List) {
	if len(b.Labels) != 1 {
		diags.Append(labelRange(b), "Wrong number of labels on \"dynamic\"", "Write dynamic \"TYPE\" { … } with the type of the blocks to make.")
		return
	}
	if s.byType[b.Labels[0]] == nil {
		diags.Append(&b.LabelRanges[0], fmt.Sprintf("Unsupported block %q", b.Labels[0]), fmt.Sprintf(
			"%s has no such block. %s", in.What, s.hint(b.Labels[0], s.blockNames(), "blocks")))
	}
	arguments := []string{"for_each", "iterator", "labels"}
	for name, a := range b.Body.Attributes {
		switch {
		case name == "iterator" && hcl.ExprAsKeyword(budget.Unwrap(a.Expr)) == "":
			diags.Append(a.Expr.Range().Ptr(), "Wrong iterator", "It is a bare name, for example iterator = port.")
		case name != "for_each" && name != "iterator" && name != "labels":
			diags.Append(&a.NameRange, fmt.Sprintf("Unsupported argument %q", name), fmt.Sprintf(
				"A dynamic block has no such argument; those of the block go into content { … }. %s", spelling.Hint(name, arguments, "arguments")))
		}
	}
	if b.Body.Attributes["for_each"] == nil {
		diags.Append(headerOf(b).Ptr(), "Missing required argument \"for_each\"", "A dynamic block makes a block for each element of it.")
	}
	contents := 0
	for _, inner := range b.Body.Blocks {
		if inner.Type != "content" {
			diags.Append(&inner.TypeRange, fmt.Sprintf("Unsupported block %q", inner.Type), "A dynamic block has one block content { … }, and the others go into it.")
			continue
		}
		contents++
	}
	if contents != 1 {
		diags.Append(headerOf(b).Ptr(), "A dynamic block needs one content", "Write content { … } with the arguments of the blocks to make.")
	}
}
