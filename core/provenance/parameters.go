package provenance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/zclconf/go-cty/cty"
)

// sensitive stands for what is not told.
const sensitive = "(sensitive)"

// Bounds of what is told in full. A digest stands for what is longer, so that it
// can be compared all the same.
const (
	maxText = 4 << 10
	maxWith = 256 << 10
)

// parameters is a configuration in JSON's terms, without what is sensitive.
// Arguments that are not set are left out.
func parameters(v cty.Value) (any, error) {
	if v == cty.NilVal || v.IsNull() {
		return map[string]any{}, nil
	}
	out, err := plain(v)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode configuration: %w", err)
	}
	if len(raw) > maxWith {
		return map[string]any{"stagegate_sha256": sumOf(raw), "stagegate_bytes": len(raw)}, nil
	}
	return out, nil
}

func sumOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

func plain(v cty.Value) (any, error) {
	if v.IsMarked() {
		return sensitive, nil
	}
	ty := v.Type()
	switch {
	case !v.IsKnown():
		return nil, errors.New("the configuration is not known")
	case v.IsNull():
		return nil, nil
	case ty == cty.String:
		text := v.AsString()
		if len(text) > maxText {
			return map[string]any{"stagegate_sha256": sumOf([]byte(text)), "stagegate_bytes": len(text)}, nil
		}
		return text, nil
	case ty == cty.Bool:
		return v.True(), nil
	case ty == cty.Number:
		text := v.AsBigFloat().Text('f', -1)
		if v.AsBigFloat().IsInf() { // JSON has no form for it
			return text, nil
		}
		return json.Number(text), nil
	case ty.IsObjectType() || ty.IsMapType():
		out := make(map[string]any, v.LengthInt())
		for key, element := range v.AsValueMap() {
			p, err := plain(element)
			if err != nil {
				return nil, err
			}
			if p != nil || ty.IsMapType() {
				out[key] = p
			}
		}
		return out, nil
	case ty.IsListType() || ty.IsSetType() || ty.IsTupleType():
		out := make([]any, 0, v.LengthInt())
		for _, element := range v.AsValueSlice() {
			p, err := plain(element)
			if err != nil {
				return nil, err
			}
			out = append(out, p)
		}
		return out, nil
	}
	return nil, fmt.Errorf("a value of type %s has no form in JSON", ty.FriendlyName())
}

// variables are given as JSON, or as a note that they are sensitive.
func variables(in map[string]string) map[string]any {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]any, len(in))
	for name, text := range in {
		if json.Valid([]byte(text)) {
			out[name] = json.RawMessage(text)
		} else {
			out[name] = text
		}
	}
	return out
}
