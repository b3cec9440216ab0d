package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	configfunction "github.com/stagegate/stagegate/core/config/function"
	"github.com/stagegate/stagegate/core/config/guard"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// readVariableFile reads name = value lines, or a JSON object when the file's
// name ends in .json.
func readVariableFile(path string) ([]assignment, diag.List) {
	var diags diag.List
	data, err := readBounded(path)
	if err != nil {
		diags.Append(nil, "Variable file cannot be read", fmt.Sprintf("%s: %v.", path, err))
		return nil, diags
	}
	if strings.EqualFold(filepath.Ext(path), ".json") {
		out, err := readJSON(path, data)
		if err != nil {
			diags.Append(nil, "Invalid variable file", fmt.Sprintf(
				"%s: %v. Write one JSON object with the variables' names as keys.", path, err))
		}
		return out, diags
	}
	return readNative(path, data)
}

func readNative(path string, data []byte) ([]assignment, diag.List) {
	body, diags := guard.Parse(path, data)
	if diags.HasErrors() {
		return nil, diags
	}
	spend := budget.New(budget.Load)
	for _, b := range body.Blocks {
		diags.Append(&b.TypeRange, fmt.Sprintf("Unsupported block %q", clip(b.Type)),
			"A variable file has lines of the form name = value only.")
	}
	var out []assignment
	for _, a := range sortedAttributes(body) {
		place := a.NameRange
		value, problems := spend.Constant(a.Expr)
		if spend.Exhausted() {
			return nil, append(diags, tooExpensive(place)...)
		}
		if problems.HasErrors() {
			diags.Append(&place, "A variable file holds constants",
				fmt.Sprintf("The value of %q cannot use names or functions.", clip(a.Name)))
			continue
		}
		out = append(out, assignment{name: a.Name, source: at(place), place: &place, value: value})
	}
	return out, diags
}

func readJSON(path string, data []byte) ([]assignment, error) {
	if err := configfunction.CheckJSON(string(data)); err != nil {
		return nil, err
	}
	// Errors of the decoder may quote the file, which may hold secrets.
	ty, err := ctyjson.ImpliedType(data)
	if err != nil {
		return nil, errors.New("it is not valid JSON")
	}
	if !ty.IsObjectType() {
		return nil, errors.New("it is not a JSON object")
	}
	all, err := ctyjson.Unmarshal(data, ty)
	if err != nil {
		return nil, errors.New("it is not valid JSON")
	}
	values := all.AsValueMap()
	var out []assignment
	for name, value := range values {
		out = append(out, assignment{name: name, source: path, value: value})
	}
	slices.SortFunc(out, func(a, b assignment) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

// readBounded reads a file that the user named.
func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(f, guard.MaxFileBytes+1))
	if err != nil {
		return nil, cause(err)
	}
	if len(data) > guard.MaxFileBytes {
		return nil, fmt.Errorf("it has more than %d bytes", guard.MaxFileBytes)
	}
	return data, nil
}

// readText reads the text of a flag or an environment variable by the type of
// its variable. Errors never quote it: it may be a secret.
func (v *Variable) readText(text string, b *budget.Budget) (cty.Value, error) {
	if !v.typed || v.want == cty.String {
		return cty.StringVal(text), nil
	}
	if v.want == cty.Number || v.want == cty.Bool {
		return cty.StringVal(strings.TrimSpace(text)), nil
	}
	if d := guard.Check("value", []byte(text), hcl.InitialPos); d != nil {
		return cty.NilVal, errors.New(strings.ToLower(d.Summary[:1]) + d.Summary[1:])
	}
	const syntax = `it is not an expression such as ["a", "b"] or { key = "value" }`
	expr, problems := hclsyntax.ParseExpression([]byte(text), "value", hcl.InitialPos)
	if problems.HasErrors() {
		return cty.NilVal, errors.New(syntax)
	}
	value, problems := b.Constant(expr)
	if b.Exhausted() {
		return cty.NilVal, budget.ErrExhausted
	}
	if problems.HasErrors() {
		return cty.NilVal, errors.New(syntax + " without names and functions")
	}
	return value, nil
}
