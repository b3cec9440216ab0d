package config

import (
	"fmt"
	"path"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
)

// Bounds of the modules of one pipeline.
const (
	maxModuleDepth = 8
	maxModules     = 1000
)

// reserved are the arguments of a module block that are no inputs.
func reserved() []string { return []string{"source", "needs"} }

// decodeCall reads a module block: what it says by itself. Its files are read
// later, when all blocks around it are known.
func (m *module) decodeCall(b *hclsyntax.Block, diags *diag.List) {
	header := b.DefRange()
	head := *b
	head.Body = &hclsyntax.Body{Blocks: b.Body.Blocks, Attributes: hclsyntax.Attributes{}}
	for _, name := range reserved() {
		if a := b.Body.Attributes[name]; a != nil {
			head.Body.Attributes[name] = a
		}
	}
	if !moduleShape().check(&head, diags) {
		return
	}
	child := newModule(m.source, place{tree: &tree{}})
	child.parent, child.name, child.header, child.inputs = m, b.Labels[0], header, b.Body
	child.path = m.address("module." + child.name)
	if earlier := m.children[child.name]; earlier != nil {
		diags.Append(&header, fmt.Sprintf("Duplicate module %q", child.name), fmt.Sprintf(
			"There is one already at %s. Rename one of them.", at(earlier.header)))
		return
	}
	child.needs = decodeNeeds(b.Body.Attributes["needs"], diags)
	m.children[child.name] = child
	m.childOrder = append(m.childOrder, child)
	m.items = append(m.items, item{child: child})
}

func moduleShape() *shape {
	return &shape{what: "a module", header: `module "name"`, labels: 1, args: reserved(), required: []string{"source"}}
}

// decodeModules reads the files of the modules in m, and of those inside them.
func (m *module) decodeModules(diags *diag.List) {
	for _, child := range m.childOrder {
		if m.source.count++; m.source.count > maxModules {
			*diags = append(*diags, diag.Diagnostic{
				Severity: diag.Error, Summary: "Too many modules", Cause: "modules", Subject: &child.header,
				Detail: fmt.Sprintf("A pipeline may use modules %d times in all.", maxModules),
			})
			return
		}
		if folder := child.find(diags); folder != nil {
			child.decode(folder, diags)
			child.takeInputs(diags)
			child.decodeModules(diags)
		}
	}
}

// find reads the files of a module; nil means that it said why not.
func (m *module) find(diags *diag.List) *folder {
	a := m.inputs.Attributes["source"]
	text, ok := m.source.constants.text(a, diags)
	if !ok {
		return nil
	}
	where := a.Expr.Range()
	if m.depth() > maxModuleDepth {
		diags.Append(&where, "Modules nested too deeply", fmt.Sprintf("At most %d modules may be inside each other.", maxModuleDepth))
		return nil
	}
	at, why := m.locate(text)
	if why != "" {
		diags.Append(&where, "Module cannot be found", why)
		return nil
	}
	m.place = at
	var found *folder
	endless := func(p *module) bool { return p.place.key() == m.place.key() || found != nil && found.same(p.folder) }
	if !m.endsAround(endless, where, text, diags) {
		return nil
	}
	found, err := m.source.reader.module(m.place)
	if err != nil {
		diags.Append(&where, "Module cannot be read", fmt.Sprintf("%s: %v.", clip(m.place.shown), err))
		return nil
	}
	if !found.told {
		*diags, found.told = append(*diags, found.diags...), true
	}
	if found.diags.HasErrors() || !m.endsAround(endless, where, text, diags) {
		return nil
	}
	if d := m.source.reader.sizes.use(found); d != nil {
		*diags = append(*diags, *d)
		return nil
	}
	m.folder = found
	return found
}

// endsAround reports whether a module is inside none that is the same.
func (m *module) endsAround(same func(around *module) bool, where hcl.Range, text string, diags *diag.List) bool {
	for p := m.parent; p != nil; p = p.parent {
		if same(p) {
			diags.Append(&where, "Module uses itself", fmt.Sprintf(
				"%s is inside itself: %s. It would never end.", clip(text), m.chain(p)))
			return false
		}
	}
	return true
}

// locate is where the files of a source are, or why that cannot be said.
func (m *module) locate(text string) (place, string) {
	if strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") {
		at, ok := m.parent.place.below(path.Clean(text))
		if !ok {
			return place{}, fmt.Sprintf("%s leads out of the tree %s. A module is inside the repository of the pipeline, or has a source of its own.",
				clip(text), m.parent.place.tree.top)
		}
		return at, ""
	}
	if !strings.HasPrefix(text, "git::") {
		return place{}, fmt.Sprintf(
			`%q is no source. Write a path that starts with ./ or ../, or a repository: "git::https://host/repository.git//folder?ref=v1".`, clip(text))
	}
	if m.source.reader.modules == nil {
		return place{}, "There is no store of modules here, so that only modules with a path can be used."
	}
	dir, err := m.source.reader.modules.Folder(text)
	if err != nil {
		return place{}, upper(err.Error()) + "."
	}
	return place{tree: &tree{top: dir, name: text}, dir: ".", shown: text}, ""
}

// chain shows how a module comes to be inside another one.
func (m *module) chain(from *module) string {
	names := []string{m.path}
	for p := m.parent; p != nil && p != from; p = p.parent {
		names = append([]string{p.path}, names...)
	}
	return strings.Join(names, " → ")
}

// decode reads the blocks of a module's files.
func (m *module) decode(f *folder, diags *diag.List) {
	m.read = true
	m.functions = m.source.functionsOf(m)
	known := []string{"variable", "locals", "stage", "module", "output"}
	for _, file := range f.files {
		for _, b := range file.body.Blocks {
			switch b.Type {
			case "output":
				m.decodeOutput(b, diags)
			case "pipeline", "plugins":
				diags.Append(&b.TypeRange, fmt.Sprintf("%q in a module", b.Type),
					"A module is part of a pipeline, which says that for all of its modules. Take the block out.")
			default:
				m.decodeBlock(b, known, diags)
			}
		}
		m.decodeArguments(file, diags)
	}
}

// takeInputs binds the module's variables to what its block gives them.
func (m *module) takeInputs(diags *diag.List) {
	for _, a := range sortedAttributes(m.inputs) {
		if a.Name == "source" || a.Name == "needs" {
			continue
		}
		v := m.variables[a.Name]
		if v == nil {
			diags.Append(&a.NameRange, fmt.Sprintf("Unknown input %q", clip(a.Name)), fmt.Sprintf(
				"The module %q declares no variable of that name. %s", m.name,
				m.source.hints.Give(a.Name, namesOf(m.variables), "variables")))
			continue
		}
		v.binding.expr, v.binding.rng = a.Expr, a.NameRange
	}
	for _, v := range m.order {
		if v.binding.expr == nil && v.Default == cty.NilVal {
			diags.Append(&m.header, fmt.Sprintf("Missing input %q", v.Name), fmt.Sprintf(
				"The module %q needs a value for it%s.", m.name, described(v.Description)))
			m.source.broken.at(v.binding.rng)
		}
	}
	for _, name := range reserved() {
		if v := m.variables[name]; v != nil {
			diags.Append(&v.Range, fmt.Sprintf("Reserved name %q", name),
				"It is an argument of module blocks, so that nobody could give the variable a value. Rename it.")
		}
	}
}

func described(text string) string {
	if text == "" {
		return ""
	}
	return ": " + strings.TrimSuffix(clip(text), ".")
}

// decodeOutput reads an output block.
func (m *module) decodeOutput(b *hclsyntax.Block, diags *diag.List) {
	if !outputShape().check(b, diags) {
		return
	}
	name := b.Labels[0]
	if earlier := m.outputs[name]; earlier != nil {
		place := b.DefRange()
		diags.Append(&place, fmt.Sprintf("Duplicate output %q", name), fmt.Sprintf(
			"There is one already at %s. Rename one of them.", at(earlier.rng)))
		return
	}
	value := b.Body.Attributes["value"]
	if value == nil {
		return // it has been said
	}
	_, _ = m.source.constants.text(b.Body.Attributes["description"], diags)
	out := &binding{
		module: m, owner: m, root: "output", name: name, expr: value.Expr, rng: b.DefRange(),
		sensitive: m.source.constants.bool(b.Body.Attributes["sensitive"], false, diags),
	}
	m.outputs[name] = out
	m.outputOrder = append(m.outputOrder, out)
	m.bindings = append(m.bindings, out)
}

func outputShape() *shape {
	return &shape{
		what: "an output", header: `output "name"`, labels: 1,
		args: []string{"value", "description", "sensitive"}, required: []string{"value"},
	}
}
