package function

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// maxJSONDepth bounds the nesting of decoded JSON: the decoder recurses.
const maxJSONDepth = 64

func encoding() map[string]function.Function {
	return map[string]function.Function{
		"base64decode": ofText("string", func(s string) (string, error) {
			data, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return "", errors.New("is not base64")
			}
			if !utf8.Valid(data) {
				return "", errors.New("does not hold UTF-8 text")
			}
			return string(data), nil
		}),
		"base64encode": ofText("string", func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil }),
		"csvdecode":    stdlib.CSVDecodeFunc,
		"jsondecode":   bounded(stdlib.JSONDecodeFunc, func(args []cty.Value) error { return CheckJSON(textOf(args[0])) }),
		"jsonencode":   stdlib.JSONEncodeFunc,
		"urlencode":    ofText("string", func(s string) (string, error) { return url.QueryEscape(s), nil }),
	}
}

// ofText is a function from string to string; messages name its parameter.
func ofText(parameter string, convert func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: parameter, Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := convert(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return cty.StringVal(s), nil
		},
	})
}

// CheckJSON refuses JSON that is nested too deeply for a recursive decoder, or
// larger than a file may be.
func CheckJSON(s string) error {
	if len(s) > MaxFile {
		return fmt.Errorf("the JSON has %d bytes; at most %d are decoded", len(s), MaxFile)
	}
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > maxJSONDepth {
				return fmt.Errorf("the JSON is nested more than %d deep", maxJSONDepth)
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}
