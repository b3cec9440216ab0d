package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/zclconf/go-cty/cty"
)

// reference is a use of a name such as stage.weights.artifact.
type reference struct {
	root   string // var, local, stage, …
	name   string // empty when nothing follows the root
	output string // what follows the name, when it is a plain attribute
	// key is what selects one instance of a stage: a fixed text, or an
	// expression. hasKey tells an index that is neither from none.
	key    string
	index  hclsyntax.Expression
	hasKey bool
	fixed  bool // the key is written as a constant
	// inKey is what an index uses.
	inKey *references
	rng   hcl.Range
}

// references are the names and functions that expressions use.
type references struct {
	names []reference
	calls []*hclsyntax.FunctionCallExpr
	// secrets are the names passed to secret(…), set when references are
	// resolved.
	secrets []string
	// distinct are the names, each once; set when references are resolved.
	distinct []reference
}

// identity is what makes two references to the same thing one. Keys that are
// computed are never the same.
type identity struct {
	root, name, output, key string
	index                   hclsyntax.Expression
	hasKey                  bool
}

// distinguish finds the distinct names.
func (r *references) distinguish() {
	seen := make(map[identity]bool, len(r.names))
	r.distinct = r.distinct[:0]
	for _, ref := range r.names {
		id := identity{ref.root, ref.name, ref.output, ref.key, ref.index, ref.hasKey}
		if ref.root != "stage" && ref.root != "module" {
			id.output = ""
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		r.distinct = append(r.distinct, ref)
	}
}

// late reports whether a value is needed that only a run has.
func (r *references) late() bool {
	return len(r.secrets) > 0 || slices.ContainsFunc(r.names, func(ref reference) bool { return ref.root == "stage" })
}

// uses reports whether a root is used.
func (r *references) uses(root string) bool {
	return slices.ContainsFunc(r.names, func(ref reference) bool { return ref.root == root })
}

// collect adds what an expression uses. Names that a for expression defines,
// and those in locals, are not references.
func (r *references) collect(expr hclsyntax.Expression, locals ...string) {
	if expr == nil {
		return
	}
	c := &collector{into: r}
	if len(locals) > 0 {
		c.push(locals)
	}
	_ = hclsyntax.Walk(expr, c) // the collector finds nothing wrong
}

// collectBody adds what all arguments of a block use. Inside a dynamic block
// its iterator is no reference.
func (r *references) collectBody(b *hclsyntax.Body, locals ...string) {
	for _, a := range sortedAttributes(b) {
		r.collect(a.Expr, locals...)
	}
	for _, inner := range b.Blocks {
		if inner.Type == body.Dynamic && len(inner.Labels) == 1 {
			r.collectDynamic(inner, locals)
			continue
		}
		r.collectBody(inner.Body, locals...)
	}
}

func (r *references) collectDynamic(b *hclsyntax.Block, locals []string) {
	iterator := b.Labels[0]
	inside := slices.Clone(locals)
	for _, a := range sortedAttributes(b.Body) {
		switch a.Name {
		case "for_each":
			r.collect(a.Expr, locals...)
		case "iterator":
			iterator = hcl.ExprAsKeyword(budget.Unwrap(a.Expr))
		}
	}
	inside = append(inside, iterator)
	for _, a := range sortedAttributes(b.Body) {
		if a.Name == "labels" {
			r.collect(a.Expr, inside...)
		}
	}
	for _, content := range b.Body.Blocks {
		r.collectBody(content.Body, inside...)
	}
}

// collector is a walker that follows the scopes of for expressions.
type collector struct {
	into   *references
	scopes []map[string]struct{}
	// known are nodes inside a reference that is recorded already.
	known map[hclsyntax.Node]struct{}
	// skipped is a node whose inside is recorded already.
	skipped hclsyntax.Node
	inside  bool // of it
}

func (c *collector) push(names []string) {
	scope := make(map[string]struct{}, len(names))
	for _, name := range names {
		scope[name] = struct{}{}
	}
	c.scopes = append(c.scopes, scope)
}

// Enter records one node.
func (c *collector) Enter(n hclsyntax.Node) hcl.Diagnostics {
	n = unwrapped(n)
	if c.inside = c.inside || c.skipped != nil && n == c.skipped; c.inside {
		return nil
	}
	if scope, ok := n.(hclsyntax.ChildScope); ok {
		c.scopes = append(c.scopes, scope.LocalNames)
		return nil
	}
	if _, done := c.known[n]; done {
		return nil
	}
	switch n := n.(type) {
	case *hclsyntax.RelativeTraversalExpr:
		if index, ok := budget.Unwrap(n.Source).(*hclsyntax.IndexExpr); ok {
			c.indexed(index, n.Traversal)
		}
	case *hclsyntax.IndexExpr:
		c.indexed(n, nil)
	case *hclsyntax.ScopeTraversalExpr:
		if !c.local(n.Traversal.RootName()) {
			c.into.names = append(c.into.names, referenceOf(n.Traversal))
		}
	case *hclsyntax.FunctionCallExpr:
		c.into.calls = append(c.into.calls, n)
	}
	return nil
}

// indexed records stage.x[key], whose key is computed, and what follows it. A
// key made of the names of a for expression is nothing by itself: the
// reference is to all instances then.
func (c *collector) indexed(e *hclsyntax.IndexExpr, rest hcl.Traversal) {
	collection, ok := budget.Unwrap(e.Collection).(*hclsyntax.ScopeTraversalExpr)
	if !ok || c.local(collection.Traversal.RootName()) {
		return
	}
	ref := referenceOf(collection.Traversal)
	if ref.root != "stage" || len(collection.Traversal) != 2 {
		return
	}
	ref.hasKey, ref.rng = true, e.Range()
	if len(rest) > 0 {
		ref.output = stepName(rest[0])
	}
	inKey := &references{}
	inKey.collect(e.Key)
	c.into.names = append(c.into.names, ref)
	mine := len(c.into.names) - 1
	for _, used := range inKey.names {
		if !c.local(used.root) {
			c.into.names = append(c.into.names, used)
		}
	}
	c.into.calls = append(c.into.calls, inKey.calls...)
	c.skipped = unwrapped(e.Key) // walking through it again would double the work at each level
	if len(c.into.names)-mine-1 == len(inKey.names) {
		inKey.distinguish()
		c.into.names[mine].index, c.into.names[mine].inKey = e.Key, inKey
	}
	if c.known == nil {
		c.known = make(map[hclsyntax.Node]struct{})
	}
	c.known[e], c.known[collection] = struct{}{}, struct{}{}
}

// Exit leaves the scope of a for expression.
func (c *collector) Exit(n hclsyntax.Node) hcl.Diagnostics {
	if c.inside {
		if unwrapped(n) == c.skipped {
			c.skipped, c.inside = nil, false
		}
		return nil
	}
	if _, ok := n.(hclsyntax.ChildScope); ok {
		c.scopes = c.scopes[:len(c.scopes)-1]
	}
	return nil
}

// unwrapped is a node without what makes it pay.
func unwrapped(n hclsyntax.Node) hclsyntax.Node {
	if e, ok := n.(hclsyntax.Expression); ok {
		if bare, ok := budget.Unwrap(e).(hclsyntax.Expression); ok {
			return bare
		}
	}
	return n
}

func (c *collector) local(name string) bool {
	return slices.ContainsFunc(c.scopes, func(names map[string]struct{}) bool {
		_, ok := names[name]
		return ok
	})
}

// referenceOf reads the first steps of a traversal.
func referenceOf(t hcl.Traversal) reference {
	ref := reference{root: t.RootName(), rng: t.SourceRange()}
	if len(t) > 1 {
		ref.name = stepName(t[1])
	}
	rest := t[min(len(t), 2):]
	if len(rest) > 0 && ref.root == "stage" {
		if step, ok := rest[0].(hcl.TraverseIndex); ok {
			ref.hasKey, ref.fixed, ref.key = true, true, keyText(step.Key)
			rest = rest[1:]
		}
	}
	if len(rest) > 0 {
		ref.output = stepName(rest[0])
	}
	return ref
}

// keyText is a fixed key of an instance.
func keyText(key cty.Value) string {
	if key.Type() == cty.String && key.IsKnown() && !key.IsNull() {
		return key.AsString()
	}
	return ""
}

// stepName is the name in .name and in ["name"].
func stepName(step hcl.Traverser) string {
	switch s := step.(type) {
	case hcl.TraverseAttr:
		return s.Name
	case hcl.TraverseIndex:
		return keyText(s.Key)
	}
	return ""
}
