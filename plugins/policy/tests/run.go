package tests

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/stagegate/stagegate/plugins/policy/opa"
	"github.com/stagegate/stagegate/sdk"
)

// Bounds of one run.
const (
	maxTests    = 10_000
	testTimeout = 20 * time.Second // of one test
)

// result is what a run of tests came to.
type result struct {
	cases []testCase
	files []fileCoverage
	lines coverage // of all files
}

// run reads the bundle and runs its tests.
func run(ctx context.Context, req sdk.Request) (*result, error) {
	suite, err := opa.ReadSuite(ctx, req.Attempt.WorkDir, req.Config.String("bundle"))
	if err != nil {
		return nil, &sdk.Failure{
			Summary: "The bundle " + req.Config.String("bundle") + " cannot be used", Detail: err.Error(), Class: "bundle_unusable", Broken: true,
		}
	}
	covered := cover.New()
	done, err := perform(ctx, suite, req.Config.String("run"), func(r *tester.Runner) {
		r.SetCoverageQueryTracer(covered).SetCoverageRuns(nil)
	})
	if err != nil {
		return nil, err
	}
	out := &result{}
	var failed []*tester.Result
	for _, one := range done {
		if !one.Pass() && !one.Skip {
			failed = append(failed, one)
		}
	}
	places, err := failingPlaces(ctx, suite, failed)
	if err != nil {
		return nil, err
	}
	for _, one := range done {
		out.cases = append(out.cases, caseOf(one, places[nameOf(one)]))
	}
	slices.SortFunc(out.cases, func(a, b testCase) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.name, b.name))
	})
	out.files, out.lines = coverageOf(covered, suite.Rules)
	return out, nil
}

// perform runs the tests that a filter lets through. Tests share the bundle's
// data and change nothing.
func perform(ctx context.Context, suite *opa.Suite, filter string, set func(*tester.Runner)) (done []*tester.Result, err error) {
	store := inmem.NewFromObject(suite.Data)
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the bundle's data: %w", err)
	}
	defer store.Abort(ctx, txn)
	modules := maps.Clone(suite.Rules)
	maps.Copy(modules, suite.Tests)
	runner := tester.NewRunner().SetStore(store).SetCompiler(opa.Compiler().WithEnablePrintStatements(true)).
		SetModules(modules).RaiseBuiltinErrors(true).SetTimeout(testTimeout).SetParallel(1).Filter(filter)
	set(runner)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	results, err := runner.RunTests(ctx, txn)
	if err != nil {
		return nil, &sdk.Failure{Summary: "The tests cannot be compiled", Detail: err.Error(), Class: "bundle_unusable", Broken: true}
	}
	for one := range results { // to the end: who sends waits for it
		if len(done) < maxTests {
			done = append(done, one)
		} else {
			cancel(errTooMany)
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return done, nil
}

var errTooMany = errors.New("the bundle has more than 10000 tests")
