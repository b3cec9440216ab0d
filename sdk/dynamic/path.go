package dynamic

import (
	"fmt"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// PathToWire converts a path. A step into a set has no name: the path ends
// before it, and so covers the whole set.
func PathToWire(path cty.Path) (*pluginv1.AttributePath, error) {
	out := &pluginv1.AttributePath{}
	for _, step := range path {
		switch s := step.(type) {
		case cty.GetAttrStep:
			out.Steps = append(out.Steps, AttributeStep(s.Name))
		case cty.IndexStep:
			switch {
			case s.Key.Type() == cty.String && s.Key.IsKnown():
				out.Steps = append(out.Steps, KeyStep(s.Key.AsString()))
			case s.Key.Type() == cty.Number && s.Key.IsKnown():
				n, _ := s.Key.AsBigFloat().Int64()
				out.Steps = append(out.Steps, IndexStep(n))
			default:
				return out, nil
			}
		default:
			return nil, fmt.Errorf("encode path: unexpected step %T", step)
		}
	}
	return out, nil
}

// PathFromWire converts a path back.
func PathFromWire(in *pluginv1.AttributePath) (cty.Path, error) {
	var out cty.Path
	for _, step := range in.GetSteps() {
		switch s := step.GetSelector().(type) {
		case *pluginv1.AttributePath_Step_Attribute:
			out = out.GetAttr(s.Attribute)
		case *pluginv1.AttributePath_Step_Key:
			out = out.IndexString(s.Key)
		case *pluginv1.AttributePath_Step_Index:
			out = out.Index(cty.NumberIntVal(s.Index))
		default:
			return nil, fmt.Errorf("decode path: step without a selector")
		}
	}
	return out, nil
}

// AttributeStep is a step to an attribute or block type.
func AttributeStep(name string) *pluginv1.AttributePath_Step {
	return &pluginv1.AttributePath_Step{Selector: &pluginv1.AttributePath_Step_Attribute{Attribute: name}}
}

// KeyStep is a step to a map element or labelled block.
func KeyStep(key string) *pluginv1.AttributePath_Step {
	return &pluginv1.AttributePath_Step{Selector: &pluginv1.AttributePath_Step_Key{Key: key}}
}

// IndexStep is a step to a list element or block.
func IndexStep(i int64) *pluginv1.AttributePath_Step {
	return &pluginv1.AttributePath_Step{Selector: &pluginv1.AttributePath_Step_Index{Index: i}}
}
