package opa

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// closed are built-ins that reach outside although OPA calls them
// deterministic: they parse other programs, or fetch schemas.
func closed() []string {
	return []string{"rego.parse_module", "json.match_schema", "json.verify_schema", "trace"}
}

// capabilities are OPA's without whatever reaches outside or does not give the
// same answer twice. A bundle that calls one of those does not compile.
func capabilities() *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion()
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		return b.IsNondeterministic() || slices.Contains(closed(), b.Name)
	})
	c.AllowNet = []string{}
	return c
}
