package opa

import (
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// blindNegations finds negated calls that say nothing when a value is missing.
// OPA looks the arguments of a call up before it negates, so `not good(x.y)` is
// undefined, and not true, when x.y is: the deny that it should have made is
// silently lost.
func blindNegations(modules map[string]*ast.Module) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		imported := importedData(modules[name])
		ast.WalkExprs(modules[name], func(e *ast.Expr) bool {
			if !e.Negated || !e.IsCall() {
				return false
			}
			// An equality is not called: its sides may be missing.
			equality := e.IsEquality() || e.Operator().Equal(ast.Equal.Ref())
			for _, operand := range e.Operands() {
				if blind := blindPart(operand, imported, equality); blind != nil {
					found = append(found, fmt.Sprintf("%s:%d: `not` before a call on %v", name, e.Location.Row, blind))
					break
				}
			}
			return false
		})
	}
	return found
}

// importedData are the names under which a module knows documents of the
// bundle's own.
func importedData(m *ast.Module) map[string]bool {
	out := map[string]bool{ast.DefaultRootDocument.String(): true}
	for _, i := range m.Imports {
		if path, ok := i.Path.Value.(ast.Ref); ok && path.HasPrefix(ast.DefaultRootRef) {
			out[i.Name().String()] = true
		}
	}
	return out
}

// blindPart is the part of an argument that may be undefined, or nil.
func blindPart(t *ast.Term, imported map[string]bool, equality bool) *ast.Term {
	switch v := t.Value.(type) {
	case ast.Ref:
		if len(v) > 1 && !equality && !imported[v[0].String()] {
			return t
		}
	case ast.Call:
		if _, builtin := ast.BuiltinMap[v[0].String()]; !builtin {
			return t
		}
		for _, arg := range v[1:] {
			if blind := blindPart(arg, imported, false); blind != nil {
				return blind
			}
		}
	}
	return nil
}
