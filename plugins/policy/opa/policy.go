package opa

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/stagegate/stagegate/sdk"
)

// policy is a compiled bundle with its data. It is not changed once made, so
// that many evaluations may share it.
type policy struct {
	identity sdk.Bundle
	rules    ruleSet
	query    rego.PreparedEvalQuery
	doubts   []string // places whose author should look again
}

// compile makes a policy of a bundle, or says all that is wrong with it.
func compile(ctx context.Context, files bundleFiles, chosen selection) (*policy, error) {
	m, err := readManifest(files)
	if err != nil {
		return nil, err
	}
	data, err := readData(files, chosen.parameters)
	if err != nil {
		return nil, err
	}
	modules, err := parseModules(files)
	if err != nil {
		return nil, err
	}
	rules, err := collectRules(modules)
	if err != nil {
		return nil, err
	}
	if len(rules.byID) == 0 {
		return nil, fmt.Errorf("it holds no rule: a rule is `deny contains result if { … }` in a package %s.<group>", rulesRoot)
	}
	if len(rules.byID) < m.Metadata.MinRules {
		return nil, fmt.Errorf("it holds %d rules, fewer than the %d that its %s declares", len(rules.byID), m.Metadata.MinRules, manifest)
	}
	if err := rules.only(chosen.groups); err != nil {
		return nil, err
	}
	doubts := blindNegations(modules) // before the compiler rewrites them
	query, err := prepare(ctx, modules, data, rules.documents)
	if err != nil {
		return nil, err
	}
	return &policy{
		identity: sdk.Bundle{Name: m.Metadata.Name, Revision: m.Revision, Digest: digestWith(files, chosen)},
		rules:    rules,
		query:    query,
		doubts:   doubts,
	}, nil
}

func parseModules(files bundleFiles) (map[string]*ast.Module, error) {
	modules := make(map[string]*ast.Module)
	var errs []error
	for name, source := range files {
		if !strings.HasSuffix(name, ".rego") {
			continue
		}
		m, err := ast.ParseModuleWithOpts(name, string(source), ast.ParserOptions{
			ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: capabilities(),
		})
		if err != nil {
			errs = append(errs, err)
			continue
		}
		modules[name] = m
	}
	return modules, errors.Join(errs...)
}

// prepare compiles strictly and prepares one query for all results.
func prepare(ctx context.Context, modules map[string]*ast.Module, data map[string]any, documents []document) (rego.PreparedEvalQuery, error) {
	compiler := Compiler()
	if compiler.Compile(modules); compiler.Failed() {
		return rego.PreparedEvalQuery{}, compiler.Errors
	}
	parts := make([]string, 0, len(documents))
	for _, d := range documents {
		parts = append(parts, fmt.Sprintf("%q: data.%s[%q].%s", d.group+"/"+d.name, rulesRoot, d.group, d.name))
	}
	return rego.New(
		rego.Query("results := {"+strings.Join(parts, ", ")+"}"),
		rego.Compiler(compiler),
		rego.Store(inmem.NewFromObject(data)),
		rego.SetRegoVersion(ast.RegoV1),
		rego.Capabilities(capabilities()),
		rego.StrictBuiltinErrors(true),
	).PrepareForEval(ctx)
}
