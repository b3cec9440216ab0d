package config

import (
	"fmt"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
)

func pipelineShape() *shape {
	return &shape{
		what: "a pipeline", header: `pipeline "name"`, labels: 1,
		args: []string{"description", "runner_version", "timeout", "cleanup_timeout", "on_failure"},
	}
}

// decodePipeline reads a pipeline block.
func (s *Source) decodePipeline(b *hclsyntax.Block, runnerVersion string, diags *diag.List) {
	if s.header != nil {
		place := b.DefRange()
		diags.Append(&place, "Duplicate pipeline block", fmt.Sprintf(
			"There is one already at %s. A folder holds one pipeline.", at(*s.header)))
		return
	}
	place := b.DefRange()
	s.header = &place
	if pipelineShape().check(b, diags) {
		s.Name = b.Labels[0]
	}
	s.Description, _ = s.constants.text(b.Body.Attributes["description"], diags)
	s.checkRunnerVersion(b.Body.Attributes["runner_version"], runnerVersion, diags)
	s.timeout = s.constants.duration(b.Body.Attributes["timeout"], diags)
	s.cleanup = s.constants.duration(b.Body.Attributes["cleanup_timeout"], diags)
	s.decodeOnFailure(b.Body.Attributes["on_failure"], diags)
}

func (s *Source) decodeOnFailure(a *hclsyntax.Attribute, diags *diag.List) {
	text, ok := s.constants.text(a, diags)
	if !ok {
		return
	}
	switch text {
	case "keep_going":
	case "fail_fast":
		s.failFast = true
	default:
		place := a.Expr.Range()
		diags.Append(&place, fmt.Sprintf("Unknown reaction %q", clip(text)),
			spelling.Hint(text, []string{"keep_going", "fail_fast"}, "reactions"))
	}
}

// checkRunnerVersion compares release numbers only: a build between releases
// counts as the release that it becomes. A build without a version passes.
func (s *Source) checkRunnerVersion(a *hclsyntax.Attribute, runner string, diags *diag.List) {
	text, ok := s.constants.text(a, diags)
	if !ok {
		return
	}
	place := a.Expr.Range()
	wanted, err := version.NewConstraint(text)
	if err != nil {
		diags.Append(&place, "Invalid version constraint", fmt.Sprintf(
			`%q is none. Write for example ">= 0.1" or "~> 1.2".`, clip(text)))
		return
	}
	have, err := version.NewVersion(runner)
	if err != nil {
		return
	}
	if !wanted.Check(have.Core()) {
		diags.Append(&place, "Wrong runner version", fmt.Sprintf(
			"This pipeline needs a runner %s, and this one is %s. Use another runner, or change runner_version.", text, have))
	}
}
