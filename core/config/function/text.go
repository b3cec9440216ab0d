package function

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

const (
	maxWidth   = 1000 // of a format verb
	maxCutset  = 256  // characters that trim removes
	maxPattern = 1000 // bytes of a regular expression
	maxMatch   = 64 << 20
)

func text() map[string]function.Function {
	return map[string]function.Function{
		"chomp":       stdlib.ChompFunc,
		"endswith":    affix("suffix", strings.HasSuffix),
		"format":      bounded(stdlib.FormatFunc, checkFormat),
		"formatlist":  bounded(stdlib.FormatListFunc, checkFormat),
		"indent":      bounded(stdlib.IndentFunc, checkIndent),
		"join":        bounded(stdlib.JoinFunc, checkJoin),
		"lower":       stdlib.LowerFunc,
		"regex":       bounded(stdlib.RegexFunc, checkRegex),
		"regexall":    bounded(stdlib.RegexAllFunc, checkRegex),
		"replace":     replace(),
		"split":       stdlib.SplitFunc,
		"startswith":  affix("prefix", strings.HasPrefix),
		"strcontains": affix("substring", strings.Contains),
		"strlen":      stdlib.StrlenFunc,
		"strrev":      stdlib.ReverseFunc,
		"substr":      stdlib.SubstrFunc,
		"title":       stdlib.TitleFunc,
		"trim":        bounded(stdlib.TrimFunc, checkTrim),
		"trimprefix":  stdlib.TrimPrefixFunc,
		"trimspace":   stdlib.TrimSpaceFunc,
		"trimsuffix":  stdlib.TrimSuffixFunc,
		"upper":       stdlib.UpperFunc,
	}
}

// affix is a function of two strings that answers yes or no.
func affix(name string, test func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "string", Type: cty.String}, {Name: name, Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(test(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// replace follows Terraform: a search string between slashes is a regular
// expression.
func replace() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{
			{Name: "string", Type: cty.String}, {Name: "search", Type: cty.String}, {Name: "replacement", Type: cty.String},
		},
		Type: function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, search, with := args[0].AsString(), args[1].AsString(), args[2].AsString()
			if len(search) > 1 && strings.HasPrefix(search, "/") && strings.HasSuffix(search, "/") {
				return replacePattern(s, search[1:len(search)-1], with)
			}
			if err := atMost(float64(len(s)) + float64(strings.Count(s, search))*float64(len(with))); err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(strings.ReplaceAll(s, search, with)), nil
		},
	})
}

func replacePattern(s, pattern, with string) (cty.Value, error) {
	if err := checkRegex([]cty.Value{cty.StringVal(pattern), cty.StringVal(s)}); err != nil {
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

var digits = regexp.MustCompile(`[0-9]+`)

func checkFormat(args []cty.Value) error {
	if len(args) == 0 {
		return nil
	}
	spec := textOf(args[0])
	verbs := strings.Split(spec, "%")[min(1, strings.Count(spec, "%")):]
	for _, verb := range verbs {
		for _, n := range digits.FindAllString(verb[:strings.IndexFunc(verb+"v", isLetter)], -1) {
			if w, err := strconv.Atoi(n); err != nil || w > maxWidth {
				return fmt.Errorf("a width, precision or argument number may be at most %d", maxWidth)
			}
		}
	}
	longest, rows := 0, 1
	for _, arg := range args[1:] {
		if err := checkNumbers(arg); err != nil {
			return err
		}
		longest = max(longest, largest(arg))
		rows = max(rows, lengthOf(arg))
	}
	return atMost(float64(rows) * (float64(len(spec)) + float64(len(verbs))*float64(longest+maxWidth)))
}

func isLetter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

// checkNumbers refuses text that %d would turn into a number of a gigabyte.
func checkNumbers(v cty.Value) error {
	if s := textOf(v); len(s) > 1 && len(s) < 64 {
		if f, err := cty.ParseNumberVal(s); err == nil && f.AsBigFloat().MantExp(nil) > maxExponent {
			return errors.New("a number is out of range")
		}
		return nil
	}
	if v.IsKnown() && !v.IsNull() && v.CanIterateElements() {
		for it := v.ElementIterator(); it.Next(); {
			if _, element := it.Element(); element.Type() == cty.String {
				if err := checkNumbers(element); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func checkIndent(args []cty.Value) error {
	n, _ := numberOf(args[0])
	if n > maxWidth {
		return fmt.Errorf("text may be indented by at most %d", maxWidth)
	}
	s := textOf(args[1])
	return atMost(float64(len(s)) + float64(strings.Count(s, "\n"))*n)
}

func checkJoin(args []cty.Value) error {
	size, parts := 0, 0
	for _, list := range args[1:] {
		size += largest(list)
		parts += lengthOf(list)
	}
	return atMost(float64(size) + float64(parts)*float64(len(textOf(args[0]))))
}

func checkTrim(args []cty.Value) error {
	if len(textOf(args[1])) > maxCutset {
		return fmt.Errorf("at most %d bytes can be trimmed away", maxCutset)
	}
	return nil
}

func checkRegex(args []cty.Value) error {
	pattern, s := textOf(args[0]), textOf(args[1])
	if len(pattern) > maxPattern {
		return fmt.Errorf("a regular expression may have %d bytes", maxPattern)
	}
	if (len(pattern)+1)*(len(s)+1) > maxMatch {
		return errors.New("the text is too long for this regular expression")
	}
	return atMost(float64(strings.Count(pattern, "(")) * float64(len(s)))
}
