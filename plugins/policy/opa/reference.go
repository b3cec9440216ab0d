package opa

import (
	"cmp"
	"context"
	"slices"
)

// BuiltinRules are the rules of the compliance bundle for its documentation, by
// group and identity.
func BuiltinRules(ctx context.Context) ([]Rule, error) {
	p, err := compile(ctx, builtin(), selection{})
	if err != nil {
		return nil, err
	}
	out := make([]Rule, 0, len(p.rules.byID))
	for _, r := range p.rules.byID {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// BuiltinParameters are the parameters of the compliance bundle with their
// defaults.
func BuiltinParameters() (map[string]any, error) {
	data, err := readData(builtin(), nil)
	if err != nil {
		return nil, err
	}
	group, _ := data[rulesRoot].(map[string]any)
	parameters, _ := group["parameters"].(map[string]any)
	return parameters, nil
}
