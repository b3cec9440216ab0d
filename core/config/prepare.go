package config

import (
	"fmt"
	"slices"

	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// block is what the instances of a stage block have in common.
type block struct {
	*stage
	*compiled
	instances []*prepared
	byKey     map[string]*prepared
	// ghost is checked in place of instances when there are none.
	ghost *prepared
	// open says that for_each is wrong, so that instances may be missing.
	open bool
	late []*binding // that its expressions use, each after those that it uses
	with body.Source
}

// prepared is everything about a stage that its evaluation needs.
type prepared struct {
	*block
	each    each
	name    string
	needs   []string // all stages that come first
	reads   selection
	secrets []string
}

// compiled is a component whose schema is ready; stages share it.
type compiled struct {
	component *pluginv1.Component // nil when the plugin is missing
	spec      *body.Spec          // nil when there is no usable schema
	unknown   cty.Value           // its outputs before it has run
}

// prepare looks up the blocks' components, checks references to outputs, and
// finds out what each stage needs.
func (e *Evaluator) prepare(plugins map[string]*pluginv1.DescribeResponse, spend *budget.Budget, diags *diag.List) {
	ready := make(map[string]*compiled)
	for _, m := range e.source.modules {
		for _, st := range m.stages {
			b := e.blocks[st]
			if b == nil {
				return // there are too many
			}
			b.with = body.Source{Header: st.header, What: st.uses.String()}
			if st.with != nil {
				b.with.Body, b.with.Header = st.with.Body, st.with.DefRange()
			}
			if description := plugins[st.uses.Plugin]; description != nil && st.uses.Plugin != "" {
				b.use(description, ready, diags)
			}
		}
	}
	for _, b := range e.source.bindings {
		if b.late {
			e.reads[b] = e.selects(b.module, b.refs.distinct, each{}, spend, diags)
		}
	}
	e.connect(spend, diags)
	e.checkOutputs(diags)
}

// use takes the schema of the block's component.
func (b *block) use(plugin *pluginv1.DescribeResponse, ready map[string]*compiled, diags *diag.List) {
	uses := b.uses
	c := ready[uses.String()]
	if c == nil {
		c = compile(plugin, uses.Name)
		ready[uses.String()] = c
	}
	switch {
	case c.component == nil:
		var names []string
		for _, other := range plugin.GetComponents() {
			names = append(names, other.GetName())
		}
		diags.Append(&uses.Range, fmt.Sprintf("Unknown component %q", uses), fmt.Sprintf(
			"The plugin %s %s has no such component. %s", uses.Plugin, plugin.GetVersion(), spelling.Hint(uses.Name, names, "components")))
	case c.spec == nil:
		diags.Append(&uses.Range, fmt.Sprintf("Unusable component %q", uses), fmt.Sprintf(
			"The plugin %s %s describes it in a way that this runner does not understand. Update the plugin or the runner.",
			uses.Plugin, plugin.GetVersion()))
	default:
		b.compiled = c
	}
}

func compile(plugin *pluginv1.DescribeResponse, name string) *compiled {
	c := &compiled{unknown: cty.DynamicVal}
	for _, component := range plugin.GetComponents() {
		if component.GetName() == name {
			c.component = component
		}
	}
	if c.component == nil {
		return c
	}
	spec, err := body.Compile(c.component.GetConfig())
	if err != nil {
		return c
	}
	outputs, err := dynamic.OutputType(c.component.GetOutputs())
	if err != nil {
		return c
	}
	fields := make(map[string]cty.Value)
	for _, o := range c.component.GetOutputs() {
		ty := outputs.AttributeType(o.GetName()).WithoutOptionalAttributesDeep()
		fields[o.GetName()] = marked(cty.UnknownVal(ty), o.GetSensitive())
	}
	c.spec, c.unknown = spec, cty.ObjectVal(fields)
	return c
}

// checkOutputs checks stage.<name>.<output> where the component is known.
func (e *Evaluator) checkOutputs(diags *diag.List) {
	for _, m := range e.source.modules {
		for _, st := range m.stages {
			e.checkOutputNames(m, st, st.refs, diags)
		}
		for _, b := range m.bindings {
			e.checkOutputNames(b.module, nil, b.refs, diags)
		}
	}
}

// checkOutputNames checks references in a module; self is the stage whose
// postconditions may be among them.
func (e *Evaluator) checkOutputNames(m *module, self *stage, r *references, diags *diag.List) {
	for _, ref := range r.names {
		st, output := m.byName[ref.name], ref.output
		if ref.root == "self" {
			st, output = self, ref.name
		}
		b := e.blocks[st]
		if ref.root != "stage" && ref.root != "self" || output == "" || b == nil || b.component == nil {
			continue
		}
		var names []string
		for _, o := range b.component.GetOutputs() {
			names = append(names, o.GetName())
		}
		if !slices.Contains(names, output) {
			place := ref.rng
			e.broken.at(place)
			diags.Append(&place, fmt.Sprintf("Unknown output %q", clip(output)), fmt.Sprintf(
				"stage.%s is a %s, which has no such output. %s", st.name, b.uses, spelling.Hint(output, names, "outputs")))
		}
	}
}
