package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/zclconf/go-cty/cty"
)

// reference is a use of a name such as stage.weights.artifact.
type reference struct {
	root   string // var, local, stage, …
	name   string // empty when nothing follows the root
	output string // what follows the name, when it is a plain attribute
	rng    hcl.Range
}

// references are the names and functions that expressions use.
type references struct {
	names []reference
	calls []*hclsyntax.FunctionCallExpr
	// secrets are the names passed to secret(…), set when references are
	// resolved.
	secrets []string
}

// of lists the distinct names under a root, in the order of their first use.
func (r *references) of(root string) []string {
	var out []string
	for _, ref := range r.names {
		if ref.root == root && !slices.Contains(out, ref.name) {
			out = append(out, ref.name)
		}
	}
	return out
}

// late reports whether a value is needed that only a run has.
func (r *references) late() bool {
	return len(r.secrets) > 0 || slices.ContainsFunc(r.names, func(ref reference) bool { return ref.root == "stage" })
}

// collect adds what an expression uses. Names that a for expression defines
// are not references.
func (r *references) collect(expr hclsyntax.Expression) {
	if expr != nil {
		_ = hclsyntax.Walk(expr, &collector{into: r}) // the collector finds nothing wrong
	}
}

// collectBody adds what all arguments of a block use.
func (r *references) collectBody(b *hclsyntax.Body) {
	for _, a := range sortedAttributes(b) {
		r.collect(a.Expr)
	}
	for _, inner := range b.Blocks {
		r.collectBody(inner.Body)
	}
}

// collector is a walker that follows the scopes of for expressions.
type collector struct {
	into   *references
	scopes []map[string]struct{}
}

// Enter records one node.
func (c *collector) Enter(n hclsyntax.Node) hcl.Diagnostics {
	if e, ok := n.(hclsyntax.Expression); ok {
		if bare, ok := budget.Unwrap(e).(hclsyntax.Expression); ok {
			n = bare
		}
	}
	switch n := n.(type) {
	case hclsyntax.ChildScope:
		c.scopes = append(c.scopes, n.LocalNames)
	case *hclsyntax.ScopeTraversalExpr:
		if !c.local(n.Traversal.RootName()) {
			c.into.names = append(c.into.names, referenceOf(n.Traversal))
		}
	case *hclsyntax.FunctionCallExpr:
		c.into.calls = append(c.into.calls, n)
	}
	return nil
}

// Exit leaves the scope of a for expression.
func (c *collector) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if _, ok := n.(hclsyntax.ChildScope); ok {
		c.scopes = c.scopes[:len(c.scopes)-1]
	}
	return nil
}

func (c *collector) local(name string) bool {
	return slices.ContainsFunc(c.scopes, func(names map[string]struct{}) bool {
		_, ok := names[name]
		return ok
	})
}

// referenceOf reads the first three steps of a traversal.
func referenceOf(t hcl.Traversal) reference {
	ref := reference{root: t.RootName(), rng: t.SourceRange()}
	if len(t) > 1 {
		ref.name = stepName(t[1])
	}
	if len(t) > 2 {
		ref.output = stepName(t[2])
	}
	return ref
}

// stepName is the name in .name and in ["name"].
func stepName(step hcl.Traverser) string {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name
	case hcl.TraverseIndex:
		if s.Key.Type() == cty.String && s.Key.IsKnown() {
			return s.Key.AsString()
		}
	}
	return ""
}

// stageReference reads stage.<name>.
func stageReference(t hcl.Traversal) (reference, bool) {
	ref := referenceOf(t)
	return ref, ref.root == "stage" && ref.name != ""
}
