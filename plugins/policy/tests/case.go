package tests

import (
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/stagegate/stagegate/sdk"
)

// Bounds of what is said about one test.
const (
	maxMessage = 2 << 10
	maxOutput  = 1 << 10
)

// testCase is one test that was run.
type testCase struct {
	file    string
	line    int
	pkg     string
	name    string
	verdict sdk.Verdict
	message string
	seconds float64
}

// caseOf says how a test ended; at is where it failed, as far as that is known.
func caseOf(one *tester.Result, at *ast.Location) testCase {
	c := testCase{pkg: strings.TrimPrefix(one.Package, "data."), name: one.Name, seconds: one.Duration.Seconds()}
	if one.Location != nil {
		c.file, c.line = one.Location.File, one.Location.Row
	}
	switch {
	case one.Skip:
		c.verdict = sdk.CaseSkipped
		return c
	case one.Error != nil:
		c.verdict, c.message = sdk.CaseBroken, one.Error.Error()
	case one.Fail:
		c.verdict, c.message = sdk.CaseFailed, "it is not true"
		if at != nil {
			c.line = at.Row
			c.message = "not true: " + strings.TrimSpace(firstLine(string(at.Text)))
		}
		if failing := failingParts(one.SubResults); len(failing) > 0 {
			c.message = "not true for " + strings.Join(failing, ", ")
		}
	default:
		c.verdict = sdk.CasePassed
		return c
	}
	if printed := strings.TrimSpace(string(one.Output)); printed != "" {
		c.message = cut(c.message, maxMessage) + "\n" + cut(printed, maxOutput)
	}
	c.message = cut(c.message, maxMessage+maxOutput)
	return c
}

// failingParts are the cases of a test that has several.
func failingParts(parts tester.SubResultMap) []string {
	var out []string
	for name, part := range parts {
		if part.Fail {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// place is where to look.
func (c testCase) place() string { return fmt.Sprintf("%s:%d", c.file, c.line) }

// whole is the name in words of the language.
func (c testCase) whole() string { return c.pkg + "." + c.name }

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
