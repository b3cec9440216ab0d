package handbook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stagegate/stagegate/core/config/format"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// maxSkeleton bounds what is written for schemas that ask for very much.
const maxSkeleton = 16 << 10

// skeleton is a pipeline with one stage that has what its schema requires, and
// nothing else. It is valid by the schema; what the plugin asks for beyond
// that, only it can say.
func skeleton(name string, c *pluginv1.Component) string {
	var out strings.Builder
	fmt.Fprintf(&out, "pipeline \"example\" {}\n\nstage %s {\nuses = %s\n", strconv.Quote(c.GetName()), strconv.Quote(name))
	if c.GetKind() == pluginv1.Kind_KIND_DEPLOYER {
		out.WriteString("environment = \"staging\"\n")
	}
	if inner := within(c.GetConfig(), 0); inner != "" {
		fmt.Fprintf(&out, "with {%s}\n", inner)
	}
	out.WriteString("}\n")
	text, diags := format.Source(name, []byte(out.String()))
	if diags.HasErrors() { // a name that HCL cannot have
		return out.String()
	}
	return string(text)
}

// within are the arguments and blocks that a block has to have, on lines of
// their own between its braces.
func within(b *pluginv1.Block, depth int) string {
	var out strings.Builder
	for _, a := range b.GetAttributes() {
		if ty, err := ctyjson.UnmarshalType(a.GetType()); err == nil && a.GetRequired() {
			fmt.Fprintf(&out, "\n%s = %s", a.GetName(), placeholder(ty))
		}
	}
	for _, n := range b.GetBlocks() {
		if n.GetMinItems() == 0 || depth == maxNested {
			continue
		}
		inner := within(n.GetBlock(), depth+1)
		for i := range n.GetMinItems() {
			if out.Len()+len(inner) > maxSkeleton {
				break
			}
			label := ""
			if n.GetNesting() == pluginv1.Nesting_NESTING_MAP {
				label = fmt.Sprintf(" \"name%d\"", i+1)
			}
			fmt.Fprintf(&out, "\n%s%s {%s}", n.GetTypeName(), label, inner)
		}
	}
	if out.Len() > 0 {
		out.WriteString("\n")
	}
	return out.String()
}

// placeholder is a value of a type, to be replaced.
func placeholder(ty cty.Type) string {
	switch {
	case ty == cty.Number:
		return "1"
	case ty == cty.Bool:
		return "true"
	case ty.IsListType() || ty.IsSetType():
		return "[" + placeholder(ty.ElementType()) + "]"
	case ty.IsMapType():
		return "{ name = " + placeholder(ty.ElementType()) + " }"
	case ty.IsTupleType():
		var items []string
		for _, element := range ty.TupleElementTypes() {
			items = append(items, placeholder(element))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case ty.IsObjectType():
		var items []string
		for name, attribute := range ty.AttributeTypes() {
			if !ty.AttributeOptional(name) {
				items = append(items, name+" = "+placeholder(attribute)+"\n")
			}
		}
		if len(items) == 0 {
			return "{}"
		}
		slices.Sort(items)
		return "{\n" + strings.Join(items, "") + "}"
	default:
		return `"…"`
	}
}
