package sdk

import "github.com/zclconf/go-cty/cty"

// Value is a cty value: the type system of HCL.
type Value = cty.Value

// Schema describes a component. It is data: the runner reads HCL by it,
// generates documentation from it, and caches it by the plugin's digest.
type Schema struct {
	Name        string // within the plugin, ^[a-z][a-z0-9_]*$
	Description string // Markdown; the first sentence is the summary
	Config      Block
	Outputs     []Attribute
	Effect      Effect
	// Example is a whole pipeline in HCL with a stage that uses the component.
	// Documentation shows it; without one, it shows the required arguments.
	Example string
}

// Block describes what may stand in a block.
type Block struct {
	Description string
	Attributes  []Attribute
	Blocks      []NestedBlock
}

// Attribute describes one argument or output. Use cty.DynamicPseudoType for an
// argument that takes any type.
type Attribute struct {
	Name        string
	Type        cty.Type
	Description string // meaning, unit and default, in Markdown
	Required    bool   // otherwise it is null when left out
	Sensitive   bool   // never shown or stored in clear
	Deprecated  string // what to write instead
}

// NestedBlock describes a block type.
type NestedBlock struct {
	Name     string
	Nesting  Nesting
	Block    Block
	MinItems int
	MaxItems int    // 0 means no limit
	Label    string // what the label means, for NestingMap
}

// Nesting says how often a block may appear and what it becomes.
type Nesting int

// The ways to nest.
const (
	NestingSingle Nesting = iota + 1 // at most once: an object or null
	NestingList                      // any number: a list of objects
	NestingMap                       // with one unique label: a map of objects
)

// Effect says what may be done after an interruption. Deployers always have
// EffectOnce.
type Effect int

// The effects.
const (
	EffectPure Effect = iota + 1 // run it again
	EffectOnce                   // observe before anything is started
)

// ArtifactType is the cty type of an artifact in outputs and arguments.
func ArtifactType() cty.Type {
	return cty.Object(map[string]cty.Type{
		"name":        cty.String,
		"digest":      cty.String,
		"media_type":  cty.String,
		"size":        cty.Number,
		"location":    cty.String,
		"annotations": cty.Map(cty.String),
	})
}
