package function

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

const (
	maxPattern = 1000     // bytes of a regular expression
	maxSteps   = 5_000    // of it, repetitions written out
	maxMatch   = 32 << 20 // steps times bytes of text
)

func regex(p pay) function.Function { return bounded(stdlib.RegexFunc, patternCheck(p)) }

func regexAll(p pay) function.Function { return bounded(stdlib.RegexAllFunc, patternCheck(p)) }

// patternCheck checks a pattern and the text that it is matched with, and asks
// for what that costs.
func patternCheck(p pay) func(args []cty.Value) error {
	return func(args []cty.Value) error { return checkPattern(textOf(args[0]), textOf(args[1]), p) }
}

func checkPattern(pattern, s string, p pay) error {
	if len(pattern) > maxPattern {
		return fmt.Errorf("a regular expression may have %d bytes", maxPattern)
	}
	steps := stepsOf(pattern)
	if steps > maxSteps {
		return fmt.Errorf("the regular expression is too large: repetitions count as if they were written out, and %d steps are allowed", maxSteps)
	}
	if (steps+1)*(len(s)+1) > maxMatch {
		return errors.New("the text is too long for this regular expression")
	}
	if err := p(int64((steps + 1) * (len(s) + 20) / matched)); err != nil {
		return err
	}
	return atMost(float64(strings.Count(pattern, "(")) * float64(len(s)))
}

// stepsOf is how large a pattern becomes when it is compiled. One that is wrong
// has none: whoever compiles it says so.
func stepsOf(pattern string) int {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0
	}
	return stepsIn(re)
}

func stepsIn(re *syntax.Regexp) int {
	steps := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		steps += stepsIn(sub)
	}
	if re.Op == syntax.OpRepeat {
		steps *= max(re.Min, re.Max, 1)
	}
	return min(steps, maxSteps+1)
}

// replace follows Terraform: a search string between slashes is a regular
// expression.
func replace(p pay) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "string", Type: cty.String}, {Name: "search", Type: cty.String}, {Name: "replacement", Type: cty.String},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, search, with := args[0].AsString(), args[1].AsString(), args[2].AsString()
			if len(search) > 1 && strings.HasPrefix(search, "/") && strings.HasSuffix(search, "/") {
				return replacePattern(s, search[1:len(search)-1], with, p)
			}
			if err := atMost(float64(len(s)) + float64(strings.Count(s, search))*float64(len(with))); err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(strings.ReplaceAll(s, search, with)), nil
		},
	})
}

func replacePattern(s, pattern, with string, p pay) (cty.Value, error) {
	if err := checkPattern(pattern, s, p); err != nil {
		return cty.NilVal, err
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return cty.NilVal, function.NewArgErrorf(1, "not a regular expression: %v", err)
	}
	// Each match is at least replaced by the text, and each $ in it may bring
	// the whole match; all matches together are not longer than s.
	enough := maxResult/max(len(with), 1) + 1
	matches := float64(len(re.FindAllStringIndex(s, enough)))
	if err := atMost(float64(len(s))*float64(1+strings.Count(with, "$")) + matches*float64(len(with))); err != nil {
		return cty.NilVal, err
	}
	return cty.StringVal(re.ReplaceAllString(s, with)), nil
}
