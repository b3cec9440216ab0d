package function

import (
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// maxProduct bounds the tuples that setproduct makes.
const maxProduct = 10_000

func toSet(p pay) function.Function {
	return ofSets(stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), p)
}
func setUnion(p pay) function.Function        { return ofSets(stdlib.SetUnionFunc, p) }
func setIntersection(p pay) function.Function { return ofSets(stdlib.SetIntersectionFunc, p) }
func setSubtract(p pay) function.Function     { return ofSets(stdlib.SetSubtractFunc, p) }

// ofSets is a function of sets that makes them itself: elements of a set that
// look alike are compared with each other, and the caller has to allow that.
func ofSets(fn function.Function, p pay) function.Function {
	taken := func(in []function.Parameter) []function.Parameter {
		out := make([]function.Parameter, len(in))
		for i, parameter := range in {
			parameter.Type = cty.DynamicPseudoType
			out[i] = parameter
		}
		return out
	}
	spec := &function.Spec{Description: fn.Description(), Params: taken(fn.Params())}
	if rest := fn.VarParam(); rest != nil {
		spec.VarParam = &taken([]function.Parameter{*rest})[0]
	}
	spec.Type = func(args []cty.Value) (cty.Type, error) {
		sets, err := asSets(args, p)
		if err != nil {
			return cty.NilType, err
		}
		return fn.ReturnTypeForValues(sets)
	}
	spec.Impl = func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		sets, err := asSets(args, p)
		if err != nil {
			return cty.NilVal, err
		}
		return fn.Call(sets)
	}
	return function.New(spec)
}

func asSets(args []cty.Value, p pay) ([]cty.Value, error) {
	out := make([]cty.Value, len(args))
	members := 0
	for i, arg := range args {
		arg, _ = arg.UnmarkDeep()
		members += lengthOf(arg)
		if err := p(int64(i) + int64(members)*perMember); err != nil {
			return nil, err
		}
		set, err := asSet(arg, p)
		if err != nil {
			return nil, function.NewArgError(i, err)
		}
		out[i] = set
	}
	return out, nil
}

// asSet is a list or tuple as a set.
func asSet(v cty.Value, p pay) (cty.Value, error) {
	if v.IsKnown() && !v.IsNull() && (v.Type().IsListType() || v.Type().IsTupleType()) {
		list, err := convert.Convert(v, cty.List(cty.DynamicPseudoType))
		if err != nil {
			return cty.NilVal, err
		}
		if err := p(budget.Lookalikes(list)); err != nil {
			return cty.NilVal, err
		}
		v = list
	}
	if v.Type() == cty.DynamicPseudoType {
		return v, nil
	}
	return convert.Convert(v, cty.Set(cty.DynamicPseudoType))
}

// setProduct makes its tuples in a list first.
func setProduct(p pay) function.Function {
	return function.New(&function.Spec{
		Description: stdlib.SetProductFunc.Description(),
		VarParam:    stdlib.SetProductFunc.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := checkProduct(args); err != nil {
				return cty.NilType, err
			}
			return stdlib.SetProductFunc.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
			lists := make([]cty.Value, len(args))
			for i, arg := range args {
				lists[i] = arg
				if !arg.Type().IsSetType() {
					continue
				}
				list, err := convert.Convert(arg, cty.List(arg.Type().ElementType()))
				if err != nil {
					return cty.NilVal, function.NewArgError(i, err)
				}
				lists[i] = list
			}
			made, err := stdlib.SetProductFunc.Call(lists)
			if err != nil || !want.IsSetType() {
				return made, err
			}
			if err := p(budget.Lookalikes(made)); err != nil {
				return cty.NilVal, err
			}
			return convert.Convert(made, want)
		},
	})
}

func checkProduct(args []cty.Value) error {
	product := 1.0
	for _, arg := range args {
		bare, _ := arg.Unmark()
		product *= float64(lengthOf(bare))
	}
	if product > maxProduct {
		return fmt.Errorf("the product would have %.0f elements; at most %d are allowed", product, maxProduct)
	}
	return nil
}

// checkDistinct bounds what distinct compares with each other.
func checkDistinct(args []cty.Value) error {
	if n := lengthOf(args[0]); n > maxDistinct {
		return errors.New(tooDistinct(n))
	}
	return nil
}

const maxDistinct = 1_000

func tooDistinct(n int) string {
	return fmt.Sprintf("the list has %d elements; at most %d can be compared. Use toset", n, maxDistinct)
}
