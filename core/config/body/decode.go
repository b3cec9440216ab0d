package body

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

// Decode is the block's value and all that is wrong with it. What is wrong is
// unknown in the value, so that its neighbours can still be judged.
func (s *Spec) Decode(in Source, values Values) (cty.Value, diag.List) {
	diags := values.Work(len(s.attributes)+len(s.blocks), in.Header)
	if diags.HasErrors() {
		return cty.UnknownVal(s.ty), diags
	}
	fields := make(map[string]cty.Value, len(s.attributes)+len(s.blocks))
	for i := range s.attributes {
		a := &s.attributes[i]
		fields[a.schema.GetName()] = a.decode(in, values, &diags)
	}
	for i := range s.blocks {
		b := &s.blocks[i]
		fields[b.schema.GetTypeName()] = b.decode(in, values, &diags)
	}
	s.unexpected(in, &diags)
	return cty.ObjectVal(fields), diags
}

func (a *attribute) decode(in Source, values Values, diags *diag.List) cty.Value {
	name := a.schema.GetName()
	var written *hclsyntax.Attribute
	if in.Body != nil {
		written = in.Body.Attributes[name]
	}
	if written == nil || a.schema.GetComputed() {
		if a.schema.GetRequired() && !writtenAsBlock(in.Body, name) {
			diags.Append(&in.Header, fmt.Sprintf("Missing required argument %q", name), fmt.Sprintf(
				"%s needs %s%s.", in.What, name, describe(a.schema.GetDescription())))
		}
		return cty.NullVal(a.ty)
	}
	if text := a.schema.GetDeprecated(); text != "" {
		diags.Warn(&written.NameRange, fmt.Sprintf("Argument %q is deprecated", name), text)
	}
	v, more := values.Value(written.Expr, a.want)
	*diags = append(*diags, more...)
	if more.HasErrors() {
		return cty.UnknownVal(a.ty)
	}
	if bare, _ := v.Unmark(); a.schema.GetRequired() && bare.IsKnown() && bare.IsNull() {
		diags.Append(written.Expr.Range().Ptr(), fmt.Sprintf("Argument %q is null", name), fmt.Sprintf(
			"%s needs a value here%s.", in.What, describe(a.schema.GetDescription())))
		return cty.UnknownVal(a.ty)
	}
	if a.schema.GetSensitive() {
		v = v.Mark(dynamic.Sensitive)
	}
	return v
}

// unexpected reports what the schema does not know.
func (s *Spec) unexpected(in Source, diags *diag.List) {
	if in.Body == nil {
		return
	}
	for name, written := range in.Body.Attributes {
		a := s.byName[name]
		switch {
		case s.byType[name] != nil:
			diags.Append(&written.NameRange, fmt.Sprintf("%q is a block", name), fmt.Sprintf(
				"Write it without an equals sign: %s { … }.", blockHeader(s.byType[name])))
		case a == nil:
			diags.Append(&written.NameRange, fmt.Sprintf("Unsupported argument %q", name), fmt.Sprintf(
				"%s has no such argument. %s", in.What, s.hint(name, s.attributeNames(), "arguments")))
		case a.schema.GetComputed():
			diags.Append(&written.NameRange, fmt.Sprintf("Argument %q cannot be set", name),
				in.What+" sets it itself; it can be read from other stages.")
		}
	}
	for _, written := range in.Body.Blocks {
		if s.byType[written.Type] != nil {
			continue
		}
		if written.Type == Dynamic {
			s.checkDynamic(in, written, diags)
			continue
		}
		if s.byName[written.Type] != nil {
			diags.Append(&written.TypeRange, fmt.Sprintf("%q is an argument", written.Type), fmt.Sprintf(
				"Write it with an equals sign: %s = ….", written.Type))
			continue
		}
		diags.Append(&written.TypeRange, fmt.Sprintf("Unsupported block %q", written.Type), fmt.Sprintf(
			"%s has no such block. %s", in.What, s.hint(written.Type, s.blockNames(), "blocks")))
	}
}

// hint looks first among names of the same sort, then among all.
func (s *Spec) hint(name string, sameSort []string, plural string) string {
	if near := spelling.Nearest(name, sameSort); near != "" {
		return spelling.Hint(name, sameSort, plural)
	}
	if near := spelling.Nearest(name, append(s.attributeNames(), s.blockNames()...)); near != "" {
		return spelling.Hint(name, []string{near}, plural)
	}
	return spelling.Hint(name, sameSort, plural)
}

func writtenAsBlock(in *hclsyntax.Body, name string) bool {
	if in == nil {
		return false
	}
	for _, b := range in.Blocks {
		if b.Type == name {
			return true
		}
	}
	return false
}

// describe is the first sentence of a schema's description, for the end of a
// message.
func describe(text string) string {
	for i, r := range text {
		if r == '\n' || r == '.' && (i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\n') {
			text = text[:i]
			break
		}
	}
	if text == "" {
		return ""
	}
	return ": " + text
}

// headerOf is what to point at for a whole block.
func headerOf(b *hclsyntax.Block) hcl.Range { return b.DefRange() }
