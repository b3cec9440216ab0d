package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty"
)

// pluginName is what a plugin may be called: it is part of a file name.
var pluginName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

// decodePlugins reads a plugins block: name = { source, version }.
func (s *Source) decodePlugins(b *hclsyntax.Block, diags *diag.List) {
	body := *b
	body.Body = &hclsyntax.Body{Blocks: b.Body.Blocks}
	(&shape{what: "the plugins block", header: "plugins"}).check(&body, diags)
	for _, a := range sortedAttributes(b.Body) {
		if !pluginName.MatchString(a.Name) {
			diags.Append(&a.NameRange, fmt.Sprintf("Invalid plugin name %q", clip(a.Name)),
				"A plugin's name starts with a small letter and has small letters, digits, - and _.")
			continue
		}
		if i := slices.IndexFunc(s.plugins, func(p pipeline.PluginRequirement) bool { return p.Name == a.Name }); i >= 0 {
			diags.Append(&a.NameRange, fmt.Sprintf("Duplicate plugin %q", a.Name), fmt.Sprintf(
				"There is an entry already at %s.", at(s.plugins[i].Range)))
			continue
		}
		requirement := pipeline.PluginRequirement{Name: a.Name, Range: a.NameRange}
		s.constants.requirement(a, &requirement, diags)
		s.plugins = append(s.plugins, requirement)
	}
}

func (c constants) requirement(a *hclsyntax.Attribute, into *pipeline.PluginRequirement, diags *diag.List) {
	place := a.Expr.Range()
	items, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		diags.Append(&place, fmt.Sprintf("Wrong type for plugin %q", a.Name),
			`Write { source = "…", version = "…" }, or {} for a first-party plugin.`)
		return
	}
	for _, item := range items.Items {
		name := hcl.ExprAsKeyword(item.KeyExpr)
		if name == "" {
			name = c.key(item.KeyExpr)
		}
		value := &hclsyntax.Attribute{Name: name, Expr: item.ValueExpr}
		switch name {
		case "source":
			into.Source, _ = c.text(value, diags)
		case "version":
			into.Version, _ = c.text(value, diags)
			if _, err := version.NewConstraint(into.Version); into.Version != "" && err != nil {
				valuePlace := item.ValueExpr.Range()
				diags.Append(&valuePlace, "Invalid version constraint", fmt.Sprintf(
					`%q is none. Write for example ">= 0.1" or "~> 1.2".`, clip(into.Version)))
			}
		default:
			keyPlace := item.KeyExpr.Range()
			diags.Append(&keyPlace, fmt.Sprintf("Unsupported argument %q", clip(name)), fmt.Sprintf(
				"A plugin has no such argument. %s", spelling.Hint(name, []string{"source", "version"}, "arguments")))
		}
	}
}

// key is a fixed key of an object, or empty.
func (c constants) key(e hclsyntax.Expression) string {
	v, problems := c.spend.Constant(e)
	if problems.HasErrors() || v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return ""
	}
	return v.AsString()
}

// requirePlugins adds the plugins that stages use without an entry.
func (s *Source) requirePlugins() {
	known := make(map[string]bool, len(s.plugins))
	for _, p := range s.plugins {
		known[p.Name] = true
	}
	for _, m := range s.modules {
		for _, st := range m.stages {
			if name := st.uses.Plugin; name != "" && !known[name] {
				known[name] = true
				s.plugins = append(s.plugins, pipeline.PluginRequirement{Name: name, Range: st.uses.Range})
			}
		}
	}
	slices.SortFunc(s.plugins, func(a, b pipeline.PluginRequirement) int { return strings.Compare(a.Name, b.Name) })
}

// sortedAttributes are a body's arguments in source order.
func sortedAttributes(b *hclsyntax.Body) []*hclsyntax.Attribute {
	out := make([]*hclsyntax.Attribute, 0, len(b.Attributes))
	for _, a := range b.Attributes {
		out = append(out, a)
	}
	slices.SortFunc(out, func(x, y *hclsyntax.Attribute) int { return x.NameRange.Start.Byte - y.NameRange.Start.Byte })
	return out
}
