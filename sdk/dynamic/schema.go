package dynamic

import (
	"fmt"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// maxDepth bounds the nesting of blocks in a schema.
const maxDepth = 16

// AttributeType is the type of one attribute.
func AttributeType(a *pluginv1.Attribute) (cty.Type, error) {
	ty, err := ctyjson.UnmarshalType(a.GetType())
	if err != nil {
		return cty.NilType, fmt.Errorf("type of %s: %w", a.GetName(), err)
	}
	return ty, nil
}

// ImpliedType is the object type of a block's value. Nested blocks are an
// object, a list or a map by their nesting; where a nested block has an
// attribute of any type, the elements may differ, and its type is dynamic.
func ImpliedType(block *pluginv1.Block) (cty.Type, error) { return impliedType(block, 0) }

func impliedType(block *pluginv1.Block, depth int) (cty.Type, error) {
	if depth > maxDepth {
		return cty.NilType, fmt.Errorf("blocks are nested more than %d deep", maxDepth)
	}
	fields := make(map[string]cty.Type, len(block.GetAttributes())+len(block.GetBlocks()))
	for _, a := range block.GetAttributes() {
		ty, err := AttributeType(a)
		if err != nil {
			return cty.NilType, err
		}
		fields[a.GetName()] = ty
	}
	for _, nested := range block.GetBlocks() {
		element, err := impliedType(nested.GetBlock(), depth+1)
		if err != nil {
			return cty.NilType, fmt.Errorf("block %s: %w", nested.GetTypeName(), err)
		}
		ty, err := nestedType(nested, element)
		if err != nil {
			return cty.NilType, err
		}
		fields[nested.GetTypeName()] = ty
	}
	return cty.Object(fields), nil
}

func nestedType(nested *pluginv1.NestedBlock, element cty.Type) (cty.Type, error) {
	switch nested.GetNesting() {
	case pluginv1.Nesting_NESTING_SINGLE:
		return element, nil
	case pluginv1.Nesting_NESTING_LIST:
		if element.HasDynamicTypes() {
			return cty.DynamicPseudoType, nil
		}
		return cty.List(element), nil
	case pluginv1.Nesting_NESTING_MAP:
		if element.HasDynamicTypes() {
			return cty.DynamicPseudoType, nil
		}
		return cty.Map(element), nil
	default:
		return cty.NilType, fmt.Errorf("block %s: unknown nesting %d", nested.GetTypeName(), nested.GetNesting())
	}
}

// OutputType is the object type of a component's outputs.
func OutputType(outputs []*pluginv1.Attribute) (cty.Type, error) {
	fields := make(map[string]cty.Type, len(outputs))
	for _, a := range outputs {
		ty, err := AttributeType(a)
		if err != nil {
			return cty.NilType, err
		}
		fields[a.GetName()] = ty
	}
	return cty.Object(fields), nil
}
