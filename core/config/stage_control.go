package config

import (
	"fmt"
	"regexp"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

const (
	maxRequired  = 20
	maxApprovers = 100
)

// groupName is what a concurrency group may be called: it becomes the name of a
// lock, and is shown.
var groupName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,127}$`)

// concurrency is the group in which a stage is alone.
func (s *scope) concurrency(st *stage, diags *diag.List) pipeline.Concurrency {
	v, ok := s.early(st.group, cty.String, diags)
	if !ok {
		return pipeline.Concurrency{}
	}
	name := v.AsString()
	if !groupName.MatchString(name) {
		place := st.group.Expr.Range()
		diags.Append(&place, fmt.Sprintf("Invalid concurrency group %q", clip(name)),
			"It starts with a letter or digit, and has up to 128 letters, digits and . _ - / : @.")
		return pipeline.Concurrency{}
	}
	return pipeline.Concurrency{Group: name, CancelOlder: st.cancelOlder}
}

// approval is who has to agree before the stage is applied.
func (s *scope) approval(st *stage, p *prepared, diags *diag.List) *pipeline.Approval {
	place := st.approval.DefRange()
	if p.component != nil && p.component.GetKind() != pluginv1.Kind_KIND_DEPLOYER {
		diags.Append(&place, "Nothing to approve", fmt.Sprintf(
			"An approval is for a deployer's plan, and %s makes none. Put it into the stage that deploys.", st.uses))
		return nil
	}
	args := st.approval.Body.Attributes
	out := &pipeline.Approval{Required: 1}
	if a := args["required"]; a != nil {
		out.Required = s.whole(a, maxRequired, diags)
	}
	if a := args["expires"]; a != nil {
		out.Expires = s.duration(a, diags)
	}
	if a := args["approvers"]; a != nil {
		out.Approvers = s.approvers(a, out.Required, diags)
	}
	return out
}

func (s *scope) approvers(a *hclsyntax.Attribute, required int, diags *diag.List) []string {
	v, ok := s.early(a, cty.List(cty.String), diags)
	if !ok {
		return nil
	}
	var names []string
	place := a.Expr.Range()
	for _, element := range v.AsValueSlice() {
		if element.IsNull() || !element.IsKnown() || element.AsString() == "" {
			diags.Append(&place, "Empty name among the approvers", "Name people as the operator's file of allowed signers does.")
			return nil
		}
		names = append(names, element.AsString())
	}
	names = distinct(names)
	switch {
	case len(names) > maxApprovers:
		diags.Append(&place, "Too many approvers", fmt.Sprintf("At most %d can be named.", maxApprovers))
	case len(names) < required:
		diags.Append(&place, "Too few approvers", fmt.Sprintf(
			"%d have to approve, and only %d are named. Name more, or lower required.", required, len(names)))
	}
	return names
}
