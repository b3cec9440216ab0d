// Package opa is the component policy.opa: rules in Rego, evaluated by an
// embedded Open Policy Agent.
//
// A bundle is a folder or tarball of Rego modules and data. A rule lives in a
// package stagegate.<group>, is named deny or warn, and says in its METADATA who
// it is (custom.id). Everything that could let a plan through by accident is an
// error instead: a bundle without rules or with fewer than it declares, a rule
// without an identity, an undefined result, a result of the wrong shape, a
// built-in that fails.
//
// Rules see the input and nothing else: neither network, nor clock, nor
// environment, nor chance. The same input gives the same verdict.
package opa
