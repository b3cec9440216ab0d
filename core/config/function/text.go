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
	maxWidth  = 1000 // of a format verb
	maxCutset = 256  // characters that trim removes
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
	if s := textOf(v); len(s) > 1 {
		if len(s) > maxWidth {
			if strings.TrimLeft(s, "+-.0123456789eE") == "" {
				return errors.New("a number is too long")
			}
			return nil
		}
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
