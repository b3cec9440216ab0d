package config

import (
	"fmt"
	"slices"

	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// prepared is everything about a stage that its evaluation needs.
type prepared struct {
	stage     *stage
	component *pluginv1.Component // nil when the plugin is missing
	spec      *body.Spec          // nil when there is no usable schema
	with      body.Source
	unknown   cty.Value // its outputs before it has run
	needs     []string  // all stages that come first
	uses      []string  // those whose outputs its expressions read
	secrets   []string
	late      []*local // each after those that it uses
}

// compiled is a component whose schema is ready; stages share it.
type compiled struct {
	component *pluginv1.Component
	spec      *body.Spec
	unknown   cty.Value
}

// prepare looks up the stages' components, and checks references to outputs.
func (e *Evaluator) prepare(plugins map[string]*pluginv1.DescribeResponse, diags *diag.List) {
	ready := make(map[string]*compiled)
	for _, st := range e.source.stages {
		p := &prepared{
			stage: st, unknown: cty.DynamicVal, late: e.source.localsOf(st.refs, nil),
			secrets: slices.Clone(st.refs.secrets),
			with:    body.Source{Header: st.header, What: st.uses.String()},
		}
		if st.with != nil {
			p.with.Body, p.with.Header = st.with.Body, st.with.DefRange()
		}
		for _, ref := range e.source.stageReferences(st) {
			p.needs = append(p.needs, ref.name)
		}
		p.needs = distinct(p.needs)
		p.uses = st.refs.of("stage")
		for _, l := range p.late {
			p.secrets = append(p.secrets, l.refs.secrets...)
		}
		p.secrets = distinct(p.secrets)
		e.stages[st.name] = p
		if description := plugins[st.uses.Plugin]; description != nil && st.uses.Plugin != "" {
			p.use(description, ready, diags)
		}
	}
	e.checkOutputs(diags)
}

// use takes the schema of the stage's component.
func (p *prepared) use(plugin *pluginv1.DescribeResponse, ready map[string]*compiled, diags *diag.List) {
	uses := p.stage.uses
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
		p.component, p.spec, p.unknown = c.component, c.spec, c.unknown
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
	for _, st := range e.source.stages {
		e.checkOutputNames(st.refs, diags)
	}
	for _, l := range e.source.localOrder {
		e.checkOutputNames(l.refs, diags)
	}
}

func (e *Evaluator) checkOutputNames(r *references, diags *diag.List) {
	for _, ref := range r.names {
		target := e.stages[ref.name]
		if ref.root != "stage" || ref.output == "" || target == nil || target.component == nil {
			continue
		}
		var names []string
		for _, o := range target.component.GetOutputs() {
			names = append(names, o.GetName())
		}
		if !slices.Contains(names, ref.output) {
			place := ref.rng
			e.broken.at(place)
			diags.Append(&place, fmt.Sprintf("Unknown output %q", clip(ref.output)), fmt.Sprintf(
				"stage.%s is a %s, which has no such output. %s", ref.name, target.stage.uses, spelling.Hint(ref.output, names, "outputs")))
		}
	}
}
