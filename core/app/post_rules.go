package app

import (
	"fmt"
	"net/mail"
	"strings"

	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/operator"
	"github.com/stagegate/stagegate/core/pipeline"
)

// checkNotify takes over those of the pipeline's notify blocks that the operator
// allows, and reports the others. Where the operator has no target at all, as
// on most people's own machines, nobody is told: that is a warning.
func (l *loaded) checkNotify(o *operator.Config) {
	for _, n := range l.source.Notify() {
		if n.Target == "" {
			continue // that is reported
		}
		if len(o.Targets) == 0 {
			l.diags.Warn(&n.Range, "Nobody is told", "The operator's configuration has no targets, so notify blocks do nothing here.")
			continue
		}
		rule, found := allowed(n, l.source.Name, o)
		l.diags = append(l.diags, found...)
		if !found.HasErrors() {
			l.rules = append(l.rules, rule)
		}
	}
}

// allowed is the rule that a block stands for.
func allowed(n pipeline.Notify, name string, o *operator.Config) (notify.Rule, diag.List) {
	var diags diag.List
	rule := notify.Rule{Name: n.Name, Target: n.Target, On: n.On, Branches: n.Branches, Channel: n.Channel}
	target := o.Target(n.Target)
	if target == nil {
		diags.Append(&n.Range, fmt.Sprintf("Unknown target %q", n.Target),
			"The operator's configuration says where messages can go, and has none of that name. "+spelling.Hint(n.Target, open(o, name), "targets"))
		return rule, diags
	}
	if target.Allow == nil || !notify.Among(target.Allow.Pipelines, name) {
		diags.Append(&n.Range, fmt.Sprintf("Target %q is not for this pipeline", n.Target),
			"The operator's configuration has to allow it, with a block allow in the target. This pipeline may use: "+listed(open(o, name), "none")+".")
		return rule, diags
	}
	if n.Channel != "" && (len(target.Allow.Channels) == 0 || !notify.Among(target.Allow.Channels, n.Channel)) {
		diags.Append(&n.Range, fmt.Sprintf("Channel %q is not allowed", n.Channel), fmt.Sprintf(
			"The operator allows %s of target %q. Leave channel out for the target's own.", listed(target.Allow.Channels, "no other channel"), n.Target))
	}
	for _, text := range n.To {
		address, err := mail.ParseAddress(text)
		if err != nil {
			diags.Append(&n.Range, "Not a mail address", fmt.Sprintf("%q is none; write for example \"ml@example.com\".", text))
			continue
		}
		if len(target.Allow.Recipients) == 0 || !notify.Among(target.Allow.Recipients, address.Address) {
			diags.Append(&n.Range, fmt.Sprintf("Recipient %q is not allowed", address.Address), fmt.Sprintf(
				"The operator allows %s of target %q. Leave to out for the target's own.", listed(target.Allow.Recipients, "no other recipient"), n.Target))
		}
		rule.To = append(rule.To, address.Address)
	}
	for _, problem := range operator.Suits(target, rule) {
		diags.Append(&n.Range, "Not for this target", problem)
	}
	return rule, diags
}

// open are the names of the targets that a pipeline may use.
func open(o *operator.Config, name string) []string {
	var out []string
	for _, t := range o.Targets {
		if t.Allow != nil && notify.Among(t.Allow.Pipelines, name) {
			out = append(out, t.Name)
		}
	}
	return out
}

func listed(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}
