package operator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/pipeline"
)

type fileNotify struct {
	Name      string    `hcl:"name,label"`
	Target    string    `hcl:"target"`
	On        []string  `hcl:"on"`
	Pipelines []string  `hcl:"pipelines,optional"`
	Branches  []string  `hcl:"branches,optional"`
	Channel   string    `hcl:"channel,optional"`
	To        []string  `hcl:"to,optional"`
	Range     hcl.Range `hcl:",def_range"`
}

// takeNotify reads who is told when.
func (c *Config) takeNotify(in []fileNotify, diags *diag.List) {
	for _, n := range in {
		at := n.Range.Ptr()
		if slices.ContainsFunc(c.Notify, func(r notify.Rule) bool { return r.Name == n.Name }) {
			diags.Append(at, "Duplicate notify block", fmt.Sprintf("There is another notify block %q.", n.Name))
		}
		rule := notify.Rule{Name: n.Name, Target: n.Target, Pipelines: n.Pipelines, Branches: n.Branches, Channel: n.Channel, To: n.To}
		if len(n.On) == 0 {
			diags.Append(at, "Nobody is ever told", "Write in on when: one or more of "+conditionList()+".")
		}
		for _, text := range n.On {
			if !notify.Known(text) {
				diags.Append(at, fmt.Sprintf("Unknown condition %q", text), spelling.Hint(text, conditionNames(), "conditions"))
			}
			rule.On = append(rule.On, notify.Condition(text))
		}
		if target := c.Target(n.Target); target == nil {
			diags.Append(at, fmt.Sprintf("Unknown target %q", n.Target), spelling.Hint(n.Target, c.targetNames(), "targets"))
		} else {
			for _, problem := range Suits(target, rule) {
				diags.Append(at, "Not for this target", problem)
			}
		}
		checkAddresses(n.To, n.Range, diags)
		c.Notify = append(c.Notify, rule)
	}
}

// Suits says in what a rule asks for more than its target can do.
func Suits(target *notify.Target, rule notify.Rule) (problems []string) {
	if rule.Channel != "" && target.Slack == nil {
		problems = append(problems, fmt.Sprintf("channel is for slack, and target %q is %s.", target.Name, target.Kind()))
	}
	if len(rule.To) > 0 && target.Email == nil {
		problems = append(problems, fmt.Sprintf("to is for email, and target %q is %s.", target.Name, target.Kind()))
	}
	if target.Email != nil && len(target.Email.To) == 0 && len(rule.To) == 0 {
		problems = append(problems, fmt.Sprintf("target %q has no recipients of its own: write them in to.", target.Name))
	}
	return problems
}

func (c *Config) targetNames() []string {
	var out []string
	for _, t := range c.Targets {
		out = append(out, t.Name)
	}
	return out
}

func conditionNames() []string {
	var out []string
	for _, known := range pipeline.Conditions() {
		out = append(out, string(known))
	}
	return out
}

func conditionList() string { return strings.Join(conditionNames(), ", ") }
