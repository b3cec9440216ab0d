package opa

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Suite is a bundle with its tests, parsed.
type Suite struct {
	Rules map[string]*ast.Module // what is evaluated, by file
	Tests map[string]*ast.Module // the files that end in _test.rego
	Data  map[string]any         // with what tests alone see
}

// ReadSuite reads a folder or tarball below dir. A bundle that could not be
// evaluated has no suite: tests of it would mean nothing.
func ReadSuite(ctx context.Context, dir, name string) (*Suite, error) {
	files, err := readFiles(dir, name, func(name string) bool { return counts(name) || tests(name) })
	if err != nil {
		return nil, err
	}
	evaluated, tested := maps.Clone(files), maps.Clone(files)
	maps.DeleteFunc(evaluated, func(name string, _ []byte) bool { return tests(name) })
	maps.DeleteFunc(tested, func(name string, _ []byte) bool { return !tests(name) })
	if _, err := compile(ctx, evaluated, selection{}); err != nil {
		return nil, err
	}
	s := new(Suite)
	if s.Rules, err = parseModules(evaluated); err != nil {
		return nil, err
	}
	if s.Tests, err = parseModules(tested); err != nil {
		return nil, err
	}
	s.Data, err = testData(evaluated, tested)
	return s, err
}

// tests reports whether a file is for tests alone.
func tests(name string) bool {
	base := path.Base(name)
	return strings.HasSuffix(base, "_test.rego") || base == "data_test.json" || base == "data_test.yaml"
}

// testData is the bundle's data, and beside it, at the places that their folders
// name, what is for tests.
func testData(evaluated, tested bundleFiles) (map[string]any, error) {
	data, err := readData(evaluated, nil)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(tested)) {
		if strings.HasSuffix(name, ".rego") {
			continue
		}
		value, err := decodeData(name, tested[name])
		if err == nil {
			err = merge(data, folders(name), value)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	return data, nil
}

// Compiler is one with what rules and their tests may call.
func Compiler() *ast.Compiler {
	return ast.NewCompiler().WithStrict(true).WithCapabilities(capabilities()).WithDefaultRegoVersion(ast.RegoV1)
}
