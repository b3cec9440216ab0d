package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	configfunction "github.com/stagegate/stagegate/core/config/function"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty/function"
)

// module is one folder of files where it is used: the pipeline itself, or one
// module block. It is the scope of names: what is declared in it is seen in it
// alone, and only its outputs are seen by the one who uses it.
type module struct {
	source *Source
	parent *module         // nil for the pipeline
	name   string          // of its block; empty for the pipeline
	path   string          // "", "module.a", "module.a.module.b"
	place  place           // where its files are
	folder *folder         // those files; nil until they are read
	header hcl.Range       // of its block
	inputs *hclsyntax.Body // of its block: values for its variables
	needs  []reference     // of its block: what all of its stages wait for
	read   bool            // its files have been decoded

	variables   map[string]*Variable
	order       []*Variable // in source order
	locals      map[string]*binding
	outputs     map[string]*binding
	outputOrder []*binding
	bindings    []*binding // locals, variables and outputs in source order
	stages      []*stage   // in source order
	items       []item     // stages and children in source order
	byName      map[string]*stage
	children    map[string]*module
	childOrder  []*module
	functions   map[string]function.Function
	files       configfunction.Files // that they read
}

// item is one of what stages come from: a block, or a module.
type item struct {
	stage *stage
	child *module
}

// walk visits the stage blocks of the module and of those inside it, in source
// order, until visit says no.
func (m *module) walk(visit func(*stage) bool) bool {
	for _, it := range m.items {
		if it.stage != nil && !visit(it.stage) || it.child != nil && !it.child.walk(visit) {
			return false
		}
	}
	return true
}

func newModule(s *Source, at place) *module {
	return &module{
		source: s, place: at,
		variables: make(map[string]*Variable), locals: make(map[string]*binding), outputs: make(map[string]*binding),
		byName: make(map[string]*stage), children: make(map[string]*module),
	}
}

// address is how a message names what is declared in the module.
func (m *module) address(name string) string {
	if m.path == "" {
		return name
	}
	return m.path + "." + name
}

// stageName is the name in the pipeline of a stage, without an instance's key.
func (m *module) stageName(name string) string {
	return pipeline.StageName(m.address(pipeline.StageAddress(name)))
}

// depth is how many module blocks are around.
func (m *module) depth() int {
	n := 0
	for p := m.parent; p != nil; p = p.parent {
		n++
	}
	return n
}

// all are the module and those inside it, each before those inside it.
func (m *module) all() []*module {
	out := []*module{m}
	for _, child := range m.childOrder {
		out = append(out, child.all()...)
	}
	return out
}

// instanceName is the name of one instance of a stage.
func instanceName(block, key string) string { return block + "[" + quoted(key) + "]" }

// quoted is a text as the language writes it.
func quoted(text string) string {
	return `"` + strings.NewReplacer(
		`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{", "\n", `\n`, "\r", `\r`, "\t", `\t`,
	).Replace(text) + `"`
}
