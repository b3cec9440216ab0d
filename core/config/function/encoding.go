package function

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// maxJSONDepth bounds the nesting of decoded JSON: the decoder recurses.
const maxJSONDepth = 64

// maxElements bounds the elements of JSON, in all its lists and objects.
const maxElements = 100_000

// maxDigits bounds numbers in JSON, in characters.
const maxDigits = 1000

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
		"jsonencode":   stdlib.JSONEncodeFunc,
		"urlencode":    ofText("string", func(s string) (string, error) { return url.QueryEscape(s), nil }),
	}
}

func jsonDecode(p pay) function.Function {
	return bounded(stdlib.JSONDecodeFunc, func(args []cty.Value) error {
		text := textOf(args[0])
		if err := CheckJSON(text); err != nil {
			return err
		}
		return p(perDecoded * int64(strings.Count(text, ",")+1))
	})
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
// larger than a file may be. A number that is too long takes quadratic time.
func CheckJSON(s string) error {
	if len(s) > MaxFile {
		return fmt.Errorf("the JSON has %d bytes; at most %d are decoded", len(s), MaxFile)
	}
	depth, quoted, digits, elements := 0, false, 0, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if quoted || c != '.' && c != '-' && c != '+' && c|0x20 != 'e' && (c < '0' || c > '9') {
			digits = 0
		} else if digits++; digits > maxDigits {
			return fmt.Errorf("the JSON has a number of more than %d characters", maxDigits)
		}
		switch {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > maxJSONDepth {
				return fmt.Errorf("the JSON is nested more than %d deep", maxJSONDepth)
			}
		case c == ',':
			if elements++; elements > maxElements {
				return fmt.Errorf("the JSON has more than %d elements", maxElements)
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
}
