package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// testFlags say which tests are run, and how much they have to reach.
type testFlags struct {
	bundle      string
	filter      string
	coverageMin float64
	format      string
}

func (a *app) policyTestCommand() *cobra.Command {
	var flags testFlags
	cmd := &cobra.Command{
		Use:   "test [BUNDLE]",
		Short: "Run the tests of a bundle of rules, and measure what they reach",
		Long: "Run the rules named test_… in the *_test.rego files of a bundle: a folder or .tar.gz, by default the working\n" +
			"folder. Failing tests are named with file and line, and for each file of rules the lines that no test reaches.\n" +
			"The tests run in the policy plugin, as a stage with uses = \"policy.tests\" runs them.\n\n" +
			"The exit code is 0 when all tests pass, 3 when one fails, none ran or they reach too little, and 2 when\n" +
			"the bundle cannot be used.",
		Example: "  runner policy test ./policy --coverage-min 100\n  runner policy test ./policy --filter 'tests\\.size\\.'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.bundle = pathArgument(args)
			return a.policyTest(cmd.Context(), flags)
		},
	}
	cmd.Flags().StringVar(&flags.filter, "filter", "", "only tests whose package and name match this regular `expression`")
	cmd.Flags().Float64Var(&flags.coverageMin, "coverage-min", 0, "least `percentage` of the rules' lines that tests have to reach")
	formatFlag(cmd, &flags.format)
	return cmd
}

func (a *app) policyTest(ctx context.Context, flags testFlags) error {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	if flags.coverageMin < 0 || flags.coverageMin > 100 {
		return usage(fmt.Errorf("--coverage-min is %g; it is a percentage, from 0 to 100", flags.coverageMin))
	}
	answer, err := a.testRules(ctx, flags)
	if err != nil {
		return err
	}
	if err := a.print(flags.format, answer, func() error { return answer.text(a.Stdout) }); err != nil {
		return err
	}
	if !answer.Passed {
		return errShown(exitFailed)
	}
	return nil
}

// testRules has the policy plugin run the tests.
func (a *app) testRules(ctx context.Context, flags testFlags) (answer *testedRules, err error) {
	bundle, err := wholePath(flags.bundle)
	if err != nil {
		return nil, usage(fmt.Errorf("find the bundle: %w", err))
	}
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	host, err := a.pluginHost(ctx, s, nil, redact.New())
	if err != nil {
		return nil, err
	}
	defer a.closeHost(ctx, host, &err)
	defer a.endAtOnce(ctx, host)()
	ref := pipeline.ComponentRef{Plugin: "policy", Name: "tests"}
	component, err := describing(host)(ctx, ref)
	if err != nil {
		return nil, usage(err)
	}
	config, err := configOf(component, map[string]cty.Value{
		"bundle": cty.StringVal(bundle), "coverage_min": cty.NumberFloatVal(flags.coverageMin), "run": optionalText(flags.filter),
	})
	if err != nil {
		return nil, err
	}
	attempt := &pluginv1.Attempt{Id: rand.Text(), Run: "policy-test", Number: 1, WorkDir: string(filepath.Separator)}
	result, err := host.Execute(ctx, engine.Call{
		Component: ref, Scope: engine.Scope{AttemptID: attempt.GetId()},
		Test: &pluginv1.TestRequest{Component: ref.Name, Attempt: attempt, Config: config},
	}, func(*pluginv1.Event) error { return nil }) // all that it prints is in the outputs
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	return readTestedRules(component, result, flags.bundle)
}

// configOf is a configuration of which only some is written.
func configOf(component *pluginv1.Component, values map[string]cty.Value) (*pluginv1.DynamicValue, error) {
	ty, err := dynamic.ImpliedType(component.GetConfig())
	if err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", component.GetName(), err)
	}
	for name := range values {
		if !ty.HasAttribute(name) {
			return nil, fmt.Errorf("the component %s has no argument %s: its plugin is an older one", component.GetName(), name)
		}
	}
	all := make(map[string]cty.Value)
	for name, attribute := range ty.AttributeTypes() {
		all[name] = cty.NullVal(attribute)
		if v, ok := values[name]; ok {
			all[name] = v
		}
	}
	return dynamic.Encode(cty.ObjectVal(all), ty)
}

func optionalText(s string) cty.Value {
	if s == "" {
		return cty.NullVal(cty.String)
	}
	return cty.StringVal(s)
}

// wholePath is where a path leads, from the root folder on: whoever opens it
// there follows no link out of it.
func wholePath(path string) (string, error) {
	if path == "" {
		path = "."
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// errNoTests says that a plugin gave no answer that could be read.
var errNoTests = errors.New("read the result of the tests: the plugin gave none")
