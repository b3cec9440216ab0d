package tests

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/stagegate/stagegate/plugins/policy/opa"
)

// maxTraced bounds the failing tests that are run once more: a trace is large.
const maxTraced = 100

// failingPlaces are the expressions at which tests failed, by their names. Tests
// that failed are run again with a trace: the library keeps none beside the
// coverage.
func failingPlaces(ctx context.Context, suite *opa.Suite, failed []*tester.Result) (map[string]*ast.Location, error) {
	out := make(map[string]*ast.Location)
	var names []string
	for _, one := range failed {
		if one.Fail && one.Error == nil && len(names) < maxTraced {
			names = append(names, regexp.QuoteMeta(nameOf(one)))
		}
	}
	if len(names) == 0 {
		return out, nil
	}
	again, err := perform(ctx, suite, "^("+strings.Join(names, "|")+")$", func(r *tester.Runner) { r.EnableTracing(true) })
	if err != nil {
		return nil, err
	}
	for _, one := range again {
		if at := failingPlace(one); at != nil {
			out[nameOf(one)] = at
		}
	}
	return out, nil
}

// failingPlace is the last expression in the test's own file that was not true.
func failingPlace(one *tester.Result) *ast.Location {
	for _, event := range slices.Backward(one.Trace) {
		if event.Op == topdown.FailOp && event.Location != nil && one.Location != nil && event.Location.File == one.Location.File {
			return event.Location
		}
	}
	return nil
}

// nameOf is the name of a test, as the filter sees it.
func nameOf(one *tester.Result) string { return one.Package + "." + one.Name }
