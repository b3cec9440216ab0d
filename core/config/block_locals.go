package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
)

// local is a named expression.
type local struct {
	name string
	expr hclsyntax.Expression
	refs *references
	rng  hcl.Range

	// late says that its value is known only while the pipeline runs: it needs
	// a stage's output or a secret, itself or through other locals.
	late bool
}

func (l *local) address() string { return "local." + l.name }

// decodeLocals reads a locals block.
func (s *Source) decodeLocals(b *hclsyntax.Block, diags *diag.List) {
	body := *b
	body.Body = &hclsyntax.Body{Blocks: b.Body.Blocks}
	(&shape{what: "the locals block", header: "locals"}).check(&body, diags)
	for _, a := range sortedAttributes(b.Body) {
		if earlier := s.locals[a.Name]; earlier != nil {
			diags.Append(&a.NameRange, fmt.Sprintf("Duplicate local %q", clip(a.Name)), fmt.Sprintf(
				"There is one already at %s.", at(earlier.rng)))
			continue
		}
		l := &local{name: a.Name, expr: a.Expr, rng: a.NameRange}
		s.locals[a.Name] = l
		s.localOrder = append(s.localOrder, l)
	}
}
