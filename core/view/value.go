package view

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
)

// What stands in place of a value that cannot be shown.
const (
	valueSensitive = "(sensitive)"
	valueUnknown   = "(known after the run)"
)

// Value is a value as the language writes it, large ones over several lines.
func Value(v cty.Value) string {
	var b strings.Builder
	writeValue(&b, v, "")
	return b.String()
}

func writeValue(b *strings.Builder, v cty.Value, indent string) {
	switch {
	case v.IsMarked():
		b.WriteString(valueSensitive)
	case !v.IsKnown():
		b.WriteString(valueUnknown)
	case v.IsNull():
		b.WriteString("null")
	case v.Type().IsObjectType() || v.Type().IsMapType():
		writeFields(b, v.AsValueMap(), indent)
	case v.CanIterateElements():
		writeElements(b, v, indent)
	default:
		b.Write(hclwrite.TokensForValue(v).Bytes())
	}
}

func writeFields(b *strings.Builder, fields map[string]cty.Value, indent string) {
	if len(fields) == 0 {
		b.WriteString("{}")
		return
	}
	names := slices.Sorted(maps.Keys(fields))
	longest := 0
	for _, name := range names {
		longest = max(longest, len(fieldName(name)))
	}
	b.WriteString("{\n")
	for _, name := range names {
		shown := fieldName(name)
		b.WriteString(indent + "  " + shown + strings.Repeat(" ", longest-len(shown)) + " = ")
		writeValue(b, fields[name], indent+"  ")
		b.WriteByte('\n')
	}
	b.WriteString(indent + "}")
}

func fieldName(name string) string {
	if hclsyntax.ValidIdentifier(name) {
		return name
	}
	return string(hclwrite.TokensForValue(cty.StringVal(name)).Bytes())
}

func writeElements(b *strings.Builder, v cty.Value, indent string) {
	before, after := "[", "]"
	if v.Type().IsSetType() {
		before, after = "toset([", "])"
	}
	if v.LengthInt() == 0 {
		b.WriteString(before + after)
		return
	}
	b.WriteString(before + "\n")
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		b.WriteString(indent + "  ")
		writeValue(b, element, indent+"  ")
		b.WriteString(",\n")
	}
	b.WriteString(indent + after)
}
