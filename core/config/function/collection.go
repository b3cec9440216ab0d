package function

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func collection() map[string]function.Function {
	return map[string]function.Function{
		"alltrue":      every(cty.True),
		"anytrue":      every(cty.False),
		"chunklist":    stdlib.ChunklistFunc,
		"coalesce":     coalesce(),
		"coalescelist": stdlib.CoalesceListFunc,
		"compact":      stdlib.CompactFunc,
		"concat":       stdlib.ConcatFunc,
		"contains":     stdlib.ContainsFunc,
		"distinct":     bounded(stdlib.DistinctFunc, checkDistinct),
		"element":      stdlib.ElementFunc,
		"flatten":      stdlib.FlattenFunc,
		"keys":         stdlib.KeysFunc,
		"length":       length(),
		"lookup":       lookup(),
		"merge":        stdlib.MergeFunc,
		"one":          one(),
		"range":        stdlib.RangeFunc,
		"reverse":      stdlib.ReverseListFunc,
		"slice":        stdlib.SliceFunc,
		"sort":         stdlib.SortFunc,
		"sum":          sum(),
		"values":       stdlib.ValuesFunc,
		"zipmap":       stdlib.ZipmapFunc,
	}
}

// length is the number of characters of a string or of elements of anything
// else.
func length() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true, AllowMarked: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			ty := args[0].Type()
			if ty == cty.String || ty == cty.DynamicPseudoType || ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType() {
				return cty.Number, nil
			}
			return cty.NilType, function.NewArgErrorf(0, "must be a string, a collection or a structure")
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, marks := args[0].Unmark()
			switch {
			case !v.IsKnown():
				return cty.UnknownVal(cty.Number).WithMarks(marks), nil
			case v.Type() == cty.String:
				n, err := stdlib.Strlen(v)
				return n.WithMarks(marks), err
			default:
				return v.Length().WithMarks(marks), nil
			}
		},
	})
}

// lookup takes its default as optional, as Terraform does.
func lookup() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{{Name: "map", Type: cty.DynamicPseudoType}, {Name: "key", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.DynamicPseudoType, AllowNull: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			v, err := find(args)
			if err != nil {
				return cty.NilType, err
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return find(args) },
	})
}

func find(args []cty.Value) (cty.Value, error) {
	m, key := args[0], args[1]
	if len(args) > 3 {
		return cty.NilVal, fmt.Errorf("takes a map, a key and one default")
	}
	ty := m.Type()
	if !ty.IsMapType() && !ty.IsObjectType() {
		return cty.NilVal, function.NewArgErrorf(0, "must be a map or an object")
	}
	if !m.IsKnown() || !key.IsKnown() {
		return cty.DynamicVal, nil
	}
	if ty.IsObjectType() && ty.HasAttribute(key.AsString()) {
		return m.GetAttr(key.AsString()), nil
	}
	if ty.IsMapType() && m.HasIndex(key).True() {
		return m.Index(key), nil
	}
	if len(args) == 3 {
		return args[2], nil
	}
	return cty.NilVal, function.NewArgErrorf(1, "the map has no such key, and no default is given")
}

// one is the only element, or null when there is none.
func one() function.Function {
	pick := func(args []cty.Value) (cty.Value, error) {
		v := args[0]
		if !v.CanIterateElements() {
			return cty.DynamicVal, nil
		}
		switch n := v.LengthInt(); n {
		case 0:
			return cty.NullVal(cty.DynamicPseudoType), nil
		case 1:
			return v.AsValueSlice()[0], nil
		default:
			return cty.NilVal, function.NewArgErrorf(0, "must have no element or one, and has %d", n)
		}
	}
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
		Type: func(args []cty.Value) (cty.Type, error) {
			if ty := args[0].Type(); !ty.IsListType() && !ty.IsSetType() && !ty.IsTupleType() {
				return cty.NilType, function.NewArgErrorf(0, "must be a list, a set or a tuple")
			}
			v, err := pick(args)
			if err != nil {
				return cty.NilType, err
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return pick(args) },
	})
}

// every is alltrue (neutral true) or anytrue (neutral false).
func every(neutral cty.Value) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			result := neutral
			for it := args[0].ElementIterator(); it.Next(); {
				_, v := it.Element()
				switch {
				case v.IsNull():
					return cty.False, nil
				case !v.IsKnown():
					result = cty.UnknownVal(cty.Bool)
				case v.False() == neutral.True():
					return neutral.Not(), nil
				}
			}
			return result, nil
		},
	})
}

func sum() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "numbers", Type: cty.List(cty.Number)}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			total := cty.Zero
			for it := args[0].ElementIterator(); it.Next(); {
				_, v := it.Element()
				if v.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "must not have null elements")
				}
				total = total.Add(v)
			}
			return total, nil
		},
	})
}
