package sdk

import (
	"errors"
	"fmt"
	"regexp"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// identifier is what HCL and the protocol accept as a name.
func identifier(name string) error {
	if !regexp.MustCompile(`^[a-z][a-z0-9_]*$`).MatchString(name) {
		return fmt.Errorf("the name %q is not an identifier (a-z, 0-9, _)", name)
	}
	return nil
}

func (s Schema) wire(kind pluginv1.Kind) (*pluginv1.Component, error) {
	if err := identifier(s.Name); err != nil {
		return nil, err
	}
	if s.Description == "" {
		return nil, errors.New("it has no description")
	}
	config, err := s.Config.wire()
	if err != nil {
		return nil, err
	}
	out := &pluginv1.Component{
		Name: s.Name, Kind: kind, Description: s.Description, Config: config,
		Effect: pluginv1.Effect_EFFECT_ONCE, Example: s.Example,
	}
	if s.Effect == EffectPure && kind != pluginv1.Kind_KIND_DEPLOYER {
		out.Effect = pluginv1.Effect_EFFECT_PURE
	}
	for _, a := range s.Outputs {
		if a.Type != cty.NilType && a.Type.HasDynamicTypes() {
			return nil, fmt.Errorf("output %s: the type of an output must be known before it runs", a.Name)
		}
		attr, err := a.wire()
		if err != nil {
			return nil, fmt.Errorf("output %s: %w", a.Name, err)
		}
		attr.Required, attr.Optional, attr.Computed = false, false, true
		out.Outputs = append(out.Outputs, attr)
	}
	return out, nil
}

func (b Block) wire() (*pluginv1.Block, error) {
	out := &pluginv1.Block{Description: b.Description}
	seen := make(map[string]bool)
	claim := func(name string) error {
		if seen[name] {
			return errors.New("the name is taken")
		}
		seen[name] = true
		return nil
	}
	for _, a := range b.Attributes {
		attr, err := a.wire()
		if err == nil {
			err = claim(a.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("argument %s: %w", a.Name, err)
		}
		out.Attributes = append(out.Attributes, attr)
	}
	for _, n := range b.Blocks {
		nested, err := n.wire()
		if err == nil {
			err = claim(n.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("block %s: %w", n.Name, err)
		}
		out.Blocks = append(out.Blocks, nested)
	}
	return out, nil
}

func (a Attribute) wire() (*pluginv1.Attribute, error) {
	if err := identifier(a.Name); err != nil {
		return nil, err
	}
	if a.Type == cty.NilType {
		return nil, errors.New("it has no type")
	}
	ty, err := ctyjson.MarshalType(a.Type)
	if err != nil {
		return nil, err
	}
	return &pluginv1.Attribute{
		Name: a.Name, Type: ty, Description: a.Description,
		Required: a.Required, Optional: !a.Required,
		Sensitive: a.Sensitive, Deprecated: a.Deprecated,
	}, nil
}

func (n NestedBlock) wire() (*pluginv1.NestedBlock, error) {
	if err := identifier(n.Name); err != nil {
		return nil, err
	}
	block, err := n.Block.wire()
	if err != nil {
		return nil, err
	}
	nesting, ok := map[Nesting]pluginv1.Nesting{
		NestingSingle: pluginv1.Nesting_NESTING_SINGLE,
		NestingList:   pluginv1.Nesting_NESTING_LIST,
		NestingMap:    pluginv1.Nesting_NESTING_MAP,
	}[n.Nesting]
	if !ok {
		return nil, errors.New("it has no nesting")
	}
	return &pluginv1.NestedBlock{
		TypeName: n.Name, Block: block, Nesting: nesting, Label: n.Label,
		MinItems: int64(n.MinItems), MaxItems: int64(n.MaxItems),
	}, nil
}
