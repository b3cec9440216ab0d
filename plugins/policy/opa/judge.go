package opa

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/util"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/strictjson"
)

// maxFindings bounds what one evaluation reports; a bundle that says more is
// broken, or hostile.
const maxFindings = 5000

var errTimeout = errors.New("the rules took too long")

// finding is what a rule puts into deny or warn. Whatever it leaves out comes
// from the rule's METADATA.
type finding struct {
	ID       string   `json:"id"`
	Message  string   `json:"msg"`
	Subject  string   `json:"subject"`
	Remedy   string   `json:"remedy"`
	Severity string   `json:"severity"`
	Controls []string `json:"controls"`
	Facts    []string `json:"facts"`
}

// judge evaluates every rule on one input.
func (p *policy) judge(ctx context.Context, input []byte) (sdk.Evaluation, error) {
	value, deploys, err := parseInput(input)
	if err != nil {
		return sdk.Evaluation{}, err
	}
	rules := p.rules.evaluated(deploys)
	if len(rules) == 0 {
		return sdk.Evaluation{}, errors.New("none of its rules judges artifacts alone, and nothing is deployed")
	}
	results, err := p.evaluate(ctx, value)
	if err != nil {
		return sdk.Evaluation{}, err
	}
	out := sdk.Evaluation{Verdict: sdk.VerdictPass, Rules: rules}
	found := 0
	for _, d := range p.rules.documents {
		list, err := p.rules.findings(d, results[d.group+"/"+d.name])
		if err != nil {
			return sdk.Evaluation{}, err
		}
		if found += len(list); found > maxFindings {
			return sdk.Evaluation{}, fmt.Errorf("there are more than %d findings", maxFindings)
		}
		if d.name == denyName {
			out.Violations = append(out.Violations, list...)
		} else {
			out.Warnings = append(out.Warnings, list...)
		}
	}
	if len(out.Violations) > 0 {
		out.Verdict = sdk.VerdictDeny
	}
	return out, nil
}

// parseInput reads the input and whether it is about a deployment. Only the
// exact word says that it is not.
func parseInput(input []byte) (value ast.Value, deploys bool, err error) {
	if err := strictjson.Check(input); err != nil {
		return nil, false, fmt.Errorf("read policy input: %w", err)
	}
	var doc map[string]any
	if err := util.UnmarshalJSON(input, &doc); err != nil {
		return nil, false, errors.New("read policy input: it is not an object")
	}
	value, err = ast.InterfaceToValue(doc)
	return value, doc["scope"] != "artifacts", err
}

// evaluate runs the prepared query within its time.
func (p *policy) evaluate(ctx context.Context, input ast.Value) (map[string]any, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, evalTimeout, fmt.Errorf("%w: more than %v", errTimeout, evalTimeout))
	defer cancel()
	set, err := p.query.Eval(ctx, rego.EvalParsedInput(input))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, fmt.Errorf("evaluate rules: %w", err)
	case len(set) != 1:
		return nil, errors.New("evaluate rules: the result is undefined")
	}
	results, ok := set[0].Bindings["results"].(map[string]any)
	if !ok {
		return nil, errors.New("evaluate rules: the result is not an object")
	}
	return results, nil
}

// findings reads one set of results.
func (s *ruleSet) findings(d document, results any) ([]sdk.Violation, error) {
	list, ok := results.([]any)
	if !ok {
		return nil, fmt.Errorf("%s of group %s is a %T, not a set", d.name, d.group, results)
	}
	out := make([]sdk.Violation, 0, len(list))
	for _, one := range list {
		f, err := readFinding(one)
		if err != nil {
			return nil, fmt.Errorf("a result of %s in group %s: %w", d.name, d.group, err)
		}
		rule, known := s.bodies[body{d, f.ID}]
		if !known {
			return nil, fmt.Errorf("a result of %s in group %s names the rule %.64q, which is not there", d.name, d.group, f.ID)
		}
		out = append(out, sdk.Violation{
			Rule: f.ID, Message: f.Message, Subject: f.Subject,
			Remedy:   cmp.Or(f.Remedy, rule.Remedy),
			Severity: cmp.Or(f.Severity, rule.Severity),
			Controls: either(f.Controls, rule.Controls),
			Facts:    either(f.Facts, rule.Facts),
		})
	}
	return out, nil
}

func readFinding(value any) (finding, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return finding{}, fmt.Errorf("it is a %T; write {\"id\": …, \"msg\": …}", value)
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains([]string{"id", "msg", "subject", "remedy", "severity", "controls", "facts"}, name) {
			return finding{}, fmt.Errorf("it has a field %.64q, which nobody reads", name)
		}
	}
	data, err := json.Marshal(object)
	if err != nil {
		return finding{}, err
	}
	var f finding
	if err := json.Unmarshal(data, &f); err != nil {
		return finding{}, fmt.Errorf("it has the wrong shape: %w", err)
	}
	if f.ID == "" || f.Message == "" {
		return finding{}, errors.New("it needs an id and a msg")
	}
	return f, nil
}

func either(first, second []string) []string {
	if len(first) > 0 {
		return first
	}
	return second
}
