package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
)

// decodeLocals reads a locals block.
func (m *module) decodeLocals(b *hclsyntax.Block, diags *diag.List) {
	body := *b
	body.Body = &hclsyntax.Body{Blocks: b.Body.Blocks}
	(&shape{what: "the locals block", header: "locals"}).check(&body, diags)
	for _, a := range sortedAttributes(b.Body) {
		if earlier := m.locals[a.Name]; earlier != nil {
			diags.Append(&a.NameRange, fmt.Sprintf("Duplicate local %q", clip(a.Name)), fmt.Sprintf(
				"There is one already at %s.", at(earlier.rng)))
			continue
		}
		l := &binding{module: m, owner: m, root: "local", name: a.Name, expr: a.Expr, rng: a.NameRange}
		m.locals[a.Name] = l
		m.bindings = append(m.bindings, l)
	}
}
