package config

import (
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty"
)

// maxNotify bounds how many blocks a pipeline has, and what is in the lists of
// one.
const maxNotify = 32

func notifyShape() *shape {
	return &shape{
		what: "a notify block", header: `notify "name"`, labels: 1,
		args:     []string{"target", "on", "branches", "channel", "to"},
		required: []string{"target", "on"},
	}
}

// Notify are the pipeline's notify blocks, in source order. They are there also
// when the rest of the pipeline has mistakes: its team is told of those.
func (s *Source) Notify() []pipeline.Notify { return slices.Clone(s.notify) }

// decodeNotify reads a notify block: constants, so that it counts whatever the
// rest says.
func (s *Source) decodeNotify(b *hclsyntax.Block, diags *diag.List) {
	if !notifyShape().check(b, diags) {
		return
	}
	out := pipeline.Notify{Name: b.Labels[0], Range: b.DefRange()}
	if i := slices.IndexFunc(s.notify, func(n pipeline.Notify) bool { return n.Name == out.Name }); i >= 0 {
		diags.Append(&out.Range, fmt.Sprintf("Duplicate notify block %q", out.Name), fmt.Sprintf(
			"There is one already at %s.", at(s.notify[i].Range)))
		return
	}
	if len(s.notify) == maxNotify {
		diags.Append(&out.Range, "Too many notify blocks", fmt.Sprintf("A pipeline may have %d.", maxNotify))
		return
	}
	args := b.Body.Attributes
	out.Target, _ = s.constants.text(args["target"], diags)
	out.Channel, _ = s.constants.text(args["channel"], diags)
	out.Branches = s.constants.texts(args["branches"], maxNotify, diags)
	out.To = s.constants.texts(args["to"], maxNotify, diags)
	out.On = s.conditions(args["on"], diags)
	s.notify = append(s.notify, out)
}

func (s *Source) conditions(a *hclsyntax.Attribute, diags *diag.List) []pipeline.Condition {
	var known []string
	for _, c := range pipeline.Conditions() {
		known = append(known, string(c))
	}
	var out []pipeline.Condition
	before := len(*diags)
	for _, text := range s.constants.texts(a, maxNotify, diags) {
		if !slices.Contains(known, text) {
			place := a.Expr.Range()
			diags.Append(&place, fmt.Sprintf("Unknown condition %q", clip(text)), spelling.Hint(text, known, "conditions"))
		}
		out = append(out, pipeline.Condition(text))
	}
	if a != nil && len(out) == 0 && len(*diags) == before {
		place := a.Expr.Range()
		diags.Append(&place, "Nobody is ever told", `Write one or more conditions, for example on = ["failure", "fixed"].`)
	}
	return out
}

// texts is a list of texts that are not empty.
func (c constants) texts(a *hclsyntax.Attribute, most int, diags *diag.List) []string {
	if a == nil {
		return nil
	}
	v, ok := c.value(a, cty.List(cty.String), diags)
	if !ok {
		return nil
	}
	place := a.Expr.Range()
	if !v.IsWhollyKnown() || v.LengthInt() > most {
		diags.Append(&place, fmt.Sprintf("Too many entries in %q", a.Name), fmt.Sprintf("It may have %d.", most))
		return nil
	}
	var out []string
	for it := v.ElementIterator(); it.Next(); {
		_, item := it.Element()
		if item.IsNull() || item.AsString() == "" {
			diags.Append(&place, fmt.Sprintf("Empty entry in %q", a.Name), "Each entry is a text with something in it.")
			return nil
		}
		out = append(out, item.AsString())
	}
	return out
}
