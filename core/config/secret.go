package config

import (
	"fmt"
	"slices"

	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Secrets resolves secrets by name while a pipeline runs. It is never asked
// when one is only validated, and only for names that the stage mentions. Its
// errors name the secret and say what to do, and never hold its value.
type Secrets interface {
	Secret(name string) (string, error)
}

// unknownSecret is secret(…) before a run: a value that nobody knows yet.
func unknownSecret() function.Function {
	return secretFunction(func(string) (cty.Value, error) { return cty.UnknownVal(cty.String).RefineNotNull(), nil })
}

// resolvedSecret is secret(…) in a run, for the names that a stage mentions.
func resolvedSecret(from Secrets, allowed []string) function.Function {
	return secretFunction(func(name string) (cty.Value, error) {
		if from == nil {
			return cty.NilVal, fmt.Errorf("no secrets are configured; name a source of secrets in the runner's configuration")
		}
		if !slices.Contains(allowed, name) {
			return cty.NilVal, fmt.Errorf("the stage does not mention the secret %q", name)
		}
		text, err := from.Secret(name)
		if err != nil {
			return cty.NilVal, err
		}
		return cty.StringVal(text), nil
	})
}

func secretFunction(get func(name string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Description: "The secret of a name, sensitive.",
		Params:      []function.Parameter{{Name: "name", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := get(args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			return v.Mark(dynamic.Sensitive), nil
		},
	})
}
