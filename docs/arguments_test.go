package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Every argument and block that the language takes is in the table of its
// block, and nothing else is.
func TestEveryArgumentIsListed(t *testing.T) {
	t.Parallel()
	guide := read(t, "docs/pipelines.md")
	for heading, shape := range map[string]string{
		"## `pipeline`": "pipelineShape", "## `variable`": "variableShape", "## `stage`": "stageShape", "## Retry and timeout": "retryShape", "## `notify`": "notifyShape",
	} {
		listed := slices.DeleteFunc(guide.column(t, heading, 1), func(s string) bool { return s == "retry" && shape == "retryShape" })
		same(t, "arguments of "+heading, argumentsOf(t, shape), listed)
	}
}

// argumentsOf reads the fields of the shape that a function of core/config
// returns.
func argumentsOf(t *testing.T, function string) []string {
	t.Helper()
	var out []string
	inspect(t, "core/config/block_*.go", func(n ast.Node) bool {
		if fn, ok := n.(*ast.FuncDecl); ok && fn.Name.Name != function {
			return false
		}
		field, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := field.Key.(*ast.Ident); !ok || !slices.Contains([]string{"args", "blocks", "single"}, key.Name) {
			return true
		}
		ast.Inspect(field.Value, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok {
				value, err := strconv.Unquote(text.Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, value)
			}
			return true
		})
		return false
	})
	return out
}

func TestEveryOperatorArgumentIsListed(t *testing.T) {
	t.Parallel()
	var want []string
	inspect(t, "core/operator/config.go", func(n ast.Node) bool {
		ty, ok := n.(*ast.TypeSpec)
		if !ok || ty.Name.Name != "fileConfig" {
			return true
		}
		ast.Inspect(ty, func(n ast.Node) bool {
			if field, ok := n.(*ast.Field); ok && field.Tag != nil {
				name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("hcl"), ",")
				want = append(want, name)
			}
			return true
		})
		return false
	})
	same(t, "arguments of the operator", want, read(t, "docs/operators.md").column(t, "## Configuration", 1))
}

func inspect(t *testing.T, pattern string, visit func(ast.Node) bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no %s: %v", pattern, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, visit)
	}
}
