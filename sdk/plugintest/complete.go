package plugintest

import (
	"fmt"

	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// complete adds null for what is left out, at every level.
func complete(block *pluginv1.Block, given cty.Value) (cty.Value, error) {
	if given == cty.NilVal {
		given = cty.EmptyObjectVal
	}
	fields := make(map[string]cty.Value)
	for _, a := range block.GetAttributes() {
		ty, err := dynamic.AttributeType(a)
		if err != nil {
			return cty.NilVal, err
		}
		fields[a.GetName()] = cty.NullVal(ty)
		if given.Type().HasAttribute(a.GetName()) {
			fields[a.GetName()] = given.GetAttr(a.GetName())
		}
	}
	for _, n := range block.GetBlocks() {
		v, err := completeNested(n, given)
		if err != nil {
			return cty.NilVal, fmt.Errorf("block %s: %w", n.GetTypeName(), err)
		}
		fields[n.GetTypeName()] = v
	}
	for name := range given.Type().AttributeTypes() {
		if _, ok := fields[name]; !ok {
			return cty.NilVal, fmt.Errorf("there is no argument %q", name)
		}
	}
	return cty.ObjectVal(fields), nil
}

func completeNested(n *pluginv1.NestedBlock, given cty.Value) (cty.Value, error) {
	element, err := dynamic.ImpliedType(n.GetBlock())
	if err != nil {
		return cty.NilVal, err
	}
	present := given.Type().HasAttribute(n.GetTypeName())
	switch n.GetNesting() {
	case pluginv1.Nesting_NESTING_LIST:
		items := []cty.Value{}
		if present {
			for _, one := range given.GetAttr(n.GetTypeName()).AsValueSlice() {
				v, err := complete(n.GetBlock(), one)
				if err != nil {
					return cty.NilVal, err
				}
				items = append(items, v)
			}
		}
		switch {
		case element.HasDynamicTypes():
			return cty.TupleVal(items), nil
		case len(items) == 0:
			return cty.ListValEmpty(element), nil
		}
		return cty.ListVal(items), nil
	case pluginv1.Nesting_NESTING_MAP:
		items := map[string]cty.Value{}
		if present {
			for label, one := range given.GetAttr(n.GetTypeName()).AsValueMap() {
				v, err := complete(n.GetBlock(), one)
				if err != nil {
					return cty.NilVal, err
				}
				items[label] = v
			}
		}
		switch {
		case element.HasDynamicTypes():
			return cty.ObjectVal(items), nil
		case len(items) == 0:
			return cty.MapValEmpty(element), nil
		}
		return cty.MapVal(items), nil
	default:
		if !present {
			return cty.NullVal(element), nil
		}
		return complete(n.GetBlock(), given.GetAttr(n.GetTypeName()))
	}
}
