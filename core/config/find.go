package config

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
)

// Find is where a stage of the pipeline is written, and in which block: at the
// innermost argument, block or key of it that one of the words names; the last
// of them counts most among equals. No plugin is needed, so that it works for a
// snapshot whose plugins are gone.
func (s *Source) Find(name string, words []string) (at hcl.Range, in string, ok bool) {
	var found *stage
	s.root.walk(func(st *stage) bool {
		if st.isNamed(name) {
			found = st
		}
		return found == nil
	})
	if found == nil {
		return hcl.Range{}, "", false
	}
	best := mention{at: found.header}
	if found.body != nil {
		m := mentions{rank: make(map[string]int, len(words))}
		for i, word := range words {
			m.rank[word] = i + 1
		}
		m.body(found.body, 1)
		if m.best.depth > 0 {
			best = m.best
		}
	}
	return best.at, s.blockAround(best.at), true
}

// isNamed reports whether a name is that of the stage or of one of its
// instances.
func (st *stage) isNamed(name string) bool {
	own := st.module.stageName(st.name)
	return name == own || st.forEach != nil && strings.HasPrefix(name, own+"[")
}

// mention is a place that a word names.
type mention struct {
	at          hcl.Range
	depth, rank int
}

// mentions finds the best of them.
type mentions struct {
	rank map[string]int // of each word, from 1
	best mention
}

func (m *mentions) note(name string, at hcl.Range, depth int) {
	rank := m.rank[name]
	if rank > 0 && (depth > m.best.depth || depth == m.best.depth && rank > m.best.rank) {
		m.best = mention{at: at, depth: depth, rank: rank}
	}
}

func (m *mentions) body(b *hclsyntax.Body, depth int) {
	for _, a := range sortedAttributes(b) {
		m.note(a.Name, a.Range(), depth)
		m.expression(a.Expr, depth+1)
	}
	for _, inner := range b.Blocks {
		m.note(inner.Type, inner.DefRange(), depth)
		for _, label := range inner.Labels {
			m.note(label, inner.DefRange(), depth)
		}
		m.body(inner.Body, depth+1)
	}
}

// expression looks for the keys of objects that are written out.
func (m *mentions) expression(e hclsyntax.Expression, depth int) {
	object, ok := budget.Unwrap(e).(*hclsyntax.ObjectConsExpr)
	if !ok {
		return
	}
	for _, item := range object.Items {
		m.note(keyName(item.KeyExpr), hcl.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range()), depth)
		m.expression(item.ValueExpr, depth+1)
	}
}

// keyName is the key of an object as it is written: a bare name or a text.
func keyName(e hclsyntax.Expression) string {
	if key, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		e = key.Wrapped
	}
	if written, ok := budget.Unwrap(e).(hclsyntax.Expression); ok {
		e = written
	}
	if name := hcl.ExprAsKeyword(e); name != "" {
		return name
	}
	text, _ := literalText(e)
	return text
}
