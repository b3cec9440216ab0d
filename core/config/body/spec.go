// Package body reads a stage's `with` block by its component's schema, which
// is data from a plugin, and finds the place in the file that an attribute
// path of that plugin means.
package body

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// Spec is a schema made ready. It is immutable, and shared by all stages that
// use the component.
type Spec struct {
	ty         cty.Type
	attributes []attribute
	blocks     []nested
	byName     map[string]*attribute
	byType     map[string]*nested
}

type attribute struct {
	schema *pluginv1.Attribute
	want   cty.Type // may have optional attributes
	ty     cty.Type // of the value
}

type nested struct {
	schema *pluginv1.NestedBlock
	spec   *Spec
}

// Source is the block to read.
type Source struct {
	Body *hclsyntax.Body // nil when the block is not there
	// Header is where to point when a place inside is missing.
	Header hcl.Range
	// What is the block in words, for example "build.model".
	What string
}

// Values gives expressions their values.
type Values interface {
	// Value is the expression's value as the wanted type. When it has none, the
	// diagnostics say why, and the value is unknown.
	Value(expr hclsyntax.Expression, want cty.Type) (cty.Value, diag.List)
	// Work is asked before a block with so many arguments and blocks is made of
	// it. What it says is why that is not allowed.
	Work(fields int, place hcl.Range) diag.List
	// With is the same with one more name, for what is inside a dynamic block.
	With(name string, v cty.Value) Values
}

// Compile makes a schema ready.
func Compile(block *pluginv1.Block) (*Spec, error) {
	ty, err := dynamic.ImpliedType(block)
	if err != nil {
		return nil, err
	}
	return compile(block, ty)
}

func compile(block *pluginv1.Block, ty cty.Type) (*Spec, error) {
	s := &Spec{
		ty:         ty.WithoutOptionalAttributesDeep(),
		attributes: make([]attribute, 0, len(block.GetAttributes())),
		blocks:     make([]nested, 0, len(block.GetBlocks())),
		byName:     make(map[string]*attribute, len(block.GetAttributes())),
		byType:     make(map[string]*nested, len(block.GetBlocks())),
	}
	for _, a := range block.GetAttributes() {
		if !hclsyntax.ValidIdentifier(a.GetName()) || s.byName[a.GetName()] != nil {
			return nil, fmt.Errorf("argument %q: the name is invalid or used twice", a.GetName())
		}
		s.attributes = append(s.attributes, attribute{
			schema: a, want: ty.AttributeType(a.GetName()), ty: s.ty.AttributeType(a.GetName()),
		})
		s.byName[a.GetName()] = &s.attributes[len(s.attributes)-1]
	}
	for _, b := range block.GetBlocks() {
		name := b.GetTypeName()
		if !hclsyntax.ValidIdentifier(name) || s.byName[name] != nil || s.byType[name] != nil {
			return nil, fmt.Errorf("block %q: the name is invalid or used twice", name)
		}
		inner, err := Compile(b.GetBlock())
		if err != nil {
			return nil, fmt.Errorf("block %s: %w", name, err)
		}
		s.blocks = append(s.blocks, nested{b, inner})
		s.byType[name] = &s.blocks[len(s.blocks)-1]
	}
	return s, nil
}

// Type is the type of the values that Decode makes.
func (s *Spec) Type() cty.Type { return s.ty }

func (s *Spec) attributeNames() []string {
	names := make([]string, 0, len(s.attributes))
	for _, a := range s.attributes {
		if !a.schema.GetComputed() {
			names = append(names, a.schema.GetName())
		}
	}
	return names
}

func (s *Spec) blockNames() []string {
	names := make([]string, 0, len(s.blocks))
	for _, b := range s.blocks {
		names = append(names, b.schema.GetTypeName())
	}
	return names
}
