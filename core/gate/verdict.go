package gate

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/sdk/decision"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// The verdicts of event.Decision.
const (
	allow = "allow"
	deny  = "deny"
	fault = "error"
)

// maxShown bounds each list of a decision; what is more is counted.
const maxShown = 200

// verdict collects what every policy says. It allows only when at least one was
// asked and every one gave a whole and clean answer.
type verdict struct {
	planDigest string
	stage      string
	errors     []string
	asked      int
	policies   []decision.Policy
	rules      []string
	ruleCount  int
	violations []event.Violation
	warnings   []event.Violation
	waived     []event.Violation
	refused    []string // waivers that do not count, and why
}

func newVerdict(req engine.DecisionRequest) *verdict {
	v := &verdict{planDigest: req.Plan.GetDigest()}
	if req.Stage != nil {
		v.stage = req.Stage.Name
	}
	return v
}

// fail records that something could not be judged.
func (v *verdict) fail(who string, err error) {
	text := err.Error()
	if who != "" {
		text = who + ": " + text
	}
	v.errors = append(v.errors, text)
}

// add takes one policy's answer.
func (v *verdict) add(c call, resp *pluginv1.EvaluateResponse, err error) {
	v.asked++
	if err == nil {
		err = checkAnswer(resp)
	}
	if err != nil {
		v.fail(c.who(), err)
	}
	// Whatever a broken answer does say is shown; it can only deny.
	for _, b := range resp.GetBundles() {
		v.policies = append(v.policies, decision.Policy{
			Component: c.component.String(), Bundle: b.GetName(), Revision: b.GetRevision(), Digest: b.GetDigest(),
		})
	}
	v.rules = append(v.rules, resp.GetRules()...)
	v.ruleCount += len(resp.GetRules())
	v.violations = append(v.violations, violations(resp.GetViolations())...)
	v.warnings = append(v.warnings, violations(resp.GetWarnings())...)
	v.waived = append(v.waived, violations(resp.GetWaived())...)
}

// checkAnswer is why an answer is no verdict.
func checkAnswer(resp *pluginv1.EvaluateResponse) error {
	switch resp.GetVerdict() {
	case pluginv1.PolicyVerdict_POLICY_VERDICT_PASS:
		if len(resp.GetViolations()) > 0 {
			return errors.New("it passes and names violations")
		}
	case pluginv1.PolicyVerdict_POLICY_VERDICT_DENY:
		if len(resp.GetViolations()) == 0 {
			return errors.New("it denies without a reason")
		}
	case pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR:
		return errors.New(cmp.Or(resp.GetError(), firstSummary(resp.GetDiagnostics()), "it could not be evaluated"))
	default:
		return fmt.Errorf("it gave no verdict (%d)", resp.GetVerdict())
	}
	if len(resp.GetRules()) == 0 {
		return errors.New("it evaluated no rule")
	}
	if len(resp.GetBundles()) == 0 {
		return errors.New("it does not say what it evaluated (no bundle)")
	}
	for _, b := range resp.GetBundles() {
		if hex, ok := strings.CutPrefix(b.GetDigest(), "sha256:"); !ok || len(hex) != 64 {
			return fmt.Errorf("its bundle %.64q has no digest", b.GetName())
		}
	}
	return nil
}

func firstSummary(list []*pluginv1.Diagnostic) string {
	if len(list) == 0 {
		return ""
	}
	if detail := list[0].GetDetail(); detail != "" {
		return list[0].GetSummary() + ": " + detail
	}
	return list[0].GetSummary()
}

func (v *verdict) allows() bool {
	return v.asked > 0 && len(v.errors) == 0 && len(v.violations) == 0 && v.ruleCount > 0
}

func (v *verdict) name() string {
	switch {
	case v.allows():
		return allow
	case len(v.violations) > 0:
		return deny
	}
	return fault
}

func (v *verdict) event() event.Decision {
	d := event.Decision{
		Verdict:    v.name(),
		PlanDigest: v.planDigest,
		For:        v.stage,
		Policies:   make([]string, 0, len(v.policies)),
		Rules:      sortedSet(v.rules),
		Violations: shown(v.violations),
		Warnings:   shown(v.warnings),
		Waived:     shown(v.waived),
		Refused:    v.refused,
		Error:      strings.Join(v.errors, "; "),
	}
	for _, p := range v.policies {
		d.Policies = append(d.Policies, strings.TrimSuffix(fmt.Sprintf("%s/%s@%s", p.Component, p.Bundle, p.Revision), "@")+" "+p.Digest)
	}
	if d.Verdict == fault && d.Error == "" {
		d.Error = "no policy was asked"
	}
	return d
}

func sortedSet(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

// shown sorts, so that the same findings read the same, and bounds.
func shown(list []event.Violation) []event.Violation {
	slices.SortStableFunc(list, func(a, b event.Violation) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Message, b.Message))
	})
	if more := len(list) - maxShown; more > 0 {
		return append(slices.Clip(list[:maxShown]), event.Violation{
			Rule: "more", Message: fmt.Sprintf("%d further findings are not shown", more),
		})
	}
	return list
}

func violations(in []*pluginv1.Violation) []event.Violation {
	out := make([]event.Violation, 0, len(in))
	for _, v := range in {
		out = append(out, event.Violation{
			Rule: v.GetRule(), Message: v.GetMessage(), Subject: v.GetSubject(), Remedy: v.GetRemedy(),
			Controls: v.GetControls(), Severity: v.GetSeverity(), Facts: v.GetFacts(), Waiver: v.GetWaiver(),
		})
	}
	return out
}
