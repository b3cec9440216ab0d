package handbook

import (
	"fmt"
	"slices"
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
	case ty.IsTupleType():
		var items []string
		for _, element := range ty.TupleElementTypes() {
			items = append(items, nameOf(element))
		}
		return fmt.Sprintf("tuple([%s])", strings.Join(items, ", "))
	case ty.IsObjectType():
		var items []string
		for name, attribute := range ty.AttributeTypes() {
			text := nameOf(attribute)
			if ty.AttributeOptional(name) {
				text = fmt.Sprintf("optional(%s)", text)
			}
			items = append(items, name+" = "+text)
		}
		slices.Sort(items)
		return fmt.Sprintf("object({ %s })", strings.Join(items, ", "))
	default:
		return ty.FriendlyName()
	}
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// interruption says what the effect means.
func (c Component) interruption() string {
	if c.Effect == "pure" {
		return "It may simply run again after an interruption."
	}
	return "It changes something outside: after an interruption the runner looks before it starts anything."
}

// header is how the block is written.
func (b Block) header() string {
	if b.Nesting != "map" {
		return b.Name
	}
	return b.Name + " \"…\""
}

// often says how often a block may appear, and what its label means.
func (b Block) often() string {
	var words []string
	switch {
	case b.Nesting == "single" && b.Min > 0:
		words = append(words, "required")
	case b.Nesting == "single" || b.Max == 1:
		words = append(words, "at most once")
	case b.Min > 0:
		words = append(words, fmt.Sprintf("at least %d", b.Min))
	default:
		words = append(words, "any number")
	}
	if label := strings.TrimSuffix(b.Label, "."); label != "" {
		words = append(words, "label: "+strings.ToLower(label[:1])+label[1:])
	}
	return strings.Join(words, "; ")
}
