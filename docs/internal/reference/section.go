package reference

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// typeName is a type in the words of the language; artifacts have a name of
// their own.
func typeName(wire []byte) (string, error) {
	ty, err := ctyjson.UnmarshalType(wire)
	if err != nil {
		return "", err
	}
	return nameOf(ty), nil
}

func nameOf(ty cty.Type) string {
	switch {
	case ty == cty.DynamicPseudoType:
		return "any"
	case ty.Equals(sdk.ArtifactType()):
		return "artifact"
	case ty.IsListType():
		return fmt.Sprintf("list(%s)", nameOf(ty.ElementType()))
	case ty.IsSetType():
		return fmt.Sprintf("set(%s)", nameOf(ty.ElementType()))
	case ty.IsMapType():
		return fmt.Sprintf("map(%s)", nameOf(ty.ElementType()))
	default:
		return ty.FriendlyName()
	}
}

// cell is text that fits a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}

// firstSentence is the summary of a description.
func firstSentence(text string) string {
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i+1]
	}
	return text
}

// Section replaces what a document has between two markers.
func Section(document, name, content string) (string, error) {
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->"
	i, j := strings.Index(document, begin), strings.Index(document, end)
	if i < 0 || j < i {
		return "", fmt.Errorf("replace section: the document has no section %q", name)
	}
	return document[:i+len(begin)] + content + document[j:], nil
}
