// Package handbook says what components can do, as their plugins' schemas say
// it: as data, in Markdown, and as text for a terminal. It starts no plugin and
// reads no file: descriptions come in, and a page goes out.
package handbook

import (
	"fmt"
	"strings"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Component is the page of a component, as data.
type Component struct {
	Name        string `json:"name"` // as in uses: plugin.component
	Kind        string `json:"kind"` // builder, tester, policy or deployer
	Summary     string `json:"summary"`
	Description string `json:"description"` // Markdown
	// Effect is pure when an interrupted stage may simply run again, and once
	// when the runner looks first.
	Effect    string     `json:"effect"`
	Arguments []Argument `json:"arguments"`
	Blocks    []Block    `json:"blocks"`
	Outputs   []Argument `json:"outputs"`
	// Example is a pipeline in HCL: the plugin's own, or else one with the
	// required arguments alone.
	Example string `json:"example"`
}

// Argument is an argument of a block, or an output of a stage.
type Argument struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description"` // Markdown
	Required    bool   `json:"required,omitempty"`
	// Default is what the description says that holds when it is left out.
	Default    string `json:"default,omitempty"`
	Sensitive  bool   `json:"sensitive,omitempty"`
	Deprecated string `json:"deprecated,omitempty"` // what to write instead
}

// Block is a block within another one.
type Block struct {
	Name        string     `json:"name"`
	Description string     `json:"description"` // Markdown
	Nesting     string     `json:"nesting"`     // single, list or map: with a label each
	Label       string     `json:"label,omitempty"`
	Min         int64      `json:"min,omitempty"`
	Max         int64      `json:"max,omitempty"` // 0 means any number
	Arguments   []Argument `json:"arguments"`
	Blocks      []Block    `json:"blocks"`
}

// maxNested bounds the blocks within blocks that are read.
const maxNested = 16

// Read reads what a plugin says about a component.
func Read(plugin string, c *pluginv1.Component) (Component, error) {
	name := plugin + "." + c.GetName()
	inner, err := readBlock(c.GetConfig(), 0)
	if err != nil {
		return Component{}, fmt.Errorf("describe %s: %w", name, err)
	}
	outputs, err := readArguments(c.GetOutputs())
	if err != nil {
		return Component{}, fmt.Errorf("describe %s: %w", name, err)
	}
	out := Component{
		Name: name, Kind: strings.ToLower(strings.TrimPrefix(c.GetKind().String(), "KIND_")),
		Summary: Summary(c), Description: c.GetDescription(), Effect: "once",
		Arguments: inner.Arguments, Blocks: inner.Blocks, Outputs: outputs, Example: c.GetExample(),
	}
	if c.GetEffect() == pluginv1.Effect_EFFECT_PURE {
		out.Effect = "pure"
	}
	if out.Example == "" {
		out.Example = skeleton(name, c)
	}
	return out, nil
}

// Summary is the first sentence of a component's description.
func Summary(c *pluginv1.Component) string {
	text := oneLine(c.GetDescription())
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i+1]
	}
	return text
}

func readBlock(b *pluginv1.Block, depth int) (Block, error) {
	arguments, err := readArguments(b.GetAttributes())
	if err != nil {
		return Block{}, err
	}
	out := Block{Description: b.GetDescription(), Arguments: arguments, Blocks: []Block{}}
	if depth == maxNested {
		return out, nil
	}
	for _, n := range b.GetBlocks() {
		inner, err := readBlock(n.GetBlock(), depth+1)
		if err != nil {
			return Block{}, fmt.Errorf("block %s: %w", n.GetTypeName(), err)
		}
		inner.Name, inner.Min, inner.Max, inner.Label = n.GetTypeName(), n.GetMinItems(), n.GetMaxItems(), n.GetLabel()
		inner.Nesting = strings.ToLower(strings.TrimPrefix(n.GetNesting().String(), "NESTING_"))
		out.Blocks = append(out.Blocks, inner)
	}
	return out, nil
}

func readArguments(list []*pluginv1.Attribute) ([]Argument, error) {
	out := make([]Argument, 0, len(list))
	for _, a := range list {
		ty, err := typeName(a.GetType())
		if err != nil {
			return nil, fmt.Errorf("read the type of %s: %w", a.GetName(), err)
		}
		out = append(out, Argument{
			Name: a.GetName(), Type: ty, Description: a.GetDescription(), Required: a.GetRequired(),
			Default: defaultOf(a.GetDescription()), Sensitive: a.GetSensitive(), Deprecated: a.GetDeprecated(),
		})
	}
	return out, nil
}

// defaultOf is the default that a description gives, as descriptions do by
// convention: in a sentence "Default: 1.".
func defaultOf(description string) string {
	_, text, ok := strings.Cut(oneLine(description), "Default: ")
	if !ok {
		return ""
	}
	if sentence, _, more := strings.Cut(text, ". "); more {
		text = sentence
	}
	text = strings.TrimSuffix(text, ".")
	if bare := strings.Trim(text, "`"); "`"+bare+"`" == text {
		return bare
	}
	return text
}
