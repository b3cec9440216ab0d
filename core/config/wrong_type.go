package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// wrongType says that a value does not fit, at the innermost part that is to
// blame. Conversion errors speak of types and never quote values.
func wrongType(expr hclsyntax.Expression, v cty.Value, want cty.Type) diag.Diagnostic {
	path, err := blame(v, &want)
	place := body.Locate(expr, path)
	detail := upper(err.Error()) + "."
	if !want.IsPrimitiveType() {
		detail = fmt.Sprintf("%s: the type here is %s.", upper(err.Error()), clip(typeexpr.TypeString(want)))
	}
	return diag.Diagnostic{Severity: diag.Error, Summary: "Wrong type", Detail: detail, Subject: &place}
}

// blame is the path to the innermost value that does not convert, and why. Want
// becomes the type that is wanted there.
func blame(v cty.Value, want *cty.Type) (cty.Path, error) {
	_, err := convert.Convert(v, *want)
	bare, _ := v.Unmark()
	if err == nil || !bare.IsKnown() || bare.IsNull() || !bare.CanIterateElements() || bare.Type().IsSetType() {
		return nil, err
	}
	for it := bare.ElementIterator(); it.Next(); {
		key, element := it.Element()
		inner, step, ok := elementType(*want, key)
		if !ok {
			continue
		}
		if path, err := blame(element, &inner); err != nil {
			*want = inner
			return append(cty.Path{step}, path...), err
		}
	}
	return nil, err
}

// elementType is the type that is wanted of the element with a key.
func elementType(ty cty.Type, key cty.Value) (cty.Type, cty.PathStep, bool) {
	switch isName := key.Type() == cty.String; {
	case isName && ty.IsObjectType() && ty.HasAttribute(key.AsString()):
		return ty.AttributeType(key.AsString()), cty.GetAttrStep{Name: key.AsString()}, true
	case isName == ty.IsMapType() && ty.IsCollectionType():
		return ty.ElementType(), cty.IndexStep{Key: key}, true
	default:
		return cty.NilType, nil, false
	}
}
